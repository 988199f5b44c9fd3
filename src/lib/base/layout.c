/* See layout.h. */
#include "gatepost/layout.h"

static uint64_t fold_byte(uint64_t layout, uint8_t byte)
{
    return (layout ^ byte) * 0x100000001b3ULL;
}

uint64_t layout_fold(uint64_t layout, uint64_t number)
{
    for (unsigned shift = 0; shift < 64; shift += 8)
        layout = fold_byte(layout, (uint8_t)(number >> shift));
    return layout;
}

/* With its NUL: "ab", "c" is not "a", "bc". */
uint64_t layout_fold_text(uint64_t layout, const char *text)
{
    do {
        layout = fold_byte(layout, (uint8_t)*text);
    } while (*text++ != '\0');
    return layout;
}

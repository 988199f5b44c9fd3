/* The part of an input that is not handed over as it is but tells a target what to do: bytes taken
 * one by one, and zeros once there are none left, so that every script is complete. */
#ifndef TESTS_FUZZ_SCRIPT_H
#define TESTS_FUZZ_SCRIPT_H

#include "gatepost/bytes.h"
#include "gatepost/encoding.h"

struct script {
    const uint8_t *bytes;
    size_t len; /* left */
};

static inline uint8_t script_u8(struct script *script)
{
    if (script->len == 0)
        return 0;
    script->len--;
    return *script->bytes++;
}

static inline uint64_t script_u64(struct script *script)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | script_u8(script);
    return value;
}

/* A length byte and as many bytes, or what is left of both. */
static inline struct slice script_bytes(struct script *script, size_t max)
{
    size_t len = script_u8(script);

    len = len < max ? len : max;
    len = len < script->len ? len : script->len;
    struct slice taken = slice_of(script->bytes, len);
    script->bytes += len;
    script->len -= len;
    return taken;
}

/* The same as text: fallback when the bytes are none. */
static inline struct slice script_text(struct script *script, size_t max, const char *fallback)
{
    struct slice text = script_bytes(script, max);

    return text.len > 0 && utf8_valid(text) ? text : slice_of_text(fallback);
}

#endif

/* Stored passwords out of any bytes: what is read is written again the same, so there is one
 * spelling, and its cost is bounded. */
#include "lib/password/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct password_form form;
    struct slice text = slice_of(data, len);
    char again[PASSWORD_ENCODED_BYTES];

    if (!password_form_parse(text, &form))
        return 0;
    BUG_ON(form.iterations == 0 || form.iterations > PASSWORD_ITERATIONS_MAX);
    if (memchr(text.at, 0, text.len) != NULL)
        return 0; /* stored forms are NUL-terminated texts */
    password_form_write(&form, again);
    BUG_ON(!slice_equal(slice_of_text(again), text));
    return 0;
}

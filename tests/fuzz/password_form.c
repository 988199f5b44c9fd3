/* Stored passwords out of any bytes: what is read of a form that we write is written again the
 * same, so there is one spelling; what any form asks for is bounded; and libraries take what is
 * read, as far as it is quick to try. */
#include "lib/password/calls.h"

#include "quick_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool is_written(const struct password_form *form)
{
    return form->django &&
           (form->method == PASSWORD_METHOD_PBKDF2_SHA256 ||
            form->method == PASSWORD_METHOD_SCRYPT ||
            (form->method == PASSWORD_METHOD_ARGON2ID && form->version == PASSWORD_ARGON2_VERSION));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct password_form form;
    struct slice text = slice_of(data, len);
    uint8_t digest[PASSWORD_HASH_MAX_BYTES];
    char again[PASSWORD_ENCODED_BYTES];

    if (!password_form_parse(text, &form))
        return 0;
    BUG_ON(form.iterations > PASSWORD_ITERATIONS_MAX || form.memory_kib > 256 * 1024 ||
           form.work_kib > 1024 * 1024 || form.log2_cost > 15);
    BUG_ON(form.hash_len < 16 || form.hash_len > sizeof(form.hash) ||
           form.salt_len > sizeof(form.salt));
    if (is_written(&form)) {
        password_form_write(&form, again);
        BUG_ON(!slice_equal(slice_of_text(again), text));
    }
    if (!password_form_in_lanes(&form) && is_quick(&form))
        BUG_ON(!password_call(&form, SLICE_LITERAL("testpass123"), digest));
    return 0;
}

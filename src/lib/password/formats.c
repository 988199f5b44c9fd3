/* Reads and writes Django's form of a PBKDF2 hash. What the database holds is read as strictly as
 * what a client sends: a row that was changed must not cost a day of hashing. */
#include "formats.h"

#include "gatepost/encoding.h"

#include <stdio.h>

#define ALGORITHM "pbkdf2_sha256"

/* Cuts off what stands before the next '$'. */
static bool cut_field(struct slice *text, struct slice *field_out)
{
    const char *dollar = text->len > 0 ? memchr(text->at, '$', text->len) : NULL;

    if (dollar == NULL)
        return false;
    *field_out = slice_of(text->at, (size_t)(dollar - text->at));
    *text = slice_of(dollar + 1, text->len - field_out->len - 1);
    return true;
}

static bool parse_iterations(struct slice text, uint32_t *iterations_out)
{
    uint32_t iterations = 0;

    if (text.len == 0 || text.len > sizeof("100000000") - 1 || text.at[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        iterations = iterations * 10 + (uint32_t)(text.at[i] - '0');
    }
    if (iterations > PASSWORD_ITERATIONS_MAX)
        return false;
    *iterations_out = iterations;
    return true;
}

bool password_form_parse(struct slice encoded, struct password_form *form_out)
{
    struct slice algorithm;
    struct slice iterations;
    size_t len;

    return encoded.len < PASSWORD_ENCODED_BYTES && cut_field(&encoded, &algorithm) &&
           slice_equal(algorithm, SLICE_LITERAL(ALGORITHM)) && cut_field(&encoded, &iterations) &&
           parse_iterations(iterations, &form_out->iterations) &&
           cut_field(&encoded, &form_out->salt) && form_out->salt.len > 0 &&
           form_out->salt.len <= PASSWORD_SALT_MAX_BYTES &&
           base64_decode(encoded, form_out->hash, sizeof(form_out->hash), &len) &&
           len == sizeof(form_out->hash);
}

void password_form_write(const struct password_form *form, char text_out[PASSWORD_ENCODED_BYTES])
{
    char hash[BASE64_TEXT_BYTES(PBKDF2_BYTES)];

    BUG_ON(form->salt.len > PASSWORD_SALT_MAX_BYTES);
    base64_encode(form->hash, sizeof(form->hash), hash);
    int len = snprintf(text_out, PASSWORD_ENCODED_BYTES, ALGORITHM "$%u$%.*s$%s", form->iterations,
                       (int)form->salt.len, form->salt.at, hash);
    BUG_ON(len < 0 || len >= PASSWORD_ENCODED_BYTES);
}

bool password_form_known(struct slice encoded)
{
    struct password_form form;

    return password_form_parse(encoded, &form);
}

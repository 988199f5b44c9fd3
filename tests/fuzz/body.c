/* A JSON body of any bytes against a field table: whatever is called good fits its struct. */
#include <stdint.h>

#include "gatepost/encoding.h"
#include "worker/body.h"

struct form {
    struct email email;
    struct username username;
    struct slice password;
};

static const struct field FIELDS[] = {
    {"email", FIELD_EMAIL, offsetof(struct form, email)},
    {"username", FIELD_USERNAME, offsetof(struct form, username)},
    {"password", FIELD_PASSWORD, offsetof(struct form, password)},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct body body;
    struct form form = {.password = slice_of(NULL, 0)};
    struct field_problems problems[3];
    struct err err = {""};

    if (size > 16384)
        return 0;
    if (body_read(BODY_JSON, slice_of(data, size), &body, &err) == BODY_OK) {
        size_t wrong = body_check(&body, FIELDS, 3, &form, problems);
        BUG_ON(wrong > 3);
        for (size_t i = 0; i < 3; i++)
            BUG_ON(problems[i].count > FIELD_SENTENCES_MAX);
        if (problems[0].count == 0)
            BUG_ON(!email_is_canonical(slice_of_text(form.email.address)));
        if (problems[1].count == 0)
            BUG_ON(form.username.text[0] == '\0' || form.username.key[0] == '\0');
        if (problems[2].count == 0)
            BUG_ON(form.password.len == 0 || !utf8_valid(form.password));
    }
    body_fini(&body);
    return 0;
}

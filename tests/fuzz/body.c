/* A body of any bytes, as JSON and as a form, against field tables: whatever is called good fits
 * its struct, and one wrong field has at most so many sentences. */
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

/* As a login has them. */
static const struct field TEXT_FIELDS[] = {{"username", FIELD_TEXT, 0}};

static void check_text(struct body *body)
{
    struct field_problems problems;
    struct slice text;

    if (body_check(body, TEXT_FIELDS, 1, &text, &problems) > 0) {
        BUG_ON(problems.count == 0 || problems.count > FIELD_SENTENCES_MAX);
        return;
    }
    BUG_ON(text.len == 0 || !utf8_valid(text) || text_trimmed(text).len != text.len);
    BUG_ON(!body_has(body, "username"));
}

static void check_sign_up(struct body *body)
{
    struct form form = {.password = slice_of(NULL, 0)};
    struct field_problems problems[3];
    size_t wrong = body_check(body, FIELDS, 3, &form, problems);

    BUG_ON(wrong > 3);
    for (size_t i = 0; i < 3; i++) {
        BUG_ON(problems[i].count > FIELD_SENTENCES_MAX);
        wrong -= problems[i].count > 0;
    }
    BUG_ON(wrong != 0);
    if (problems[0].count == 0)
        BUG_ON(!email_is_canonical(slice_of_text(form.email.address)));
    if (problems[1].count == 0)
        BUG_ON(form.username.text[0] == '\0' || form.username.key[0] == '\0');
    if (problems[2].count == 0)
        BUG_ON(form.password.len == 0 || !utf8_valid(form.password));
}

static void try_format(enum body_format format, struct slice bytes)
{
    struct body body;
    struct err err = {""};
    enum body_status status = body_read(format, bytes, &body, &err);

    if (status == BODY_OK) {
        check_sign_up(&body);
        check_text(&body);
    } else if (status == BODY_NOT_OBJECT) {
        BUG_ON(body_not_object_sentence(body.object.top)[0] == '\0');
    } else if (status == BODY_NOT_JSON) {
        BUG_ON(err.text[0] == '\0' || !utf8_valid(slice_of_text(err.text)));
    }
    body_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 16384)
        return 0;
    try_format(BODY_JSON, slice_of(data, size));
    try_format(BODY_FORM, slice_of(data, size));
    return 0;
}

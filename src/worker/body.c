/* DRF's rules for CharField and EmailField, as measured on DRF 3.14.
 *
 * The order of the steps is DRF's, and so is the order of sentences in a list: missing, null, blank
 * and "not a string" end the matter; after that every validator speaks: the username's alphabet,
 * length, NUL, surrogates, the e-mail's form. */
#include "body.h"

#include <stdio.h>

#include "gatepost/encoding.h"
#include "gatepost/secret.h"
#include "gatepost/uuid.h"

#include "form.h"

const char EMAIL_TAKEN[] = "A user with this email already exists.";
const char USERNAME_TAKEN[] = "A user with this username already exists.";

static const char REQUIRED[] = "This field is required.";
static const char IS_NULL[] = "This field may not be null.";
static const char BLANK[] = "This field may not be blank.";
static const char NOT_STRING[] = "Not a valid string.";
static const char NOT_EMAIL[] = "Enter a valid email address.";
static const char HAS_NUL[] = "Null characters are not allowed.";
static const char NOT_LANGUAGE[] = "Enter a valid language tag, such as en or pt-BR.";
static const char NOT_FLAG[] = "Must be a valid boolean.";
static const char EMAIL_LONG[] = "Ensure this field has no more than 254 characters.";
static const char USERNAME_LONG[] = "Ensure this field has no more than 150 characters.";
static const char USERNAME_BAD[] = "Enter a valid username. This value may contain only letters, "
                                   "numbers, and @/./+/-/_ characters.";

enum body_status body_read(enum body_format format, struct slice bytes, struct body *body_out,
                           struct err *err)
{
    *body_out = (struct body){.object.top = JSON_OBJECT};
    switch (format) {
    case BODY_EMPTY:
        return BODY_OK;
    case BODY_FORM:
        return form_read(bytes, &body_out->object) ? BODY_OK : BODY_NOT_FORM;
    case BODY_JSON:
        break;
    }
    switch (json_read(bytes, &body_out->object, err)) {
    case JSON_OK:
        return BODY_OK;
    case JSON_NOT_OBJECT:
        return BODY_NOT_OBJECT;
    case JSON_DUPLICATE:
    case JSON_SYNTAX:
        break;
    }
    return BODY_NOT_JSON;
}

void body_fini(struct body *body)
{
    json_object_fini(&body->object);
    secret_wipe(body, sizeof(*body));
}

bool body_has(const struct body *body, const char *name)
{
    return json_find(&body->object, name) != NULL;
}

bool body_has_value(const struct body *body, const char *name)
{
    const struct json_member *member = json_find(&body->object, name);

    return member != NULL && member->type != JSON_NULL;
}

void field_problem_add(struct field_problems *problems, const char *sentence)
{
    BUG_ON(problems->count == FIELD_SENTENCES_MAX);
    problems->sentences[problems->count++] = sentence;
}

/* The member's text, or the one sentence that ends the matter. */
static bool text_of(const struct json_member *member, enum field_kind kind, char *number,
                    struct slice *text_out, struct field_problems *problems)
{
    if (member == NULL) {
        field_problem_add(problems, REQUIRED);
        return false;
    }
    switch (member->type) {
    case JSON_STRING:
        *text_out = member->text;
        break;
    case JSON_INTEGER:
    case JSON_FLOAT:
        *text_out = number_text(member, number);
        break;
    case JSON_NULL:
        field_problem_add(problems, IS_NULL);
        return false;
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_ARRAY:
    case JSON_OBJECT:
        field_problem_add(problems, kind == FIELD_EMAIL ? NOT_EMAIL : NOT_STRING);
        return false;
    }
    struct slice trimmed = text_trimmed(*text_out);
    if (trimmed.len == 0) {
        field_problem_add(problems, BLANK);
        return false;
    }
    if (kind != FIELD_PASSWORD)
        *text_out = trimmed;
    return true;
}

static bool has_nul(struct slice text)
{
    return memchr(text.at, '\0', text.len) != NULL;
}

static void check_characters(const struct json_member *member, struct slice text,
                             struct field_problems *problems)
{
    if (has_nul(text))
        field_problem_add(problems, HAS_NUL);
    if (member->has_surrogate) {
        snprintf(problems->quoting, sizeof(problems->quoting),
                 "Surrogate characters are not allowed: U+%X.", member->surrogate);
        field_problem_add(problems, problems->quoting);
    }
}

static void check_username(const struct json_member *member, struct slice text, bool single_script,
                           struct username *username, struct field_problems *problems)
{
    unsigned wrong = USERNAME_FINE;
    struct username name;

    if (!has_nul(text))
        wrong = username_check(text, &name);
    else if (utf8_count(text) > USERNAME_MAX_POINTS)
        wrong = USERNAME_BAD_CHARACTER | USERNAME_TOO_LONG;
    else
        wrong = USERNAME_BAD_CHARACTER;
    if (wrong == USERNAME_FINE && single_script &&
        !username_single_script(slice_of_text(name.text)))
        wrong = USERNAME_BAD_CHARACTER;
    /* Whoever looks for a deleted account's id in the audit trail is not to find another account.
     */
    if (wrong == USERNAME_FINE && uuid_parse(slice_of_text(name.text), &(struct uuid){{0}}))
        wrong = USERNAME_BAD_CHARACTER;
    if (wrong == USERNAME_FINE)
        *username = name;
    if ((wrong & USERNAME_BAD_CHARACTER) != 0)
        field_problem_add(problems, USERNAME_BAD);
    if ((wrong & USERNAME_TOO_LONG) != 0)
        field_problem_add(problems, USERNAME_LONG);
    check_characters(member, text, problems);
}

/* An address that is too long may be fine apart from that: then Django has nothing else to say.
 * So its two halves are tried with a short partner each. */
static bool long_email_is_fine(struct slice text)
{
    const char *at = memrchr(text.at, '@', text.len);
    struct email scratch;
    char half[EMAIL_MAX_BYTES + 1];

    if (at == NULL)
        return false;
    int local_len = (int)(at - text.at);
    int domain_len = (int)text.len - local_len - 1;
    int len = snprintf(half, sizeof(half), "%.*s@example.com", local_len, text.at);
    if (len < 0 || len >= (int)sizeof(half) || !email_parse(slice_of(half, (size_t)len), &scratch))
        return false;
    len = snprintf(half, sizeof(half), "a@%.*s", domain_len, at + 1);
    return len >= 0 && len < (int)sizeof(half) &&
           email_parse(slice_of(half, (size_t)len), &scratch);
}

static void check_email(const struct json_member *member, struct slice text, struct email *email,
                        struct field_problems *problems)
{
    bool too_long = utf8_count(text) > EMAIL_MAX_BYTES;
    bool fine = !has_nul(text) && !member->has_surrogate &&
                (too_long ? long_email_is_fine(text) : email_parse(text, email));

    if (too_long)
        field_problem_add(problems, EMAIL_LONG);
    check_characters(member, text, problems);
    if (!fine)
        field_problem_add(problems, NOT_EMAIL);
}

/* DRF's BooleanField, less the words that only people type. A form has no other way to say it. */
static bool says(const struct json_member *member, const char *word)
{
    return member->type == JSON_STRING && slice_equal(member->text, slice_of_text(word));
}

static void check_flag(const struct json_member *member, bool *flag,
                       struct field_problems *problems)
{
    if (member == NULL)
        field_problem_add(problems, REQUIRED);
    else if (member->type == JSON_NULL)
        field_problem_add(problems, IS_NULL);
    else if (member->type == JSON_TRUE || says(member, "true"))
        *flag = true;
    else if (member->type == JSON_FALSE || says(member, "false"))
        *flag = false;
    else
        field_problem_add(problems, NOT_FLAG);
}

/* The one field that may be missing, for no client of the Django project sends it; empty is as
 * good.
 */
static void check_language(const struct json_member *member, struct language *language,
                           struct field_problems *problems)
{
    if (member == NULL)
        return;
    struct slice text = member->type == JSON_STRING ? text_trimmed(member->text) : member->text;
    if (member->type == JSON_NULL)
        field_problem_add(problems, IS_NULL);
    else if (member->type != JSON_STRING)
        field_problem_add(problems, NOT_STRING);
    else if (text.len > 0 && !language_read(text, language))
        field_problem_add(problems, NOT_LANGUAGE);
}

size_t body_check(struct body *body, const struct field *fields, size_t count, void *checked,
                  struct field_problems *problems_out)
{
    size_t wrong = 0;

    BUG_ON(count > BODY_FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct field_problems *problems = &problems_out[i];
        const struct json_member *member = json_find(&body->object, fields[i].name);
        void *target = (char *)checked + fields[i].offset;
        struct slice text;

        problems->count = 0;
        if (fields[i].kind == FIELD_FLAG) {
            check_flag(member, target, problems);
        } else if (fields[i].kind == FIELD_LANGUAGE) {
            check_language(member, target, problems);
        } else if (text_of(member, fields[i].kind, body->numbers[i], &text, problems)) {
            switch (fields[i].kind) {
            case FIELD_TEXT:
            case FIELD_PASSWORD:
                check_characters(member, text, problems);
                if (problems->count == 0)
                    *(struct slice *)target = text;
                break;
            case FIELD_USERNAME:
                check_username(member, text, body->single_script, target, problems);
                break;
            case FIELD_EMAIL:
                check_email(member, text, target, problems);
                break;
            case FIELD_FLAG:     /* is no text */
            case FIELD_LANGUAGE: /* may be missing */
                break;
            }
        }
        wrong += problems->count > 0;
    }
    return wrong;
}

const char *body_not_object_sentence(enum json_type top)
{
    switch (top) {
    case JSON_STRING:
        return "Invalid data. Expected a dictionary, but got str.";
    case JSON_INTEGER:
        return "Invalid data. Expected a dictionary, but got int.";
    case JSON_FLOAT:
        return "Invalid data. Expected a dictionary, but got float.";
    case JSON_TRUE:
    case JSON_FALSE:
        return "Invalid data. Expected a dictionary, but got bool.";
    case JSON_ARRAY:
        return "Invalid data. Expected a dictionary, but got list.";
    case JSON_NULL:
        return "No data provided";
    case JSON_OBJECT:
        break;
    }
    BUG_ON(true);
}

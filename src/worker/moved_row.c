/* See moved_row.h. */
#include "moved_row.h"

#include "gatepost/access_token.h"
#include "gatepost/email.h"
#include "gatepost/encoding.h"
#include "gatepost/password.h"
#include "gatepost/secret.h"
#include "gatepost/username.h"

#include "accept_language.h"
#include "body.h"
#include "member.h"

#define LINE_MAX_BYTES    16384
#define EXTRA_MAX_BYTES   2048
#define NO_PASSWORD_BYTES 30 /* random ones: as long as Django's mark */

static const char NOT_TEXT[] = "is no text";
static const char NOT_TAG[] = "is no language tag like en or pt-BR";

/* A line as it is read. Slices point into the object. */
struct reading {
    struct json_object object;
    struct moved_account account;
    struct username username;
    struct email email;
    struct language language;
    char nobody[2 + NO_PASSWORD_BYTES * 2];
    bool verified;
};

/* ---- members: each returns what is wrong with it, or NULL --------------------------------------
 */

static const char *read_id(struct reading *reading, const struct json_member *member)
{
    struct slice id = member->text;

    if (member->type == JSON_NULL)
        return NULL;
    if (member->type != JSON_STRING && member->type != JSON_INTEGER)
        return "is no text and no whole number";
    if (id.len == 0 || id.len >= TOKEN_SUBJECT_BYTES)
        return "is empty or longer than 63 bytes";
    if (!username_is_visible(id))
        return "has a blank or a character in it that is not seen";
    reading->account.subject = id;
    return NULL;
}

static const char *read_username(struct reading *reading, const struct json_member *member)
{
    struct slice text = text_trimmed(member->text);

    if (member->type != JSON_STRING)
        return NOT_TEXT;
    if (text.len == 0 || memchr(text.at, '\0', text.len) != NULL)
        return "is empty";
    unsigned problems = username_check(text, &reading->username);
    if ((problems & USERNAME_TOO_LONG) != 0)
        return "has more than 150 characters";
    if (problems != USERNAME_FINE)
        return "may contain letters, numbers and @/./+/-/_ only";
    reading->account.username = slice_of_text(reading->username.text);
    reading->account.username_key = slice_of_text(reading->username.key);
    return NULL;
}

static const char *read_email(struct reading *reading, const struct json_member *member)
{
    struct slice text = text_trimmed(member->text);

    if (member->type == JSON_NULL || (member->type == JSON_STRING && text.len == 0))
        return NULL;
    if (member->type != JSON_STRING)
        return NOT_TEXT;
    if (!email_parse(text, &reading->email))
        return "is no address that mail can be sent to";
    reading->account.email = slice_of_text(reading->email.address);
    reading->account.email_key = slice_of_text(reading->email.key);
    return NULL;
}

/* Django's mark of an account without a password is taken as it is: nothing matches it. */
static const char *read_password(struct reading *reading, const struct json_member *member)
{
    if (member->type == JSON_NULL || (member->type == JSON_STRING && member->text.len == 0))
        return NULL;
    if (member->type != JSON_STRING)
        return NOT_TEXT;
    if (member->text.len >= PASSWORD_ENCODED_BYTES)
        return "is longer than a stored form can be";
    if (member->text.at[0] != '!' && !password_form_known(member->text))
        return "is no stored form that can be checked here";
    reading->account.password = member->text;
    return NULL;
}

static const char *read_flag(const struct json_member *member, uint8_t *flag_out)
{
    if (member->type != JSON_TRUE && member->type != JSON_FALSE)
        return "is neither true nor false";
    *flag_out = member->type == JSON_TRUE;
    return NULL;
}

static const char *read_active(struct reading *reading, const struct json_member *member)
{
    return read_flag(member, &reading->account.active);
}

static const char *read_verified(struct reading *reading, const struct json_member *member)
{
    return read_flag(member, &reading->account.email_verified);
}

static const char *read_time(const struct json_member *member, wall_ms *when_out)
{
    if (member->type == JSON_NULL)
        return NULL;
    if (member->type != JSON_STRING || !clock_read_iso(member->text.at, member->text.len, when_out))
        return "is no time as 2026-11-28T12:00:00Z";
    return NULL;
}

static const char *read_joined(struct reading *reading, const struct json_member *member)
{
    return read_time(member, &reading->account.date_joined);
}

static const char *read_login(struct reading *reading, const struct json_member *member)
{
    return read_time(member, &reading->account.last_login);
}

/* Also as some write it, pt_BR. */
static const char *read_language(struct reading *reading, const struct json_member *member)
{
    char text[LANGUAGE_MAX_BYTES + 1];

    if (member->type == JSON_NULL || (member->type == JSON_STRING && member->text.len == 0))
        return NULL;
    if (member->type != JSON_STRING)
        return NOT_TEXT;
    if (!slice_to_text(member->text, text, sizeof(text)))
        return NOT_TAG;
    for (char *at = strchr(text, '_'); at != NULL; at = strchr(at, '_'))
        *at = '-';
    if (!language_read(slice_of_text(text), &reading->language))
        return NOT_TAG;
    reading->account.language = slice_of_text(reading->language.tag);
    return NULL;
}

static const char *read_extra(struct reading *reading, const struct json_member *member)
{
    struct json_object inner;
    struct err err = {0};

    if (member->type == JSON_NULL)
        return NULL;
    if (member->type != JSON_OBJECT)
        return "is no object";
    if (member->text.len > EXTRA_MAX_BYTES)
        return "is longer than 2048 bytes";
    /* It is read again on its way out: what that refuses would be lost. */
    enum json_status status = json_read(member->text, &inner, &err);
    json_object_fini(&inner);
    if (status != JSON_OK)
        return "has a name twice or over 32 members";
    reading->account.extra = member->text;
    return NULL;
}

static const struct {
    const char *name;
    const char *(*read)(struct reading *reading, const struct json_member *member);
} MEMBERS[] = {
    {"id", read_id},
    {"username", read_username},
    {"email", read_email},
    {"password", read_password},
    {"active", read_active},
    {"email_verified", read_verified},
    {"date_joined", read_joined},
    {"last_login", read_login},
    {"language", read_language},
    {"extra", read_extra},
};

/* ---- a line -------------------------------------------------------------------------------------
 */

static const char *read_member(struct reading *reading, const struct json_member *member,
                               const char **field_out)
{
    for (size_t i = 0; i < ARRAY_LEN(MEMBERS); i++) {
        if (!slice_equal(member->name, slice_of_text(MEMBERS[i].name)))
            continue;
        *field_out = MEMBERS[i].name;
        if (member->has_surrogate)
            return "is not Unicode: half of a surrogate pair";
        return MEMBERS[i].read(reading, member);
    }
    *field_out = NULL;
    return "there is a member that is not known";
}

/* What the members leave open. */
static const char *complete(struct reading *reading, const char **field_out)
{
    struct moved_account *account = &reading->account;

    if (account->username.len == 0) {
        *field_out = "username";
        return "is missing";
    }
    if (account->password.len == 0) {
        uint8_t random[NO_PASSWORD_BYTES];

        random_bytes(random, sizeof(random));
        reading->nobody[0] = '!';
        base64url_encode(random, sizeof(random), reading->nobody + 1);
        account->password = slice_of_text(reading->nobody);
    }
    const wall_ms now = clock_wall_ms();
    account->user_id = uuid_new(now);
    if (account->date_joined == 0)
        account->date_joined = now;
    if (reading->verified && account->email.len > 0)
        account->email_verified = 1;
    return NULL;
}

const char *moved_row_read(struct slice line, bool verified, struct packer *row,
                           const char **field_out)
{
    struct reading reading = {.account = {.active = 1}, .verified = verified};
    const char *wrong = NULL;
    struct err err = {0};

    *field_out = NULL;
    if (line.len > LINE_MAX_BYTES)
        return "the line is too long";
    enum json_status status = json_read(line, &reading.object, &err);
    if (status != JSON_OK)
        wrong = "this is no JSON object in UTF-8, or a name stands twice in it";
    for (size_t i = 0; wrong == NULL && i < reading.object.count; i++)
        wrong = read_member(&reading, &reading.object.members[i], field_out);
    if (wrong == NULL)
        wrong = complete(&reading, field_out);
    if (wrong == NULL)
        moved_account_pack(row, &reading.account);
    json_object_fini(&reading.object);
    BUG_ON(row->overflow);
    return wrong;
}

/* ---- out ----------------------------------------------------------------------------------------
 */

bool moved_row_write(struct json_writer *writer, struct slice row)
{
    struct moved_account account;
    char key[UUID_TEXT_BYTES];

    if (!moved_account_unpack(row, &account))
        return false;
    uuid_format(&account.user_id, key);
    json_object_begin(writer);
    member_text(writer, "key", slice_of_text(key));
    member_text(writer, "id", account.subject);
    member_text(writer, "username", account.username);
    member_text(writer, "email", account.email);
    member_text(writer, "password", account.password);
    member_flag(writer, "active", account.active);
    member_flag(writer, "email_verified", account.email_verified);
    member_time(writer, "date_joined", account.date_joined);
    member_time(writer, "last_login", account.last_login);
    member_text(writer, "language", account.language);
    json_string(writer, SLICE_LITERAL("extra"));
    json_raw(writer, account.extra.len > 0 ? account.extra : SLICE_LITERAL("{}"));
    json_object_end(writer);
    return true;
}

/* See admin.h. */
#include "admin.h"

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/encoding.h"

#include "member.h"
#include "reply.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000

static const char TWO_ACCOUNTS[] =
    "This fits two accounts: put id:, username: or email: in front of it.";

/* ---- whom a path names ------------------------------------------------------------------------
 */

/* Decodes in place. Returns false for a broken escape. A plus is a plus: this is no form. */
static bool decode(char *text)
{
    char *out = text;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '%') {
            *out++ = *at;
            continue;
        }
        int high = hex_digit(at[1]);
        int low = high < 0 ? -1 : hex_digit(at[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *out++ = (char)(high * 16 + low);
        at += 2;
    }
    *out = '\0';
    return true;
}

/* Does text begin with that word? Then it is taken off. */
static bool take_word(struct slice *text, const char *word)
{
    size_t len = strlen(word);

    if (text->len < len || memcmp(text->at, word, len) != 0)
        return false;
    *text = slice_of(text->at + len, text->len - len);
    return true;
}

static bool read_text(struct slice text, struct admin_ref *ref)
{
    struct email email;
    bool as_id = take_word(&text, "id:");
    bool as_name = !as_id && take_word(&text, "username:");
    bool as_address = !as_id && !as_name && take_word(&text, "email:");
    bool as_any = !as_id && !as_name && !as_address;

    if (text.len == 0 || !utf8_valid(text))
        return false;
    if ((as_id || as_any) && text.len < sizeof(ref->subject))
        memcpy(ref->subject, text.at, text.len);
    if ((as_name || as_any) && !username_key(text, ref->username_key))
        ref->username_key[0] = '\0';
    if ((as_address || as_any) && email_parse(text, &email))
        memcpy(ref->email_key, email.key, sizeof(ref->email_key));
    return ref->subject[0] != '\0' || ref->username_key[0] != '\0' || ref->email_key[0] != '\0';
}

bool admin_ref_of_text(struct slice text, struct admin_ref *ref_out)
{
    struct admin_ref ref = {.subject = ""};
    bool fine = read_text(text, &ref);

    if (fine)
        *ref_out = ref;
    return fine;
}

bool admin_ref_read(const char *segment, struct admin_ref *ref_out)
{
    char *text = xstrdup(segment);
    bool fine = decode(text) && admin_ref_of_text(slice_of_text(text), ref_out);

    free(text);
    return fine;
}

/* ---- what is told -----------------------------------------------------------------------------
 */

void admin_write_user(struct json_writer *writer, const struct admin_user_answer *user)
{
    json_object_begin(writer);
    member_text(writer, "id", user->subject);
    member_text(writer, "username", user->username);
    member_text(writer, "email", user->email);
    member_flag(writer, "email_verified", user->email_verified);
    member_flag(writer, "active", user->active);
    member_flag(writer, "has_password", user->has_password);
    member_time(writer, "date_joined", user->date_joined);
    member_time(writer, "last_login", user->last_login);
    json_object_end(writer);
}

/* An object a line; what the lines need is bounded by what a store's answer can hold. */
static bool write_lines(FILE *lines, struct slice rows, admin_write_row_fn write_row)
{
    struct unpacker unpacker = unpacker_over(rows);

    while (unpacker.len > 0 && !unpacker.bad) {
        struct slice row = unpack_slice(&unpacker, rows.len);
        struct json_writer *writer = json_writer_new();
        bool fine = write_row(writer, row);
        struct slice line = json_writer_text(writer);
        if (fine) {
            (void)fwrite(line.at, 1, line.len, lines);
            (void)fputc('\n', lines);
        }
        json_writer_free(&writer);
        if (!fine)
            return false;
    }
    return unpacker_done(&unpacker);
}

void admin_reply_lines(struct request **request, struct slice rows, admin_write_row_fn write_row)
{
    char *text = NULL;
    size_t len = 0;
    FILE *lines = open_memstream(&text, &len);

    BUG_ON(lines == NULL);
    bool fine = write_lines(lines, rows, write_row);
    BUG_ON(fclose(lines) != 0); /* of memory alone: it ran out */
    if (fine)
        reply_text(request, 200, "application/x-ndjson", NULL, slice_of(text, len));
    else
        reply_problem(request, PROBLEM_INTERNAL);
    free(text);
}

void admin_reply_not_found(struct request **request, enum store_status status)
{
    if (status == STORE_NOT_FOUND)
        reply_problem(request, PROBLEM_NOT_FOUND);
    else if (status == STORE_DUPLICATE)
        reply_detail(request, 400, TWO_ACCOUNTS);
    else
        reply_store_trouble(request, status);
}

void admin_on_done(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    (void)payload;
    if (status == STORE_OK)
        reply_no_content(&request);
    else
        admin_reply_not_found(&request, status);
}

struct slice admin_parameter(const struct json_object *query, const char *name)
{
    const struct json_member *member = json_find(query, name);

    return member != NULL ? member->text : slice_of(NULL, 0);
}

bool admin_number(struct slice text, uint64_t most, uint64_t *number_out)
{
    uint64_t number = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text.at[i] - '0');
        if (number > (most - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *number_out = number;
    return text.len > 0;
}

bool admin_limit(const struct json_object *query, uint32_t *limit_out)
{
    const struct slice text = admin_parameter(query, "limit");
    uint64_t limit = LIMIT_DEFAULT;

    if (text.len > 0 && (!admin_number(text, LIMIT_MAX, &limit) || limit == 0))
        return false;
    *limit_out = (uint32_t)limit;
    return true;
}

bool admin_flag(const struct json_object *query, const char *name, bool *flag_out)
{
    const struct slice text = admin_parameter(query, name);
    const bool yes =
        slice_equal(text, SLICE_LITERAL("1")) || slice_equal(text, SLICE_LITERAL("yes"));

    if (!yes && text.at != NULL && !slice_equal(text, SLICE_LITERAL("0")) &&
        !slice_equal(text, SLICE_LITERAL("no")))
        return false;
    *flag_out = yes;
    return true;
}

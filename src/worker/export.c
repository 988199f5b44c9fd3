/* GET /api/auth/me/export: everything that is stored about the bearer's account.
 *
 *   step        where  fails how
 *   1 account   store  401 the account is gone
 *   2 sessions  store  page by page
 *   3 letters   store  page by page; LETTER_PAGES_MAX of them
 *   4 events    store  of the audit trail, oldest first; EVENT_PAGES_MAX pages of them
 *   5 answer    loop   200 with a file
 *
 * Each section is written when its answers come; what is written so far lies with the request. Of
 * the password nothing is shown but how it is kept. */
#include "gatepost/password.h"

#include "audit_entry.h"
#include "bearer.h"
#include "endpoints.h"
#include "letter_text.h"
#include "member.h"
#include "reply.h"
#include "session_page.h"
#include "tokens.h"

#define ASK_BYTES 64

/* A page is a stretch of the outbox, which may be long when a relay is away. */
#define LETTER_PAGES_MAX 64U
#define LETTER_BYTES     1024

/* Some 10,000 events; whoever has more is told that there are. */
#define EVENT_PAGES_MAX 128U
#define EVENTS_A_PAGE   1000U
#define EVENT_BYTES     1024
#define EVENT_KEY_BYTES 16

struct export
{
    unsigned letter_pages;
    unsigned event_pages;
    size_t after_len; /* of the next page of events */
    uint8_t after[EVENT_KEY_BYTES];
};

static void on_account(void *context, enum store_status status, struct slice payload);
static void on_sessions(void *context, enum store_status status, struct slice payload);
static void ask_letters(struct request *request, const struct uuid *after);
static void on_letters(void *context, enum store_status status, struct slice payload);
static void ask_events(struct request *request);
static void on_events(void *context, enum store_status status, struct slice payload);
static void answer(struct request *request);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void export_on_request(struct request *request)
{
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    (void)request_keep(request, sizeof(struct export));
    export_account_ask_pack(&packer,
                            &(struct export_account_ask){.user_id = request->account->user_id});
    request_ask(&request, STORE_EXPORT_ACCOUNT, &packer, on_account);
}

static void write_password(struct json_writer *writer, const struct export_account_answer *stored)
{
    struct password_trait traits[PASSWORD_TRAITS_MAX];
    const char *method;
    const size_t count = password_form_traits(stored->password, &method, traits);

    json_string(writer, SLICE_LITERAL("password"));
    json_object_begin(writer);
    member_text(writer, "algorithm", slice_of_text(method != NULL ? method : "none"));
    for (size_t i = 0; i < count; i++)
        member_number(writer, traits[i].name, traits[i].value);
    member_time(writer, "changed", stored->password_changed);
    json_object_end(writer);
}

static void write_account(struct json_writer *writer, const struct account *account,
                          const struct export_account_answer *stored)
{
    json_string(writer, SLICE_LITERAL("account"));
    json_object_begin(writer);
    member_text(writer, "id", slice_of_text(account->subject));
    member_text(writer, "username", slice_of_text(account->username));
    member_text(writer, "email", slice_of_text(account->email));
    member_flag(writer, "email_verified", account->email_verified);
    member_flag(writer, "email_bounced", account->email_bounced);
    json_string(writer, SLICE_LITERAL("email_suppressed"));
    if (stored->suppressed == 0)
        json_null(writer);
    else
        json_string(writer, slice_of_text(suppression_reason_name(stored->suppressed)));
    member_time(writer, "date_joined", account->date_joined);
    member_time(writer, "last_login", account->last_login);
    member_bytes(writer, "language", stored->language);
    write_password(writer, stored);
    member_time(writer, "letters_since", stored->letters_since);
    member_number(writer, "letters_asked", stored->letters_asked);
    member_bytes(writer, "extra", stored->extra);
    json_object_end(writer);
}

/* A store that is away, or an answer that makes no sense. Returns false when answered. */
static bool is_told(struct request **request, enum store_status status, bool readable)
{
    if (status == STORE_NOT_FOUND)
        reply_problem(request, PROBLEM_USER_NOT_FOUND);
    else if (status != STORE_OK)
        reply_store_trouble(request, status);
    else if (!readable)
        reply_problem(request, PROBLEM_INTERNAL);
    return *request != NULL;
}

static void on_account(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct export_account_answer stored;

    if (!is_told(&request, status, export_account_answer_unpack(payload, &stored)))
        return;
    struct json_writer *writer = request->writer = json_writer_new();
    json_object_begin(writer);
    write_account(writer, request->account, &stored);
    json_string(writer, SLICE_LITERAL("sessions"));
    json_array_begin(writer);
    session_page_ask(request, &(struct uuid){{0}}, on_sessions);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void on_sessions(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct session_list_answer page;
    struct session_item item;

    if (!is_told(&request, status, session_list_answer_unpack(payload, &page)))
        return;
    struct unpacker rows = unpacker_over(page.rows);
    bool any = false;
    while (session_page_next(&rows, &item)) {
        session_write(request->writer, &item, session_is_bearers(request, &item.session_id));
        any = true;
    }
    if (page.more && any) {
        session_page_ask(request, &item.session_id, on_sessions);
        return;
    }
    json_array_end(request->writer);
    json_string(request->writer, SLICE_LITERAL("letters"));
    json_array_begin(request->writer);
    ask_letters(request, &(struct uuid){{0}});
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void ask_letters(struct request *request, const struct uuid *after)
{
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    export_letters_ask_pack(&packer, &(struct export_letters_ask){
                                         .user_id = request->account->user_id, .after = *after});
    request_ask(&request, STORE_EXPORT_LETTERS, &packer, on_letters);
}

static void write_letter(struct json_writer *writer, const struct export_letter *letter)
{
    const char *purpose = mail_purpose_name(letter->purpose);
    char id[UUID_TEXT_BYTES];

    uuid_format(&letter->job_id, id);
    json_object_begin(writer);
    member_text(writer, "id", slice_of_text(id));
    member_text(writer, "purpose", slice_of_text(purpose != NULL ? purpose : "other"));
    member_bytes(writer, "to", letter->to);
    member_time(writer, "created", letter->created);
    member_number(writer, "tries", letter->tries);
    member_text(writer, "state", slice_of_text(letter_state_name(letter->state)));
    member_flag(writer, "given_up", letter->state == LETTER_DEAD);
    member_time(writer, "ended", letter->ended);
    member_bytes(writer, "reply", letter->reply);
    json_object_end(writer);
}

static void on_letters(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct export_letters_answer page;
    struct export_letter letter;

    if (!is_told(&request, status, export_letters_answer_unpack(payload, &page)))
        return;
    struct export *export = request->state;
    struct unpacker rows = unpacker_over(page.rows);
    while (rows.len > 0 && export_letter_unpack(unpack_slice(&rows, LETTER_BYTES), &letter))
        write_letter(request->writer, &letter);
    if (page.more && ++export->letter_pages < LETTER_PAGES_MAX) {
        ask_letters(request, &page.last);
        return;
    }
    json_array_end(request->writer);
    json_string(request->writer, SLICE_LITERAL("events"));
    json_array_begin(request->writer);
    ask_events(request);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void ask_events(struct request *request)
{
    const struct export *export = request->state;
    uint8_t bytes[ASK_BYTES + TOKEN_SUBJECT_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    audit_page_ask_pack(
        &packer, &(struct audit_page_ask){.after = slice_of(export->after, export->after_len),
                                          .rows_max = EVENTS_A_PAGE,
                                          .by_user = 1,
                                          .subject = slice_of_text(request->account->subject),
                                          .user_id = request->account->user_id});
    request_ask(&request, STORE_AUDIT_PAGE, &packer, on_events);
}

static void write_event(struct json_writer *writer, const struct audit_entry *entry)
{
    json_object_begin(writer);
    audit_entry_write(writer, entry);
    json_object_end(writer);
}

static void on_events(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct audit_page_answer page;
    struct audit_entry entry;

    if (!is_told(&request, status, audit_page_answer_unpack(payload, &page)))
        return;
    struct export *export = request->state;
    struct unpacker rows = unpacker_over(page.rows);
    while (rows.len > 0 && audit_entry_unpack(unpack_slice(&rows, EVENT_BYTES), &entry))
        write_event(request->writer, &entry);
    export->after_len = page.next.len;
    memcpy(export->after, page.next.at, page.next.len);
    if (page.more && ++export->event_pages < EVENT_PAGES_MAX) {
        ask_events(request);
        return;
    }
    json_array_end(request->writer);
    member_flag(request->writer, "events_left_out", page.more != 0);
    answer(request);
}

/* ---- 5 ------------------------------------------------------------------------------------------
 */

static void answer(struct request *request)
{
    json_object_end(request->writer);
    reply_add_header(request, "content-disposition", "Content-Disposition",
                     "attachment; filename=\"account.json\"");
    reply_json(&request, 200, &request->writer);
}

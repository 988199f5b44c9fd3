/* GET    /admin/mail/letters?state=&purpose=&to=&domain=&since=&due=&after=ID&limit=N
 * GET    /admin/mail/letters/{id}         the letter, then what happened to it, an object a line
 * DELETE /admin/mail/letters/{id}         cancelled, whether it waits or was given up
 * POST   /admin/mail/letters/{id}/retry   due now, whether it waits or was given up
 * POST   /admin/mail/retry|cancel|drain   the same for all that the query means, a stretch at a
 * time; drain: all that wait, due now
 *
 *   step      where  fails how
 *   1 read    loop   400 a parameter that makes no sense; 404 what is no id
 *   2 ask     store  404 no such letter; 400 it was sent, or its address is suppressed; 503; again
 *                    while it looked at many and found nothing
 *   3 answer  loop   200: one letter a line, oldest first; none: that was the end. Of a change how
 *                    many it was, and where the next stretch begins
 *
 * Nothing here tells what stands in a letter: no link, no token, no name. */
#include "endpoints.h"

#include "gatepost/encoding.h"

#include "admin.h"
#include "form.h"
#include "letter_text.h"
#include "member.h"
#include "reply.h"

#define FILTER_BYTES 600
#define ITEM_BYTES   1200
#define EVENT_BYTES  256

struct letters {
    size_t filter_len;
    uint8_t filter[FILTER_BYTES]; /* packed letter_filter */
    enum letter_change change;
    struct uuid after;
    uint32_t limit;
};

static void ask_page(struct request *request);
static void on_page(void *context, enum store_status status, struct slice payload);
static void on_shown(void *context, enum store_status status, struct slice payload);
static void on_changed(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

static bool read_state(struct slice text, uint8_t *states_out)
{
    for (uint8_t state = LETTER_PENDING; state <= LETTER_SENT; state++) {
        if (slice_equal(text, slice_of_text(letter_state_name(state)))) {
            *states_out = (uint8_t)(1U << state);
            return true;
        }
    }
    return text.len == 0;
}

static bool read_purpose(struct slice text, uint8_t *purpose_out)
{
    *purpose_out = text.len > 0 ? mail_purpose_named(text) : 0;
    return text.len == 0 || *purpose_out != 0;
}

static bool read_address(struct slice text, struct email *email_out)
{
    *email_out = (struct email){.key = ""};
    return text.len == 0 || (utf8_valid(text) && email_parse(text, email_out));
}

/* As the address of somebody there. domain_out: with that somebody, and the @. */
static bool read_domain(struct slice text, struct email *domain_out)
{
    char address[EMAIL_MAX_BYTES * 4];

    *domain_out = (struct email){.key = ""};
    if (text.len == 0)
        return true;
    if (text.len > sizeof(address) - 3 || memchr(text.at, '@', text.len) != NULL)
        return false;
    memcpy(address, "x@", 2);
    memcpy(address + 2, text.at, text.len);
    return read_address(slice_of(address, text.len + 2), domain_out);
}

/* What the query's filter means, packed. Returns the name of the parameter that makes no sense, or
 * NULL. */
static const char *read_filter(const struct json_object *query, uint8_t states,
                               struct letters *letters)
{
    struct packer packer = packer_over(letters->filter, sizeof(letters->filter));
    struct slice since = admin_parameter(query, "since");
    struct letter_filter filter = {.states = states};
    struct email to, domain;
    bool due = false;

    if (!read_state(admin_parameter(query, "state"), &filter.states))
        return "state";
    if (!read_purpose(admin_parameter(query, "purpose"), &filter.purpose))
        return "purpose";
    if (!read_address(admin_parameter(query, "to"), &to))
        return "to";
    if (!read_domain(admin_parameter(query, "domain"), &domain))
        return "domain";
    if (since.len > 0 && !clock_read_iso(since.at, since.len, &filter.since))
        return "since";
    if (!admin_flag(query, "due", &due))
        return "due";
    filter.email_key = slice_of_text(to.key);
    filter.domain = slice_of_text(domain.key[0] != '\0' ? domain.key + 2 : "");
    filter.due = due ? clock_wall_ms() + 1 : 0;
    letter_filter_pack(&packer, &filter);
    BUG_ON(packer.overflow);
    letters->filter_len = packer.len;
    return NULL;
}

/* The same with where it begins, and how many. */
static const char *read_query(struct slice text, uint8_t states, struct letters *letters)
{
    struct json_object query;
    const char *wrong = "non_field_errors";

    if (form_read(text, &query)) {
        const struct slice after = admin_parameter(&query, "after");

        wrong = read_filter(&query, states, letters);
        if (wrong == NULL && after.len > 0 && !uuid_parse(after, &letters->after))
            wrong = "after";
        if (wrong == NULL && !admin_limit(&query, &letters->limit))
            wrong = "limit";
    }
    json_object_fini(&query);
    return wrong;
}

void letters_list_on_request(struct request *request)
{
    struct letters *letters = request_keep(request, sizeof(*letters));
    const char *wrong = read_query(request_query(request), 0, letters);

    if (wrong != NULL)
        reply_field(&request, wrong, "This makes no sense.");
    else
        ask_page(request);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void ask_page(struct request *request)
{
    const struct letters *letters = request->state;
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    mail_list_ask_pack(
        &packer, &(struct mail_list_ask){.filter = slice_of(letters->filter, letters->filter_len),
                                         .after = letters->after,
                                         .rows_max = letters->limit});
    request_ask(&request, STORE_MAIL_LIST, &packer, on_page);
}

void letter_show_on_request(struct request *request)
{
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct mail_show_ask ask;

    if (!uuid_parse(slice_of_text(request->segment), &ask.job_id)) {
        reply_problem(&request, PROBLEM_NOT_FOUND);
        return;
    }
    mail_show_ask_pack(&packer, &ask);
    request_ask(&request, STORE_MAIL_SHOW, &packer, on_shown);
}

static void ask_for_change(struct request *request, const struct uuid *job_id)
{
    const struct letters *letters = request->state;
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    mail_change_ask_pack(
        &packer, &(struct mail_change_ask){.change = (uint8_t)letters->change,
                                           .job_id = *job_id,
                                           .filter = slice_of(letters->filter, letters->filter_len),
                                           .after = letters->after,
                                           .peer = slice_of_text(request_peer(request)),
                                           .now = clock_wall_ms()});
    request_ask(&request, STORE_MAIL_CHANGE, &packer, on_changed);
}

static void change_one(struct request *request, enum letter_change change)
{
    struct letters *letters = request_keep(request, sizeof(*letters));
    const struct json_object nothing = {.count = 0};
    struct uuid job_id;

    letters->change = change;
    if (!uuid_parse(slice_of_text(request->segment), &job_id) ||
        read_filter(&nothing, 0, letters) != NULL)
        reply_problem(&request, PROBLEM_NOT_FOUND);
    else
        ask_for_change(request, &job_id);
}

void letter_cancel_on_request(struct request *request)
{
    change_one(request, LETTER_CHANGE_CANCEL);
}

void letter_retry_on_request(struct request *request)
{
    change_one(request, LETTER_CHANGE_RETRY);
}

/* states: those that are meant where the query names none. */
static void change_many(struct request *request, enum letter_change change, uint8_t states)
{
    static const struct uuid many;
    struct letters *letters = request_keep(request, sizeof(*letters));
    const char *wrong = read_query(request_query(request), states, letters);

    letters->change = change;
    if (wrong != NULL)
        reply_field(&request, wrong, "This makes no sense.");
    else
        ask_for_change(request, &many);
}

void letters_retry_on_request(struct request *request)
{
    change_many(request, LETTER_CHANGE_RETRY, 1U << LETTER_DEAD);
}

void letters_cancel_on_request(struct request *request)
{
    change_many(request, LETTER_CHANGE_CANCEL, 1U << LETTER_DEAD | 1U << LETTER_PENDING);
}

void letters_drain_on_request(struct request *request)
{
    if (board_get(request->worker->segment, BOARD_MAIL_PAUSED) != 0)
        reply_detail(&request, 400, "Sending is paused: resume it first.");
    else
        change_many(request, LETTER_CHANGE_DRAIN, 1U << LETTER_PENDING);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static bool write_item(struct json_writer *writer, struct slice row)
{
    struct letter_item letter;
    char id[UUID_TEXT_BYTES];

    if (!letter_item_unpack(row, &letter))
        return false;
    const char *purpose = mail_purpose_name(letter.purpose);
    uuid_format(&letter.job_id, id);
    json_object_begin(writer);
    member_text(writer, "id", slice_of_text(id));
    member_text(writer, "state", slice_of_text(letter_state_name(letter.state)));
    member_text(writer, "purpose", slice_of_text(purpose != NULL ? purpose : "other"));
    member_bytes(writer, "to", letter.to);
    member_time(writer, "created", letter.created);
    member_time(writer, "due", letter.due);
    member_time(writer, "ended", letter.ended);
    member_time(writer, "expires", letter.expires);
    member_number(writer, "tries", letter.tries);
    member_bytes(writer, "relay", letter.relay);
    member_bytes(writer, "reply", letter.reply);
    json_object_end(writer);
    return true;
}

static bool write_event(struct json_writer *writer, struct slice row)
{
    struct letter_happening event;

    if (!letter_happening_unpack(row, &event))
        return false;
    json_object_begin(writer);
    member_time(writer, "time", event.when);
    member_text(writer, "event", slice_of_text(letter_event_name(event.event)));
    member_bytes(writer, "relay", event.relay);
    member_bytes(writer, "reply", event.reply);
    json_object_end(writer);
    return true;
}

static void on_page(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct letters *letters = request->state;
    struct mail_list_answer page;

    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!mail_list_answer_unpack(payload, &page)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    letters->after = page.next;
    if (page.rows.len == 0 && page.more && request->h2o != NULL)
        ask_page(request); /* nothing on this page; with the client gone, nobody wants the next */
    else
        admin_reply_lines(&request, page.rows, write_item);
}

/* The first row is the letter, the others what happened to it. */
static bool write_shown(struct json_writer *writer, struct slice row)
{
    struct slice packed = slice_of(row.at + 1, row.len - 1);

    return row.at[0] == 'L' ? write_item(writer, packed) : write_event(writer, packed);
}

static void add_row(struct packer *rows, char kind, struct slice packed)
{
    uint8_t bytes[1 + ITEM_BYTES];
    struct packer row = packer_over(bytes, sizeof(bytes));

    pack_u8(&row, (uint8_t)kind);
    pack_raw(&row, packed.at, packed.len);
    pack_slice(rows, packer_slice(&row));
}

static void on_shown(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct mail_show_answer shown;
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));

    if (status != STORE_OK) {
        admin_reply_not_found(&request, status);
        return;
    }
    if (!mail_show_answer_unpack(payload, &shown)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    add_row(&rows, 'L', shown.item);
    struct unpacker events = unpacker_over(shown.events);
    while (events.len > 0 && !events.bad)
        add_row(&rows, 'E', unpack_slice(&events, EVENT_BYTES));
    admin_reply_lines(&request, packer_slice(&rows), write_shown);
}

static void reply_refusal(struct request *request, enum store_status status)
{
    if (status == STORE_SPENT)
        reply_detail(&request, 400, "This letter was sent.");
    else if (status == STORE_DUPLICATE)
        reply_detail(&request, 400, "The address of this letter is suppressed.");
    else
        admin_reply_not_found(&request, status);
}

static void on_changed(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct mail_change_answer answer;
    char after[UUID_TEXT_BYTES];

    if (status != STORE_OK) {
        reply_refusal(request, status);
        return;
    }
    if (!mail_change_answer_unpack(payload, &answer)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    struct json_writer *writer = json_writer_new();
    uuid_format(&answer.next, after);
    json_object_begin(writer);
    member_number(writer, "changed", answer.changed);
    member_number(writer, "left", answer.left);
    member_flag(writer, "under_way", answer.under_way != 0);
    member_flag(writer, "more", answer.more != 0);
    member_text(writer, "after", slice_of_text(after));
    json_object_end(writer);
    reply_json(&request, 200, &writer);
}

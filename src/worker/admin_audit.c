/* GET /admin/audit?after=ID&since=TIME&event=NAME&user=USER&limit=N
 * GET /admin/audit/verify?after=ID&chain=HEX&chained=1
 *
 *   step      where  fails how
 *   1 read    loop   400 a parameter that makes no sense
 *   2 ask     store  404 no such user; 503; again while it looked at many and found nothing
 *   3 answer  loop   200: one event a line, oldest first; none: that was the end. Of a
 * verification: what one page of it found, and what the next one is to be asked with
 *
 * An event's id is its time and its number: "1795834262123-17". */
#include "endpoints.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/encoding.h"

#include "admin.h"
#include "audit_entry.h"
#include "form.h"
#include "member.h"
#include "reply.h"

#define KEY_BYTES     16
#define CHAIN_BYTES   32
#define ID_TEXT_BYTES 44

struct audit_reading {
    struct admin_ref ref;
    struct uuid user_id;
    bool by_user;
    uint8_t event; /* 0: every */
    wall_ms since;
    uint32_t limit;
    size_t after_len; /* 0 or KEY_BYTES */
    uint8_t after[KEY_BYTES];
    size_t chain_len; /* 0 or CHAIN_BYTES */
    uint8_t chain[CHAIN_BYTES];
    bool chained;
};

static void ask_page(struct request *request);
static void on_page(void *context, enum store_status status, struct slice payload);
static void on_verified(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

static bool read_id(struct slice text, struct audit_reading *reading)
{
    struct packer packer = packer_over(reading->after, sizeof(reading->after));
    const char *dash = text.len > 0 ? memchr(text.at, '-', text.len) : NULL;
    uint64_t time;
    uint64_t number;

    if (text.len == 0)
        return true;
    if (dash == NULL)
        return false;
    size_t len = (size_t)(dash - text.at);
    if (!admin_number(slice_of(text.at, len), INT64_MAX, &time) ||
        !admin_number(slice_of(dash + 1, text.len - len - 1), INT64_MAX, &number))
        return false;
    pack_u64(&packer, time);
    pack_u64(&packer, number);
    reading->after_len = packer.len;
    return true;
}

static bool read_event(struct slice text, uint8_t *event_out)
{
    static const struct {
        uint8_t event;
        const char *name;
    } events[] = {
#define AUDIT_EVENT(number, NAME, text) {(number), (text)},
#include "gatepost/audit_events.def"
#undef AUDIT_EVENT
    };

    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (slice_equal(text, slice_of_text(events[i].name))) {
            *event_out = events[i].event;
            return true;
        }
    }
    return text.len == 0;
}

/* An account that is gone is found by its id alone, with or without the word in front. */
static bool read_user(struct slice text, struct audit_reading *reading)
{
    static const char word[] = "id:";
    const size_t len = sizeof(word) - 1;
    const bool has_word = text.len > len && memcmp(text.at, word, len) == 0;
    const struct slice bare = has_word ? slice_of(text.at + len, text.len - len) : text;
    char id[UUID_TEXT_BYTES];

    if (text.len == 0)
        return true;
    reading->by_user = true;
    if (slice_to_text(bare, id, sizeof(id)) && !uuid_parse(slice_of_text(id), &reading->user_id))
        reading->user_id = (struct uuid){{0}};
    return admin_ref_of_text(text, &reading->ref);
}

static bool read_chain(struct slice text, struct audit_reading *reading)
{
    if (text.len == 0)
        return true;
    return hex_decode(text, reading->chain, CHAIN_BYTES, &reading->chain_len) &&
           reading->chain_len == CHAIN_BYTES;
}

/* Returns the name of the parameter that makes no sense, or NULL. */
static const char *read_query(struct slice text, struct audit_reading *reading)
{
    struct json_object query;
    const char *wrong = NULL;

    if (!form_read(text, &query)) {
        wrong = "non_field_errors";
    } else {
        struct slice since = admin_parameter(&query, "since");
        if (!read_id(admin_parameter(&query, "after"), reading))
            wrong = "after";
        else if (since.len > 0 && !clock_read_iso(since.at, since.len, &reading->since))
            wrong = "since";
        else if (!read_event(admin_parameter(&query, "event"), &reading->event))
            wrong = "event";
        else if (!read_user(admin_parameter(&query, "user"), reading))
            wrong = "user";
        else if (!read_chain(admin_parameter(&query, "chain"), reading))
            wrong = "chain";
        else if (!admin_flag(&query, "chained", &reading->chained))
            wrong = "chained";
        else if (!admin_limit(&query, &reading->limit))
            wrong = "limit";
    }
    json_object_fini(&query);
    return wrong;
}

void trail_on_request(struct request *request)
{
    struct audit_reading *reading = request_keep(request, sizeof(*reading));
    const char *wrong = read_query(request_query(request), reading);

    if (wrong != NULL)
        reply_field(&request, wrong, "This makes no sense.");
    else
        ask_page(request);
}

void trail_verify_on_request(struct request *request)
{
    struct audit_reading *reading = request_keep(request, sizeof(*reading));
    const char *wrong = read_query(request_query(request), reading);
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    if (wrong != NULL) {
        reply_field(&request, wrong, "This makes no sense.");
        return;
    }
    audit_verify_ask_pack(
        &packer, &(struct audit_verify_ask){.after = slice_of(reading->after, reading->after_len),
                                            .chain = slice_of(reading->chain, reading->chain_len),
                                            .chained = reading->chained});
    request_ask(&request, STORE_AUDIT_VERIFY, &packer, on_verified);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void ask_page(struct request *request)
{
    const struct audit_reading *reading = request->state;
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    audit_page_ask_pack(&packer, &(struct audit_page_ask){
                                     .after = slice_of(reading->after, reading->after_len),
                                     .since = reading->since,
                                     .event = reading->event,
                                     .rows_max = reading->limit,
                                     .by_user = reading->by_user,
                                     .subject = slice_of_text(reading->ref.subject),
                                     .username_key = slice_of_text(reading->ref.username_key),
                                     .email_key = slice_of_text(reading->ref.email_key),
                                     .user_id = reading->user_id,
                                 });
    request_ask(&request, STORE_AUDIT_PAGE, &packer, on_page);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void write_user(struct json_writer *writer, const struct audit_entry *entry)
{
    static const struct uuid nobody;
    char text[UUID_TEXT_BYTES];

    json_string(writer, SLICE_LITERAL("user"));
    uuid_format(&entry->user_id, text);
    if (entry->subject.len > 0)
        json_string(writer, entry->subject);
    else if (uuid_equal(&entry->user_id, &nobody))
        json_null(writer);
    else
        json_string(writer, slice_of_text(text));
}

static bool write_row(struct json_writer *writer, struct slice row)
{
    struct audit_entry entry;
    char id[ID_TEXT_BYTES];
    char chain[HEX_TEXT_BYTES(CHAIN_BYTES)];

    if (!audit_entry_unpack(row, &entry) || entry.chain.len > CHAIN_BYTES)
        return false;
    (void)snprintf(id, sizeof(id), "%" PRId64 "-%" PRIu64, entry.time, entry.number);
    hex_encode(entry.chain.at, entry.chain.len, chain);
    json_object_begin(writer);
    member_text(writer, "id", slice_of_text(id));
    audit_entry_write(writer, &entry);
    write_user(writer, &entry);
    member_text(writer, "chain", slice_of_text(chain));
    json_object_end(writer);
    return true;
}

static void on_page(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct audit_reading *reading = request->state;
    struct audit_page_answer page;

    if (status != STORE_OK) {
        admin_reply_not_found(&request, status);
        return;
    }
    if (!audit_page_answer_unpack(payload, &page)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    reading->after_len = page.next.len;
    memcpy(reading->after, page.next.at, page.next.len);
    if (page.rows.len == 0 && page.more && request->h2o != NULL)
        ask_page(request); /* nothing on this page; with the client gone, nobody wants the next */
    else
        admin_reply_lines(&request, page.rows, write_row);
}

static void on_verified(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct audit_verify_answer page;
    char id[ID_TEXT_BYTES] = "";
    char chain[HEX_TEXT_BYTES(CHAIN_BYTES)];

    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!audit_verify_answer_unpack(payload, &page)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    struct unpacker key = unpacker_over(page.next);
    if (page.next.len > 0) {
        uint64_t time = unpack_u64(&key);
        uint64_t number = unpack_u64(&key);
        (void)snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, time, number);
    }
    hex_encode(page.chain.at, page.chain.len, chain);
    struct json_writer *writer = json_writer_new();
    json_object_begin(writer);
    member_number(writer, "rows", page.rows);
    member_flag(writer, "more", page.more != 0);
    member_flag(writer, "broken", page.broken != 0);
    member_flag(writer, "unlisted", page.broken == AUDIT_UNLISTED);
    member_flag(writer, "chained", page.chained != 0);
    member_text(writer, "after", slice_of_text(id));
    member_text(writer, "chain", slice_of_text(chain));
    json_object_end(writer);
    reply_json(&request, 200, &writer);
}

/* GET    /admin/mail                          how many letters there are, and whether it is paused
 * POST   /admin/mail/pause, /admin/mail/resume
 * GET    /admin/mail/suppressions?after=ADDRESS&limit=N
 * POST   /admin/mail/suppressions             {address, detail}
 * DELETE /admin/mail/suppressions/{address}
 *
 *   step      where  fails how
 *   1 read    loop   400 what is no address, a parameter that makes no sense
 *   2 ask     store  404 an address that is not suppressed; 503
 *   3 answer  loop   200; 204 for a change, also for one that was so already */
#include "endpoints.h"

#include "gatepost/encoding.h"

#include "admin.h"
#include "form.h"
#include "letter_text.h"
#include "member.h"
#include "reply.h"

#define DETAIL_MAX_BYTES 512

/* ---- state --------------------------------------------------------------------------------------
 */

static void on_state(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct mail_state_answer state;

    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!mail_state_answer_unpack(payload, &state)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    struct json_writer *writer = json_writer_new();
    json_object_begin(writer);
    member_flag(writer, "paused", state.paused != 0);
    member_time(writer, "paused_since", state.paused);
    member_number(writer, "pending", (int64_t)state.pending);
    member_number(writer, "dead", (int64_t)state.dead);
    member_number(writer, "sent", (int64_t)state.sent);
    member_number(writer, "suppressed", (int64_t)state.suppressed);
    member_number(writer, "due", state.due);
    member_flag(writer, "due_or_more", state.due == state.due_most);
    member_time(writer, "oldest_due", state.oldest_due);
    json_object_end(writer);
    reply_json(&request, 200, &writer);
}

void mail_state_show_on_request(struct request *request)
{
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    mail_state_ask_pack(&packer, &(struct mail_state_ask){.now = clock_wall_ms()});
    request_ask(&request, STORE_MAIL_STATE, &packer, on_state);
}

static void on_done(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    (void)payload;
    if (status == STORE_OK || status == STORE_SPENT)
        reply_no_content(&request);
    else
        admin_reply_not_found(&request, status);
}

static void set_paused(struct request *request, bool paused)
{
    uint8_t bytes[256];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    mail_pause_ask_pack(&packer,
                        &(struct mail_pause_ask){.paused = paused,
                                                 .peer = slice_of_text(request_peer(request)),
                                                 .now = clock_wall_ms()});
    request_ask(&request, STORE_MAIL_PAUSE, &packer, on_done);
}

void mail_pause_begin_on_request(struct request *request)
{
    set_paused(request, true);
}

void mail_pause_end_on_request(struct request *request)
{
    set_paused(request, false);
}

/* ---- suppressions -------------------------------------------------------------------------------
 */

static bool write_row(struct json_writer *writer, struct slice row)
{
    static const struct uuid none;
    struct suppression_item item;
    char letter[UUID_TEXT_BYTES] = "";

    if (!suppression_item_unpack(row, &item))
        return false;
    if (!uuid_equal(&item.job_id, &none))
        uuid_format(&item.job_id, letter);
    json_object_begin(writer);
    member_text(writer, "id", item.email_key);
    member_bytes(writer, "address", item.address);
    member_text(writer, "reason", slice_of_text(suppression_reason_name(item.reason)));
    member_bytes(writer, "detail", item.detail);
    member_time(writer, "since", item.since);
    member_text(writer, "letter", slice_of_text(letter));
    json_object_end(writer);
    return true;
}

static void on_page(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct suppression_list_answer page;

    if (status != STORE_OK)
        reply_store_trouble(&request, status);
    else if (!suppression_list_answer_unpack(payload, &page))
        reply_problem(&request, PROBLEM_INTERNAL);
    else
        admin_reply_lines(&request, page.rows, write_row);
}

void suppressions_list_on_request(struct request *request)
{
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct json_object query;
    struct email after = {.key = ""};
    const char *wrong = "non_field_errors";
    uint32_t limit = 0;

    if (form_read(request_query(request), &query)) {
        const struct slice text = admin_parameter(&query, "after");
        wrong = text.len > 0 && !email_parse(text, &after) ? "after"
                : !admin_limit(&query, &limit)             ? "limit"
                                                           : NULL;
    }
    json_object_fini(&query);
    if (wrong != NULL) {
        reply_field(&request, wrong, "This makes no sense.");
        return;
    }
    suppression_list_ask_pack(&packer, &(struct suppression_list_ask){
                                           .after = slice_of_text(after.key), .rows_max = limit});
    request_ask(&request, STORE_SUPPRESSION_LIST, &packer, on_page);
}

struct suppression_form {
    struct email address;
    struct slice detail; /* points into the request's body */
};

static const struct field FIELDS[] = {
    {"address", FIELD_EMAIL, offsetof(struct suppression_form, address)},
    {"detail", FIELD_TEXT, offsetof(struct suppression_form, detail)},
};

void suppression_put_on_request(struct request *request)
{
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct suppression_form form = {.detail = SLICE_LITERAL("")};

    if (!request_read_body(&request))
        return;
    const size_t fields = body_has_value(request->body, "detail") ? 2 : 1;
    if (!request_check_body(&request, FIELDS, fields, &form))
        return;
    if (form.detail.len > DETAIL_MAX_BYTES) {
        reply_field(&request, "detail", "Ensure this field has no more than 512 bytes.");
        return;
    }
    suppression_add_ask_pack(
        &packer, &(struct suppression_add_ask){.address = slice_of_text(form.address.address),
                                               .detail = form.detail,
                                               .peer = slice_of_text(request_peer(request)),
                                               .now = clock_wall_ms()});
    request_ask(&request, STORE_SUPPRESSION_ADD, &packer, on_done);
}

void suppression_lift_on_request(struct request *request)
{
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct admin_ref ref;

    if (!admin_ref_read(request->segment, &ref) || ref.email_key[0] == '\0') {
        reply_problem(&request, PROBLEM_NOT_FOUND);
        return;
    }
    suppression_remove_ask_pack(
        &packer, &(struct suppression_remove_ask){.email_key = slice_of_text(ref.email_key),
                                                  .peer = slice_of_text(request_peer(request)),
                                                  .now = clock_wall_ms()});
    request_ask(&request, STORE_SUPPRESSION_REMOVE, &packer, on_done);
}

/* POST /admin/compact?table=N&from=HEX
 *
 *   step      where  fails how
 *   1 read    loop   400 a parameter that makes no sense
 *   2 ask     store  404 there is no table of that number; 409 a backup is under way; 503
 *   3 answer  loop   200: what the step did, and where the next one begins */
#include "endpoints.h"

#include "gatepost/encoding.h"

#include "admin.h"
#include "form.h"
#include "member.h"
#include "reply.h"

#define KEY_BYTES 1100

static void on_step(void *context, enum store_status status, struct slice payload);

void compact_on_request(struct request *request)
{
    uint8_t bytes[KEY_BYTES + 64];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    uint8_t key[KEY_BYTES];
    size_t len = 0;
    uint64_t table = 0;
    struct json_object query;
    const char *wrong = "table";

    if (form_read(request_query(request), &query) &&
        admin_number(admin_parameter(&query, "table"), UINT8_MAX, &table))
        wrong = hex_decode(admin_parameter(&query, "from"), key, sizeof(key), &len) ? NULL : "from";
    json_object_fini(&query);
    if (wrong != NULL) {
        reply_field(&request, wrong, "This makes no sense.");
        return;
    }
    compact_step_ask_pack(
        &packer, &(struct compact_step_ask){.table = (uint8_t)table, .from = slice_of(key, len)});
    request_ask(&request, STORE_COMPACT_STEP, &packer, on_step);
}

static void on_step(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct compact_step_answer step;
    char next[HEX_TEXT_BYTES(KEY_BYTES)];

    if (status == STORE_DUPLICATE) {
        reply_detail(&request, 409, "A backup is under way.");
        return;
    }
    if (status != STORE_OK) {
        admin_reply_not_found(&request, status);
        return;
    }
    if (!compact_step_answer_unpack(payload, &step)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    hex_encode(step.next.at, step.next.len, next);
    struct json_writer *writer = json_writer_new();
    json_object_begin(writer);
    member_text(writer, "name", step.name);
    member_text(writer, "next", slice_of_text(next));
    member_number(writer, "freed", step.freed);
    member_number(writer, "before", (int64_t)(step.before & INT64_MAX));
    member_number(writer, "after", (int64_t)(step.after & INT64_MAX));
    json_object_end(writer);
    reply_json(&request, 200, &writer);
}

/* GET /admin/export?after=KEY
 *
 *   step      where  fails how
 *   1 read    loop   400 an `after` that is no key
 *   2 tell    store  503: without a trace in the audit trail nothing goes out; of the first page
 *   3 ask     store  503
 *   4 answer  loop   200: an account a line with its stored password, by the
 *                    time when they came; none: that was the end. The next page begins behind the
 * last one's key
 */
#include "endpoints.h"

#include "admin.h"
#include "form.h"
#include "moved_row.h"
#include "reply.h"

static void on_told(void *context, enum store_status status, struct slice payload);
static void on_page(void *context, enum store_status status, struct slice payload);

/* ---- 1, 2 ---------------------------------------------------------------------------------------
 */

static void tell(struct request *request)
{
    uint8_t bytes[256];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    audit_note_ask_pack(&packer,
                        &(struct audit_note_ask){.event = AUDIT_ADMIN_EXPORTED,
                                                 .peer = slice_of_text(request_peer(request))});
    request_ask(&request, STORE_AUDIT_NOTE, &packer, on_told);
}

static void ask_page(struct request *request, const struct accounts_export_ask *ask)
{
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    accounts_export_ask_pack(&packer, ask);
    request_ask(&request, STORE_ACCOUNTS_EXPORT, &packer, on_page);
}

void users_export_on_request(struct request *request)
{
    const struct uuid first = {{0}};
    struct accounts_export_ask ask = {.after = {{0}}};
    struct json_object query;

    bool fine = form_read(request_query(request), &query);
    struct slice after = fine ? admin_parameter(&query, "after") : slice_of(NULL, 0);
    if (after.len > 0 && !uuid_parse(after, &ask.after))
        fine = false;
    json_object_fini(&query);
    if (!fine) {
        reply_field(&request, "after", "This is no key.");
        return;
    }
    if (uuid_equal(&ask.after, &first))
        tell(request);
    else
        ask_page(request, &ask);
}

/* ---- 3, 4
 * ------------------------------------------------------------------------------------------
 */

static void on_told(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    (void)payload;
    if (status == STORE_OK)
        ask_page(request, &(struct accounts_export_ask){.after = {{0}}});
    else
        reply_store_trouble(&request, status);
}

static void on_page(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct accounts_export_answer page;

    if (status != STORE_OK)
        reply_store_trouble(&request, status);
    else if (!accounts_export_answer_unpack(payload, &page))
        reply_problem(&request, PROBLEM_INTERNAL);
    else
        admin_reply_lines(&request, page.rows, moved_row_write);
}

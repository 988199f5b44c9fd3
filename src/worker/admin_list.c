/* GET /admin/users?after=ID&limit=N&q=TEXT
 *
 *   step      where  fails how
 *   1 read    loop   400 a limit that is no number of 1 to 1000
 *   2 ask     store  503; again while it looked at many and found nobody
 *   3 answer  loop   200: one account a line, in the order of their ids; none: that was the end
 *
 * A page may have fewer lines than its limit: the next one begins behind the last line's id. */
#include "endpoints.h"

#include "gatepost/encoding.h"

#include "admin.h"
#include "form.h"
#include "reply.h"

struct admin_list {
    char after[TOKEN_SUBJECT_BYTES];
    char search[USERNAME_MAX_BYTES + 1];
    uint32_t limit;
};

static void ask(struct request *request);
static void on_page(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

/* As names and addresses are compared. What can be part of no name is looked for as it is. */
static void fold(struct slice text, char search_out[USERNAME_MAX_BYTES + 1])
{
    if (text.len == 0 || username_key(text, search_out))
        return;
    size_t len = text.len < USERNAME_MAX_BYTES ? text.len : USERNAME_MAX_BYTES;
    memcpy(search_out, text.at, len);
    search_out[len] = '\0';
}

/* Returns the sentence that is wrong with the query, or NULL. */
static const char *read_query(struct slice text, struct admin_list *list, const char **name_out)
{
    struct json_object query;
    const char *wrong = NULL;

    if (!form_read(text, &query)) {
        *name_out = "non_field_errors";
        wrong = "The query is not UTF-8.";
    } else {
        struct slice after = admin_parameter(&query, "after");
        fold(admin_parameter(&query, "q"), list->search);
        if (!admin_limit(&query, &list->limit)) {
            *name_out = "limit";
            wrong = "Ensure this value is a number of 1 to 1000.";
        } else if (after.len > 0 && !slice_to_text(after, list->after, sizeof(list->after))) {
            *name_out = "after";
            wrong = "This is no id.";
        }
    }
    json_object_fini(&query);
    return wrong;
}

void users_list_on_request(struct request *request)
{
    struct admin_list *list = request_keep(request, sizeof(*list));
    const char *name = NULL;
    const char *wrong = read_query(request_query(request), list, &name);

    if (wrong != NULL)
        reply_field(&request, name, wrong);
    else
        ask(request);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void ask(struct request *request)
{
    const struct admin_list *list = request->state;
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    admin_list_ask_pack(&packer, &(struct admin_list_ask){.after = slice_of_text(list->after),
                                                          .search = slice_of_text(list->search),
                                                          .rows_max = list->limit});
    request_ask(&request, STORE_ADMIN_LIST, &packer, on_page);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static bool write_row(struct json_writer *writer, struct slice row)
{
    struct admin_user_answer user;

    if (!admin_user_answer_unpack(row, &user))
        return false;
    admin_write_user(writer, &user);
    return true;
}

static void on_page(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct admin_list *list = request->state;
    struct admin_list_answer page;

    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!admin_list_answer_unpack(payload, &page) ||
        !slice_to_text(page.next, list->after, sizeof(list->after))) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    if (page.rows.len == 0 && page.more && request->h2o != NULL)
        ask(request); /* nobody on this page; with the client gone, nobody wants the next */
    else
        admin_reply_lines(&request, page.rows, write_row);
}

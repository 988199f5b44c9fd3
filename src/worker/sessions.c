/* GET    /api/auth/sessions       the bearer's sessions, newest first
 * DELETE /api/auth/sessions/{id}  ends one of them
 * DELETE /api/auth/sessions       ends all but the one that the token is of
 *
 *   step      where  fails how
 *   1 page    store  as often as there is more; the store knows them by their ids' order
 *   2 answer  loop   200 with an array
 *   3 end     store  404 when the account has no such session
 *   4 answer  loop   204
 *
 * Memory: what the store tells is kept packed until all of it is there; token.sessions_max bounds
 * it. */
#include <stdlib.h>

#include "bearer.h"
#include "endpoints.h"
#include "reply.h"
#include "session_page.h"

#define ASK_BYTES 128

/* More than token.sessions_max can be. What an account has beyond it is not shown. */
#define SHOWN_MAX 1024U

struct listing {
    size_t len; /* of rows */
    uint8_t rows[];
};

static void on_page(void *context, enum store_status status, struct slice payload);
static void answer(struct request *request);
static void end(struct request *request, bool all, const struct uuid *session_id);
static void on_ended(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void sessions_on_request(struct request *request)
{
    (void)request_keep(request, sizeof(struct listing));
    session_page_ask(request, &(struct uuid){{0}}, on_page);
}

/* The session that a page ends with, and how many stand on it. */
static size_t count_page(struct slice page, struct uuid *last_out)
{
    struct unpacker rows = unpacker_over(page);
    struct session_item item;
    size_t count = 0;

    while (session_page_next(&rows, &item)) {
        *last_out = item.session_id;
        count++;
    }
    return count;
}

static void on_page(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct listing *listing = request->state;
    struct session_list_answer page;
    struct uuid last;

    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!session_list_answer_unpack(payload, &page)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    listing = request_grow(request, sizeof(*listing) + listing->len + page.rows.len);
    if (page.rows.len > 0)
        memcpy(listing->rows + listing->len, page.rows.at, page.rows.len);
    listing->len += page.rows.len;
    if (page.more && count_page(page.rows, &last) > 0 &&
        count_page(slice_of(listing->rows, listing->len), &last) < SHOWN_MAX)
        session_page_ask(request, &last, on_page);
    else
        answer(request);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static int by_creation(const void *a, const void *b)
{
    const struct session_item *left = a;
    const struct session_item *right = b;

    if (left->created != right->created)
        return left->created < right->created ? 1 : -1;
    return memcmp(right->session_id.bytes, left->session_id.bytes, UUID_BYTES);
}

static void answer(struct request *request)
{
    const struct listing *listing = request->state;
    struct slice packed = slice_of(listing->rows, listing->len);
    struct unpacker rows = unpacker_over(packed);
    struct uuid last;
    const size_t count = count_page(packed, &last);
    struct session_item *items = xcalloc(count + 1, sizeof(*items));
    struct json_writer *writer = json_writer_new();

    for (size_t i = 0; i < count; i++)
        BUG_ON(!session_page_next(&rows, &items[i]));
    qsort(items, count, sizeof(*items), by_creation);
    json_array_begin(writer);
    for (size_t i = 0; i < count; i++)
        session_write(writer, &items[i], session_is_bearers(request, &items[i].session_id));
    json_array_end(writer);
    free(items);
    reply_json(&request, 200, &writer);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

void session_delete_on_request(struct request *request)
{
    struct uuid session_id;

    if (uuid_parse(slice_of_text(request->segment), &session_id))
        end(request, false, &session_id);
    else
        reply_problem(&request, PROBLEM_NOT_FOUND);
}

/* A token without a session keeps none: no session has the zero id. */
void sessions_delete_on_request(struct request *request)
{
    end(request, true, &request->account->session_id);
}

static void end(struct request *request, bool all, const struct uuid *session_id)
{
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct session_end_ask ask = {
        .user_id = request->account->user_id,
        .all = all,
        .session_id = *session_id,
        .peer = slice_of_text(request_peer(request)),
        .now = clock_wall_ms(),
    };

    session_end_ask_pack(&packer, &ask);
    request_ask(&request, STORE_SESSION_END, &packer, on_ended);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void on_ended(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    (void)payload;
    if (status == STORE_OK)
        reply_no_content(&request);
    else if (status == STORE_NOT_FOUND)
        reply_problem(&request, PROBLEM_NOT_FOUND);
    else
        reply_store_trouble(&request, status);
}

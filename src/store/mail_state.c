/* The whole of the mail, and the addresses that get none: mail_state, mail_pause, suppression_list,
 * suppression_add, suppression_remove. */
#include <stdlib.h>

#include "gatepost/email.h"

#include "audit.h"
#include "outbox.h"
#include "requests.h"
#include "suppressions.h"
#include "users.h"

#define DUE_MOST       1000U /* letters that are counted as due */
#define PAGE_MAX_BYTES 14000 /* as large as `rows` of the answer */

/* ---- state --------------------------------------------------------------------------------------
 */

static void count_due(struct call *call, wall_ms now, struct mail_state_answer *answer)
{
    struct walk *walk = xcalloc(1, sizeof(*walk));

    walk_open(walk, call, TABLE_OUTBOX_BY_DUE, (struct slice){0});
    while (answer->due < DUE_MOST && walk_next(walk)) {
        struct unpacker key = unpacker_over(walk_key(walk));
        const wall_ms due = (wall_ms)unpack_u64(&key);

        if (due > now)
            break;
        if (answer->due++ == 0)
            answer->oldest_due = due;
    }
    walk_close(walk);
    free(walk);
}

enum store_status mail_state_on_request(struct call *call)
{
    const struct tally *tally = &call->env->tally;
    struct mail_state_ask ask;
    struct mail_state_answer answer = {.pending = tally->pending,
                                       .dead = tally->dead,
                                       .sent = tally->sent,
                                       .suppressed = tally->suppressed,
                                       .paused = tally->mail_paused,
                                       .due_most = DUE_MOST};

    if (!mail_state_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    count_due(call, ask.now, &answer);
    mail_state_answer_pack(&call->answer, &answer);
    return STORE_OK;
}

enum store_status mail_pause_on_request(struct call *call)
{
    static const struct uuid nobody;
    struct mail_pause_ask ask;
    wall_ms *paused = &call->env->tally.mail_paused;

    if (!mail_pause_ask_unpack(call->packed, &ask) || ask.paused > 1)
        return STORE_REFUSED;
    if ((*paused != 0) == (ask.paused != 0))
        return STORE_SPENT;
    *paused = ask.paused == 0 ? 0 : call->now > 0 ? call->now : 1;
    call->env->mail_orders++;
    audit_add(call, ask.paused ? AUDIT_ADMIN_MAIL_PAUSED : AUDIT_ADMIN_MAIL_RESUMED, &nobody,
              ask.peer);
    return STORE_OK;
}

/* ---- suppressions -------------------------------------------------------------------------------
 */

/* Returns true when there are more. */
static bool fill_page(struct call *call, struct walk *walk, const struct suppression_list_ask *ask,
                      struct packer *rows)
{
    struct suppression_row suppression;
    uint32_t count = 0;

    while (walk_next(walk)) {
        uint8_t bytes[1200];
        struct packer row = packer_over(bytes, sizeof(bytes));

        if (slice_equal(walk_key(walk), ask->after))
            continue;
        if (!suppression_row_unpack(row_slice(&walk->row), &suppression)) {
            row_unreadable(call, TABLE_SUPPRESSIONS, walk_key(walk));
            return false;
        }
        suppression_item_pack(&row, &(struct suppression_item){.email_key = walk_key(walk),
                                                               .address = suppression.address,
                                                               .reason = suppression.reason,
                                                               .detail = suppression.detail,
                                                               .since = suppression.since,
                                                               .job_id = suppression.job_id});
        if (count++ == ask->rows_max || !page_add(rows, &row))
            return true;
    }
    return false;
}

enum store_status suppression_list_on_request(struct call *call)
{
    struct suppression_list_ask ask;
    uint8_t bytes[PAGE_MAX_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));

    if (!suppression_list_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    struct walk *walk = xcalloc(1, sizeof(*walk));
    walk_open(walk, call, TABLE_SUPPRESSIONS, ask.after);
    const bool more = fill_page(call, walk, &ask, &rows);
    walk_close(walk);
    free(walk);
    suppression_list_answer_pack(&call->answer, &(struct suppression_list_answer){
                                                    .more = more, .rows = packer_slice(&rows)});
    return STORE_OK;
}

static void tell_trail(struct call *call, enum audit_event event, struct slice email_key,
                       struct slice peer)
{
    struct uuid user_id;

    if (!user_find(call, TABLE_USERS_BY_EMAIL, email_key, &user_id))
        user_id = (struct uuid){{0}};
    audit_add(call, event, &user_id, peer);
}

enum store_status suppression_add_on_request(struct call *call)
{
    struct suppression_add_ask ask;
    char key[EMAIL_MAX_BYTES];

    if (!suppression_add_ask_unpack(call->packed, &ask) || ask.address.len == 0)
        return STORE_REFUSED;
    (void)suppression_put(call, &(struct suppression_row){.address = ask.address,
                                                          .reason = SUPPRESSION_OPERATOR,
                                                          .detail = ask.detail,
                                                          .since = call->now});
    tell_trail(call, AUDIT_ADMIN_SUPPRESSED, email_key_of(ask.address, key), ask.peer);
    return STORE_OK;
}

enum store_status suppression_remove_on_request(struct call *call)
{
    struct suppression_remove_ask ask;

    if (!suppression_remove_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (!suppression_remove(call, ask.email_key))
        return STORE_NOT_FOUND;
    tell_trail(call, AUDIT_ADMIN_UNSUPPRESSED, ask.email_key, ask.peer);
    return STORE_OK;
}

/* The mailer's requests: outbox_page, outbox_settle. */
#include "bounces.h"
#include "history.h"
#include "outbox.h"
#include "requests.h"

/* A page as large as the answer's `rows` may be. */
#define PAGE_MAX_BYTES 15000

/* Address, ids, times, lengths. */
#define SCRUBBED_BYTES 512

/* ---- a page of what waits ---------------------------------------------------------------------
 */

/* Returns false when the page is full. */
static bool list_row(struct packer *rows, const struct uuid *job_id,
                     const struct letter_row *letter)
{
    uint8_t bytes[5000];
    struct packer row = packer_over(bytes, sizeof(bytes));

    outbox_row_pack(&row, &(struct outbox_row){
                              .job_id = *job_id,
                              .due = letter->due,
                              .created = letter->created,
                              .tries = letter->tries,
                              .job = letter->job,
                          });
    return page_add(rows, &row);
}

/* Fills the page from the walk. Returns true when more waits behind it. */
static bool fill_page(struct call *call, struct walk *walk, const struct outbox_page_ask *ask,
                      struct packer *rows)
{
    struct row storage;
    struct letter_row letter;

    while (walk_next(walk)) {
        struct unpacker key = unpacker_over(walk_key(walk));
        wall_ms due = (wall_ms)unpack_u64(&key);
        struct uuid job_id = unpack_uuid(&key);

        if (!unpacker_done(&key)) {
            row_unreadable(call, TABLE_OUTBOX_BY_DUE, walk_key(walk));
            return false;
        }
        if (due >= ask->due_before)
            return false;
        if (due == ask->after_due && uuid_equal(&job_id, &ask->after_job))
            continue;
        if (letter_load(call, &job_id, &storage, &letter) && !list_row(rows, &job_id, &letter))
            return true;
    }
    return false;
}

enum store_status outbox_page_on_request(struct call *call)
{
    struct outbox_page_ask ask;
    uint8_t from[LETTER_DUE_KEY_BYTES];
    uint8_t bytes[PAGE_MAX_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));
    struct walk walk;
    bool more;

    if (!outbox_page_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    walk_open(&walk, call, TABLE_OUTBOX_BY_DUE,
              letter_due_key(ask.after_due, &ask.after_job, from));
    more = fill_page(call, &walk, &ask, &rows);
    walk_close(&walk);
    /* A letter must not go out for an account that a crash could take back. */
    call->durable = true;
    outbox_page_answer_pack(
        &call->answer, &(struct outbox_page_answer){.more = more, .rows = packer_slice(&rows)});
    return STORE_OK;
}

/* ---- the mailer's word on a letter --------------------------------------------------------------
 */

/* What is kept of a letter that left: to whom, what for and when, so that a report about it finds
 * it; nobody's name, and no way to its link. */
static struct slice scrubbed(struct slice job, uint8_t bytes[SCRUBBED_BYTES])
{
    struct packer packer = packer_over(bytes, SCRUBBED_BYTES);
    struct mail_job content;

    if (!mail_job_unpack(job, &content))
        return (struct slice){0};
    content.username = content.language = (struct slice){0};
    content.proof_id = (struct uuid){{0}};
    mail_job_pack(&packer, &content);
    BUG_ON(packer.overflow);
    return packer_slice(&packer);
}

/* The last letter to somebody who is gone is not remembered: nor is he. */
static bool is_kept(struct call *call, struct slice job)
{
    struct mail_job content;

    return call->env->keep_sent_ms > 0 && mail_job_unpack(job, &content) &&
           content.purpose != MAIL_ACCOUNT_DELETED;
}

static void deliver(struct call *call, const struct outbox_settle_ask *ask,
                    struct letter_row *letter)
{
    uint8_t bytes[SCRUBBED_BYTES];

    if (!is_kept(call, letter->job)) {
        letter_remove(call, &ask->job_id, letter);
        return;
    }
    letter->job = scrubbed(letter->job, bytes);
    letter_move(call, &ask->job_id, letter, LETTER_SENT, letter->due);
}

/* A relay that knows no such mailbox says at once what a report would say later. */
static void refuse(struct call *call, const struct outbox_settle_ask *ask,
                   struct letter_row *letter)
{
    struct mail_job job;

    letter_move(call, &ask->job_id, letter, LETTER_DEAD, letter->due);
    if (ask->no_mailbox && mail_job_unpack(letter->job, &job))
        bounce_suppress(call, BOUNCE_HARD, &ask->job_id, job.to, ask->reply);
}

enum store_status outbox_settle_on_request(struct call *call)
{
    struct outbox_settle_ask ask;
    struct row storage;
    struct letter_row letter;
    uint8_t history[HISTORY_MAX_BYTES];

    if (!outbox_settle_ask_unpack(call->packed, &ask) || ask.verdict > OUTBOX_REFUSED)
        return STORE_REFUSED;
    if (!letter_load(call, &ask.job_id, &storage, &letter) || letter.state != LETTER_PENDING)
        return STORE_NOT_FOUND;
    letter.tries++;
    letter.reply = ask.reply;
    letter.history = history_add(
        letter.history,
        &(struct letter_try){
            .when = call->now, .event = ask.verdict, .relay = ask.relay, .reply = ask.reply},
        history);
    switch ((enum outbox_verdict)ask.verdict) {
    case OUTBOX_DELIVERED:
        deliver(call, &ask, &letter);
        break;
    case OUTBOX_RETRY:
        letter_move(call, &ask.job_id, &letter, LETTER_PENDING, ask.due);
        break;
    case OUTBOX_REFUSED:
        refuse(call, &ask, &letter);
        break;
    }
    return STORE_OK;
}

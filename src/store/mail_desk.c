/* Letters as an operator sees and changes them: mail_list, mail_show, mail_change.
 *
 * There may be many: a request looks at LOOKS_MAX letters at most, and whoever wants all of them
 * asks again from where it stopped. What is made due is told to the mailer by the board, once the
 * transaction is there. */
#include <stdio.h>
#include <stdlib.h>

#include "audit.h"
#include "history.h"
#include "outbox.h"
#include "requests.h"
#include "suppressions.h"
#include "users.h"

#define LOOKS_MAX      256U
#define PAGE_MAX_BYTES 14000 /* as large as `rows` of the answer */

static const struct uuid nobody;

/* ---- which letters ------------------------------------------------------------------------------
 */

/* A walk over the letters of one address, or over all. */
struct scan {
    struct address_walk walk;
    bool by_address;
    struct uuid after;
};

static void scan_open(struct scan *scan, struct call *call, const struct letter_filter *filter,
                      const struct uuid *after)
{
    scan->by_address = filter->email_key.len > 0;
    scan->after = *after;
    if (scan->by_address)
        address_walk_open(&scan->walk, call, filter->email_key, after);
    else
        walk_open(&scan->walk.walk, call, TABLE_OUTBOX, uuid_slice(after));
}

static bool scan_next(struct scan *scan, struct uuid *job_id_out)
{
    do {
        if (scan->by_address) {
            if (!address_walk_next(&scan->walk, job_id_out))
                return false;
        } else if (walk_next(&scan->walk.walk) && scan->walk.walk.key_len == UUID_BYTES) {
            memcpy(job_id_out->bytes, scan->walk.walk.key, UUID_BYTES);
        } else {
            return false;
        }
    } while (uuid_equal(job_id_out, &scan->after));
    return true;
}

static bool is_of_domain(struct slice to, struct slice domain)
{
    char key[EMAIL_MAX_BYTES];

    if (domain.len == 0)
        return true;
    if (to.len <= domain.len || to.at[to.len - domain.len - 1] != '@')
        return false;
    to = email_key_of(to, key);
    return slice_equal(slice_of(to.at + to.len - domain.len, domain.len), domain);
}

static bool is_meant(const struct letter_filter *filter, const struct letter_row *letter,
                     const struct mail_job *job)
{
    return (filter->states == 0 || (filter->states & (1U << letter->state)) != 0) &&
           (filter->purpose == 0 || filter->purpose == job->purpose) &&
           letter->created >= filter->since &&
           (filter->due == 0 || (letter->state == LETTER_PENDING && letter->due < filter->due)) &&
           is_of_domain(job->to, filter->domain);
}

/* Loads it if it is there and meant. */
static bool take(struct call *call, const struct letter_filter *filter, const struct uuid *job_id,
                 struct row *storage, struct letter_row *letter, struct mail_job *job)
{
    return letter_load(call, job_id, storage, letter) && mail_job_unpack(letter->job, job) &&
           is_meant(filter, letter, job);
}

/* ---- list and show ------------------------------------------------------------------------------
 */

static void pack_item(struct packer *packer, const struct letter_row *letter,
                      const struct mail_job *job)
{
    struct letter_try last = {0};

    (void)!history_last(letter->history, &last);
    letter_item_pack(packer, &(struct letter_item){
                                 .job_id = job->job_id,
                                 .state = letter->state,
                                 .purpose = job->purpose,
                                 .to = job->to,
                                 .created = letter->created,
                                 .due = letter->state == LETTER_PENDING ? letter->due : 0,
                                 .ended = letter->ended,
                                 .expires = job->expires,
                                 .tries = letter->tries,
                                 .relay = last.relay,
                                 .reply = letter->reply,
                             });
    BUG_ON(packer->overflow);
}

/* Returns true when there may be more behind next. */
static bool fill_page(struct call *call, struct scan *scan, const struct letter_filter *filter,
                      uint32_t rows_max, struct packer *rows, struct uuid *next)
{
    struct row storage;
    struct letter_row letter;
    struct mail_job job;
    struct uuid job_id;
    uint32_t count = 0;

    for (uint32_t looks = 0; scan_next(scan, &job_id); looks++) {
        if (looks >= LOOKS_MAX || count >= rows_max)
            return true;
        if (take(call, filter, &job_id, &storage, &letter, &job)) {
            uint8_t bytes[1200];
            struct packer row = packer_over(bytes, sizeof(bytes));
            pack_item(&row, &letter, &job);
            if (!page_add(rows, &row))
                return true;
            count++;
        }
        *next = job_id;
    }
    return false;
}

enum store_status mail_list_on_request(struct call *call)
{
    struct mail_list_ask ask;
    struct letter_filter filter;
    uint8_t bytes[PAGE_MAX_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));
    struct mail_list_answer answer;

    if (!mail_list_ask_unpack(call->packed, &ask) || !letter_filter_unpack(ask.filter, &filter))
        return STORE_REFUSED;
    struct scan *scan = xcalloc(1, sizeof(*scan));
    answer.next = ask.after;
    scan_open(scan, call, &filter, &ask.after);
    answer.more = fill_page(call, scan, &filter, ask.rows_max, &rows, &answer.next);
    walk_close(&scan->walk.walk);
    free(scan);
    answer.rows = packer_slice(&rows);
    mail_list_answer_pack(&call->answer, &answer);
    return STORE_OK;
}

static void pack_events(struct packer *events, struct slice history)
{
    struct unpacker unpacker = unpacker_over(history);
    struct letter_try entry;

    while (unpacker.len > 0 && !unpacker.bad) {
        uint8_t bytes[256];
        struct packer row = packer_over(bytes, sizeof(bytes));

        if (!letter_try_unpack(unpack_slice(&unpacker, HISTORY_MAX_BYTES), &entry))
            continue;
        letter_happening_pack(&row, &(struct letter_happening){.when = entry.when,
                                                               .event = entry.event,
                                                               .relay = entry.relay,
                                                               .reply = entry.reply});
        pack_slice(events, packer_slice(&row));
    }
    BUG_ON(events->overflow);
}

enum store_status mail_show_on_request(struct call *call)
{
    struct mail_show_ask ask;
    struct row storage;
    struct letter_row letter;
    struct mail_job job;
    uint8_t item_bytes[1200];
    uint8_t event_bytes[2600];
    struct packer item = packer_over(item_bytes, sizeof(item_bytes));
    struct packer events = packer_over(event_bytes, sizeof(event_bytes));

    if (!mail_show_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (!letter_load(call, &ask.job_id, &storage, &letter) || !mail_job_unpack(letter.job, &job))
        return STORE_NOT_FOUND;
    pack_item(&item, &letter, &job);
    pack_events(&events, letter.history);
    mail_show_answer_pack(
        &call->answer,
        &(struct mail_show_answer){.item = packer_slice(&item), .events = packer_slice(&events)});
    return STORE_OK;
}

/* ---- change -------------------------------------------------------------------------------------
 */

static bool is_suppressed(struct call *call, struct slice to)
{
    struct row storage;
    struct suppression_row suppression;
    char key[EMAIL_MAX_BYTES];

    return suppression_load(call, email_key_of(to, key), &storage, &suppression);
}

/* Due now. One that was given up is written anew as far as its age goes, else mail.lifetime_s,
 * which made it dead, would at once do so again; the row says still when it was written. */
static void make_due(struct call *call, const struct uuid *job_id, struct letter_row *letter,
                     struct mail_job *job, enum letter_change change)
{
    uint8_t history[HISTORY_MAX_BYTES];
    uint8_t job_bytes[LETTER_JOB_BYTES];
    struct packer packer = packer_over(job_bytes, sizeof(job_bytes));

    if (change == LETTER_CHANGE_RETRY)
        letter->history =
            history_add(letter->history,
                        &(struct letter_try){.when = call->now, .event = LETTER_RETRIED}, history);
    if (letter->state == LETTER_DEAD) {
        job->created = call->now;
        mail_job_pack(&packer, job);
        BUG_ON(packer.overflow);
        letter->job = packer_slice(&packer);
    }
    letter_move(call, job_id, letter, LETTER_PENDING, call->now);
}

/* Of one letter, which is there. */
static enum store_status change_one(struct call *call, enum letter_change change,
                                    const struct uuid *job_id, struct letter_row *letter,
                                    struct mail_job *job, struct mail_change_answer *answer)
{
    if (letter->state == LETTER_SENT)
        return STORE_SPENT;
    switch (change) {
    case LETTER_CHANGE_RETRY:
    case LETTER_CHANGE_DRAIN:
        if (is_suppressed(call, job->to))
            return STORE_DUPLICATE;
        make_due(call, job_id, letter, job, change);
        break;
    case LETTER_CHANGE_CANCEL:
        answer->under_way |= letter->state == LETTER_PENDING && letter->due <= call->now;
        call->env->mail_stops += letter->state == LETTER_PENDING;
        letter_remove(call, job_id, letter);
        break;
    }
    answer->changed++;
    return STORE_OK;
}

/* The ids of those that are meant: a cursor stays out of what changes the tables under it. */
static size_t collect(struct call *call, const struct letter_filter *filter,
                      const struct uuid *after, struct uuid ids[LOOKS_MAX],
                      struct mail_change_answer *answer)
{
    struct scan *scan = xcalloc(1, sizeof(*scan));
    struct row storage;
    struct letter_row letter;
    struct mail_job job;
    struct uuid job_id;
    size_t count = 0;

    answer->next = *after;
    scan_open(scan, call, filter, after);
    for (uint32_t looks = 0; scan_next(scan, &job_id); looks++) {
        answer->more = looks >= LOOKS_MAX;
        if (answer->more)
            break;
        if (take(call, filter, &job_id, &storage, &letter, &job))
            ids[count++] = job_id;
        answer->next = job_id;
    }
    walk_close(&scan->walk.walk);
    free(scan);
    return count;
}

static void change_many(struct call *call, enum letter_change change, const struct uuid *ids,
                        size_t count, struct mail_change_answer *answer)
{
    struct row storage;
    struct letter_row letter;
    struct mail_job job;

    for (size_t i = 0; i < count && call->failure == 0; i++) {
        if (!letter_load(call, &ids[i], &storage, &letter) || !mail_job_unpack(letter.job, &job) ||
            change_one(call, change, &ids[i], &letter, &job, answer) != STORE_OK)
            answer->left++;
    }
}

/* The account that has the address, or nobody. */
static struct uuid account_of(struct call *call, struct slice to)
{
    char key[EMAIL_MAX_BYTES];
    struct uuid user_id;

    return user_find(call, TABLE_USERS_BY_EMAIL, email_key_of(to, key), &user_id) ? user_id
                                                                                  : nobody;
}

static void tell_trail(struct call *call, const struct mail_change_ask *ask,
                       const struct uuid *user_id, uint32_t changed)
{
    static const enum audit_event events[] = {
        [LETTER_CHANGE_RETRY] = AUDIT_ADMIN_MAIL_RETRIED,
        [LETTER_CHANGE_CANCEL] = AUDIT_ADMIN_MAIL_CANCELLED,
        [LETTER_CHANGE_DRAIN] = AUDIT_ADMIN_MAIL_DRAINED,
    };
    char detail[AUDIT_DETAIL_MAX_BYTES];

    if (uuid_equal(&ask->job_id, &nobody))
        (void)snprintf(detail, sizeof(detail), "%u letters", (unsigned)changed);
    else
        uuid_format(&ask->job_id, detail);
    audit_add_detail(call, events[ask->change], user_id, ask->peer, AUDIT_DONE,
                     slice_of_text(detail));
}

static enum store_status change_by_id(struct call *call, const struct mail_change_ask *ask,
                                      struct mail_change_answer *answer)
{
    struct row storage;
    struct letter_row letter;
    struct mail_job job;

    if (!letter_load(call, &ask->job_id, &storage, &letter) || !mail_job_unpack(letter.job, &job))
        return STORE_NOT_FOUND;
    const struct uuid user_id = account_of(call, job.to);
    const enum store_status status =
        change_one(call, (enum letter_change)ask->change, &ask->job_id, &letter, &job, answer);
    if (status == STORE_OK)
        tell_trail(call, ask, &user_id, 1);
    return status;
}

enum store_status mail_change_on_request(struct call *call)
{
    struct mail_change_ask ask;
    struct letter_filter filter;
    struct mail_change_answer answer = {0};

    if (!mail_change_ask_unpack(call->packed, &ask) || ask.change > LETTER_CHANGE_DRAIN ||
        !letter_filter_unpack(ask.filter, &filter))
        return STORE_REFUSED;
    if (!uuid_equal(&ask.job_id, &nobody)) {
        const enum store_status status = change_by_id(call, &ask, &answer);
        if (status != STORE_OK)
            return status;
    } else {
        struct uuid *ids = xcalloc(LOOKS_MAX, sizeof(*ids));
        const size_t count = collect(call, &filter, &ask.after, ids, &answer);
        change_many(call, (enum letter_change)ask.change, ids, count, &answer);
        free(ids);
        if (answer.changed > 0)
            tell_trail(call, &ask, &nobody, answer.changed);
    }
    if (answer.changed > 0)
        call->env->mail_orders++;
    mail_change_answer_pack(&call->answer, &answer);
    return STORE_OK;
}

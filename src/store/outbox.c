/* The outbox: outbox_page, outbox_settle.
 *
 * Tables: outbox, outbox_by_due. Invariant: a pending letter has exactly one entry by due time, a
 * dead one has none; env->tally counts both. */
#include "outbox.h"

#include "requests.h"

#define DUE_KEY_BYTES (8 + UUID_BYTES)

/* How long a letter that only tells something is worth sending; mail.lifetime_s ends it sooner. */
#define NOTICE_LIFE_MS (30LL * 24 * 3600 * 1000)

/* A page as large as the answer's `rows` may be. */
#define PAGE_MAX_BYTES 15000

static struct slice due_key(wall_ms due, const struct uuid *job_id, uint8_t bytes[DUE_KEY_BYTES])
{
    struct packer packer = packer_over(bytes, DUE_KEY_BYTES);

    pack_u64(&packer, due > 0 ? (uint64_t)due : 0);
    pack_uuid(&packer, job_id);
    return packer_slice(&packer);
}

static bool letter_load(struct call *call, const struct uuid *job_id, struct row *storage,
                        struct letter_row *letter_out)
{
    if (!row_get(call, TABLE_OUTBOX, uuid_slice(job_id), storage))
        return false;
    if (letter_row_unpack(row_slice(storage), letter_out))
        return true;
    row_unreadable(call, TABLE_OUTBOX, uuid_slice(job_id));
    return false;
}

static void letter_save(struct call *call, const struct uuid *job_id,
                        const struct letter_row *letter)
{
    uint8_t bytes[ROW_MAX_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    letter_row_pack(&packer, letter);
    BUG_ON(packer.overflow);
    row_put(call, TABLE_OUTBOX, uuid_slice(job_id), packer_slice(&packer));
}

static void list_by_due(struct call *call, const struct uuid *job_id, wall_ms due)
{
    uint8_t bytes[DUE_KEY_BYTES];

    row_put(call, TABLE_OUTBOX_BY_DUE, due_key(due, job_id, bytes), (struct slice){0});
}

static void unlist_by_due(struct call *call, const struct uuid *job_id, wall_ms due)
{
    uint8_t bytes[DUE_KEY_BYTES];

    (void)row_delete(call, TABLE_OUTBOX_BY_DUE, due_key(due, job_id, bytes));
}

void letter_add(struct call *call, const struct uuid *job_id, struct slice job, wall_ms now)
{
    letter_save(call, job_id, &(struct letter_row){.due = now, .created = now, .job = job});
    list_by_due(call, job_id, now);
    call->env->tally.pending++;
}

bool letter_is_new(struct call *call, const struct uuid *job_id)
{
    return !row_exists(call, TABLE_OUTBOX, uuid_slice(job_id));
}

static void letter_remove(struct call *call, const struct uuid *job_id,
                          const struct letter_row *letter)
{
    (void)row_delete(call, TABLE_OUTBOX, uuid_slice(job_id));
    unlist_by_due(call, job_id, letter->due);
    call->env->tally.pending--;
}

void letter_withdraw(struct call *call, const struct uuid *job_id)
{
    struct row storage;
    struct letter_row letter;

    if (letter_load(call, job_id, &storage, &letter) && !letter.dead)
        letter_remove(call, job_id, &letter);
}

void letter_write(struct call *call, struct letters *letters, const struct mail_job *job)
{
    BUG_ON(letters->count == LETTERS_MAX);
    struct packer packer = packer_over(letters->jobs[letters->count], LETTER_JOB_BYTES);

    mail_job_pack(&packer, job);
    BUG_ON(packer.overflow);
    letters->lens[letters->count++] = packer.len;
    letter_add(call, &job->job_id, packer_slice(&packer), job->created);
}

void letter_notice(struct call *call, struct letters *letters, enum mail_purpose purpose,
                   const struct uuid *job_id, const struct user_row *user, wall_ms now)
{
    if (user->email.len == 0)
        return;
    letter_write(call, letters,
                 &(struct mail_job){.job_id = *job_id,
                                    .purpose = (uint8_t)purpose,
                                    .to = user->email,
                                    .username = user->username,
                                    .language = user->language,
                                    .created = now,
                                    .expires = wall_add(now, NOTICE_LIFE_MS)});
}

struct slice letters_job(const struct letters *letters, size_t i)
{
    return i < letters->count ? slice_of(letters->jobs[i], letters->lens[i]) : slice_of(NULL, 0);
}

void letters_answer_with(struct call *call, const struct letters *letters)
{
    letters_answer_pack(&call->answer, &(struct letters_answer){.first = letters_job(letters, 0),
                                                                .second = letters_job(letters, 1)});
}

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
    uint8_t from[DUE_KEY_BYTES];
    uint8_t bytes[PAGE_MAX_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));
    struct walk walk;
    bool more;

    if (!outbox_page_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    walk_open(&walk, call, TABLE_OUTBOX_BY_DUE, due_key(ask.after_due, &ask.after_job, from));
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

static void letter_retry(struct call *call, const struct outbox_settle_ask *ask,
                         struct letter_row *letter)
{
    unlist_by_due(call, &ask->job_id, letter->due);
    letter->due = ask->due > 0 ? ask->due : 0;
    letter->tries++;
    letter->reply = ask->reply;
    letter_save(call, &ask->job_id, letter);
    list_by_due(call, &ask->job_id, letter->due);
}

static void letter_bury(struct call *call, const struct outbox_settle_ask *ask,
                        struct letter_row *letter)
{
    unlist_by_due(call, &ask->job_id, letter->due);
    letter->dead = 1;
    letter->tries++;
    letter->reply = ask->reply;
    letter_save(call, &ask->job_id, letter);
    call->env->tally.pending--;
    call->env->tally.dead++;
}

enum store_status outbox_settle_on_request(struct call *call)
{
    struct outbox_settle_ask ask;
    struct row storage;
    struct letter_row letter;

    if (!outbox_settle_ask_unpack(call->packed, &ask) || ask.verdict > OUTBOX_REFUSED)
        return STORE_REFUSED;
    if (!letter_load(call, &ask.job_id, &storage, &letter) || letter.dead)
        return STORE_NOT_FOUND;
    switch ((enum outbox_verdict)ask.verdict) {
    case OUTBOX_DELIVERED:
        letter_remove(call, &ask.job_id, &letter);
        break;
    case OUTBOX_RETRY:
        letter_retry(call, &ask, &letter);
        break;
    case OUTBOX_REFUSED:
        letter_bury(call, &ask, &letter);
        break;
    }
    return STORE_OK;
}

/* See outbox.h. Tables: outbox, outbox_by_due, outbox_by_address. Invariant: every letter has
 * exactly one entry by address, a pending one has exactly one by due time, others have none;
 * env->tally counts each state. */
#include "outbox.h"

#include <stdlib.h>

#include "history.h"
#include "suppressions.h"

/* How long a letter that only tells something is worth sending; mail.lifetime_s ends it sooner. */
#define NOTICE_LIFE_MS (30LL * 24 * 3600 * 1000)

#define ADDRESS_KEY_BYTES (EMAIL_MAX_BYTES + 1 + UUID_BYTES)

#define ADDRESS_LETTERS_MAX 512 /* letters of one address that are looked up at once */

struct slice letter_due_key(wall_ms due, const struct uuid *job_id,
                            uint8_t bytes[LETTER_DUE_KEY_BYTES])
{
    struct packer packer = packer_over(bytes, LETTER_DUE_KEY_BYTES);

    pack_u64(&packer, due > 0 ? (uint64_t)due : 0);
    pack_uuid(&packer, job_id);
    return packer_slice(&packer);
}

bool letter_read(struct slice packed, struct letter_row *letter_out)
{
    struct letter_row_1 old;

    if (letter_row_unpack(packed, letter_out))
        return letter_out->state <= LETTER_SENT;
    if (!letter_row_1_unpack(packed, &old))
        return false;
    *letter_out = (struct letter_row){
        .state = old.dead ? LETTER_DEAD : LETTER_PENDING,
        .due = old.due,
        .created = old.created,
        .tries = old.tries,
        .reply = old.reply,
        .job = old.job,
    };
    return true;
}

bool letter_load(struct call *call, const struct uuid *job_id, struct row *storage,
                 struct letter_row *letter_out)
{
    if (!row_get(call, TABLE_OUTBOX, uuid_slice(job_id), storage))
        return false;
    if (letter_read(row_slice(storage), letter_out))
        return true;
    row_unreadable(call, TABLE_OUTBOX, uuid_slice(job_id));
    return false;
}

static struct slice letter_packed(const struct letter_row *letter, uint8_t bytes[ROW_MAX_BYTES])
{
    struct packer packer = packer_over(bytes, ROW_MAX_BYTES);

    letter_row_pack(&packer, letter);
    BUG_ON(packer.overflow);
    return packer_slice(&packer);
}

void letter_save(struct call *call, const struct uuid *job_id, const struct letter_row *letter)
{
    uint8_t bytes[ROW_MAX_BYTES];

    row_put(call, TABLE_OUTBOX, uuid_slice(job_id), letter_packed(letter, bytes));
}

/* ---- the lists ----------------------------------------------------------------------------------
 */

static void list_by_due(struct call *call, const struct uuid *job_id, wall_ms due)
{
    uint8_t bytes[LETTER_DUE_KEY_BYTES];

    row_put(call, TABLE_OUTBOX_BY_DUE, letter_due_key(due, job_id, bytes), (struct slice){0});
}

static void unlist_by_due(struct call *call, const struct uuid *job_id, wall_ms due)
{
    uint8_t bytes[LETTER_DUE_KEY_BYTES];

    (void)row_delete(call, TABLE_OUTBOX_BY_DUE, letter_due_key(due, job_id, bytes));
}

/* The zero byte keeps those of a@b.de together and apart from those of a@b.dev. */
static struct slice address_key(struct slice to, const struct uuid *job_id,
                                uint8_t bytes[ADDRESS_KEY_BYTES])
{
    struct packer packer = packer_over(bytes, ADDRESS_KEY_BYTES);
    char key[EMAIL_MAX_BYTES];

    to = email_key_of(to, key);
    pack_raw(&packer, to.at, to.len);
    pack_u8(&packer, 0);
    pack_uuid(&packer, job_id);
    return packer_slice(&packer);
}

static uint64_t *tally_of(struct call *call, uint8_t state)
{
    switch ((enum letter_state)state) {
    case LETTER_PENDING:
        return &call->env->tally.pending;
    case LETTER_DEAD:
        return &call->env->tally.dead;
    case LETTER_SENT:
        return &call->env->tally.sent;
    }
    BUG_ON("a letter is in no state");
    return NULL;
}

void letter_index(struct call *call, const struct walk *walk)
{
    uint8_t bytes[ADDRESS_KEY_BYTES];
    struct letter_row letter;
    struct mail_job job;
    struct uuid job_id;

    if (walk->key_len != UUID_BYTES || !letter_read(row_slice(&walk->row), &letter) ||
        !mail_job_unpack(letter.job, &job)) {
        row_unreadable(call, TABLE_OUTBOX, walk_key(walk));
        return;
    }
    memcpy(job_id.bytes, walk->key, UUID_BYTES);
    row_put(call, TABLE_OUTBOX_BY_ADDRESS, address_key(job.to, &job_id, bytes), (struct slice){0});
}

/* ---- one letter ---------------------------------------------------------------------------------
 */

bool letter_is_new(struct call *call, const struct uuid *job_id)
{
    return !row_exists(call, TABLE_OUTBOX, uuid_slice(job_id));
}

void letter_move(struct call *call, const struct uuid *job_id, struct letter_row *letter,
                 enum letter_state state, wall_ms due)
{
    if (letter->state == LETTER_PENDING)
        unlist_by_due(call, job_id, letter->due);
    (*tally_of(call, letter->state))--;
    letter->state = (uint8_t)state;
    letter->due = due > 0 ? due : 0;
    letter->ended = state == LETTER_PENDING ? 0 : call->now;
    letter_save(call, job_id, letter);
    if (state == LETTER_PENDING)
        list_by_due(call, job_id, letter->due);
    (*tally_of(call, letter->state))++;
}

void letter_remove(struct call *call, const struct uuid *job_id, const struct letter_row *letter)
{
    uint8_t bytes[ADDRESS_KEY_BYTES];
    struct mail_job job;

    if (mail_job_unpack(letter->job, &job))
        (void)row_delete(call, TABLE_OUTBOX_BY_ADDRESS, address_key(job.to, job_id, bytes));
    (void)row_delete(call, TABLE_OUTBOX, uuid_slice(job_id));
    if (letter->state == LETTER_PENDING)
        unlist_by_due(call, job_id, letter->due);
    (*tally_of(call, letter->state))--;
}

void letter_withdraw(struct call *call, const struct uuid *job_id)
{
    struct row storage;
    struct letter_row letter;

    if (letter_load(call, job_id, &storage, &letter) && letter.state == LETTER_PENDING)
        letter_remove(call, job_id, &letter);
}

void letter_note(struct call *call, const struct uuid *job_id, const struct letter_row *letter,
                 enum letter_event event, struct slice detail)
{
    uint8_t history[HISTORY_MAX_BYTES];
    struct letter_row noted = *letter;

    noted.history = history_add(
        letter->history,
        &(struct letter_try){.when = call->now, .event = (uint8_t)event, .reply = detail}, history);
    letter_save(call, job_id, &noted);
}

/* reason: as suppression_stops gives it. In the history the event says its first word. */
static void letter_suppress(struct call *call, const struct uuid *job_id, struct letter_row *letter,
                            struct slice reason)
{
    const size_t word = strlen(SUPPRESSION_WORD);
    const struct slice why = slice_of(reason.at + word, reason.len - word);
    uint8_t history[HISTORY_MAX_BYTES];

    letter->reply = reason;
    letter->history = history_add(
        letter->history,
        &(struct letter_try){.when = call->now, .event = LETTER_SUPPRESSED, .reply = why}, history);
    letter_move(call, job_id, letter, LETTER_DEAD, letter->due);
}

static struct letter_row new_letter(struct slice job, wall_ms now)
{
    return (struct letter_row){
        .state = LETTER_PENDING, .due = now > 0 ? now : 0, .created = now, .job = job};
}

bool letter_begin(struct call *call, const struct uuid *job_id, struct slice job, wall_ms now)
{
    const struct letter_row letter = new_letter(job, now);
    uint8_t bytes[ROW_MAX_BYTES];

    return row_put_new(call, TABLE_OUTBOX, uuid_slice(job_id), letter_packed(&letter, bytes));
}

bool letter_list(struct call *call, const struct uuid *job_id, struct slice job, wall_ms now)
{
    struct letter_row letter = new_letter(job, now);
    uint8_t bytes[ADDRESS_KEY_BYTES];
    char key[EMAIL_MAX_BYTES];
    struct mail_job content;
    struct slice reason;

    BUG_ON(!mail_job_unpack(job, &content));
    row_put(call, TABLE_OUTBOX_BY_ADDRESS, address_key(content.to, job_id, bytes),
            (struct slice){0});
    call->env->tally.pending++;
    if (suppression_stops(call, email_key_of(content.to, key), content.purpose, now, &reason)) {
        letter_suppress(call, job_id, &letter, reason);
        return false;
    }
    list_by_due(call, job_id, letter.due);
    return true;
}

bool letter_add(struct call *call, const struct uuid *job_id, struct slice job, wall_ms now)
{
    const struct letter_row letter = new_letter(job, now);

    letter_save(call, job_id, &letter);
    return letter_list(call, job_id, job, now);
}

/* ---- the letters of an address ------------------------------------------------------------------
 */

void address_walk_open(struct address_walk *walk, struct call *call, struct slice email_key,
                       const struct uuid *from)
{
    uint8_t bytes[ADDRESS_KEY_BYTES];

    walk->prefix_len = email_key.len + 1;
    memcpy(walk->prefix, address_key(email_key, from, bytes).at, walk->prefix_len);
    walk_open(&walk->walk, call, TABLE_OUTBOX_BY_ADDRESS, address_key(email_key, from, bytes));
}

bool address_walk_next(struct address_walk *walk, struct uuid *job_id_out)
{
    if (!walk_next(&walk->walk) || walk->walk.key_len != walk->prefix_len + UUID_BYTES ||
        memcmp(walk->walk.key, walk->prefix, walk->prefix_len) != 0)
        return false;
    memcpy(job_id_out->bytes, walk->walk.key + walk->prefix_len, UUID_BYTES);
    return true;
}

/* A stretch of them. The ids first: a cursor stays out of what changes the table under it. */
struct stretch {
    struct uuid after;
    size_t count;
    struct uuid ids[ADDRESS_LETTERS_MAX];
};

/* The next one, behind the last; zeroed before the first. Returns false when there is none: letters
 * that were given up stay, so in time an address may have any number of them. */
static bool next_stretch(struct call *call, struct slice email_key, struct stretch *stretch)
{
    struct address_walk *walk = xcalloc(1, sizeof(*walk));
    struct uuid id;

    stretch->count = 0;
    address_walk_open(walk, call, email_key, &stretch->after);
    while (stretch->count < ADDRESS_LETTERS_MAX && address_walk_next(walk, &id)) {
        if (!uuid_equal(&id, &stretch->after))
            stretch->ids[stretch->count++] = id;
    }
    walk_close(&walk->walk);
    free(walk);
    if (stretch->count > 0)
        stretch->after = stretch->ids[stretch->count - 1];
    return stretch->count > 0;
}

void letters_suppress(struct call *call, struct slice email_key, struct slice reason)
{
    struct stretch stretch = {.count = 0};
    struct row storage;
    struct letter_row letter;

    while (call->failure == 0 && next_stretch(call, email_key, &stretch)) {
        for (size_t i = 0; i < stretch.count; i++) {
            if (!letter_load(call, &stretch.ids[i], &storage, &letter) ||
                letter.state != LETTER_PENDING)
                continue;
            letter_suppress(call, &stretch.ids[i], &letter, reason);
            call->env->mail_stops++;
        }
    }
}

void letters_forget(struct call *call, struct slice email_key)
{
    struct stretch stretch = {.count = 0};
    struct row storage;
    struct letter_row letter;

    while (email_key.len > 0 && call->failure == 0 && next_stretch(call, email_key, &stretch)) {
        for (size_t i = 0; i < stretch.count; i++) {
            if (letter_load(call, &stretch.ids[i], &storage, &letter) &&
                letter.state != LETTER_PENDING)
                letter_remove(call, &stretch.ids[i], &letter);
        }
    }
}

/* ---- what a request writes ----------------------------------------------------------------------
 */

void letter_write(struct call *call, struct letters *letters, const struct mail_job *job)
{
    BUG_ON(letters->count == LETTERS_MAX);
    struct packer packer = packer_over(letters->jobs[letters->count], LETTER_JOB_BYTES);

    mail_job_pack(&packer, job);
    BUG_ON(packer.overflow);
    if (letter_add(call, &job->job_id, packer_slice(&packer), job->created))
        letters->lens[letters->count++] = packer.len;
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

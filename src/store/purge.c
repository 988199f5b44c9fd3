/* See purge.h. A write makes at most one row in each of three tables and two letters, so five looks
 * a write pass over everything at least as fast as it grows. Most looks find nothing to do, so rows
 * are read by the stretch: a step of a cursor for each was 8 % of what a sign-up costs the store.
 */
#include "purge.h"

#include <stdlib.h>

#include "answers.h"
#include "outbox.h"
#include "proofs.h"
#include "record.h"
#include "sessions.h"

#define IDLE_NS         NS_PER_S
#define LOOKS_A_WRITE   5U
#define LOOKS_A_STEP    96U /* about as many rows as a stretch has */
#define LOOKS_WHEN_IDLE 96U

typedef void (*purge_row_fn)(struct call *call, struct slice key, struct slice value);

static void purge_session(struct call *call, struct slice key, struct slice value)
{
    struct session_row session;
    struct uuid session_id;

    if (key.len != UUID_BYTES || !session_read(value, &session)) {
        row_unreadable(call, TABLE_SESSIONS, key);
        return;
    }
    if (session.expires > call->now)
        return;
    memcpy(session_id.bytes, key.at, UUID_BYTES);
    session_remove(call, &session_id, &session);
}

/* An open proof whose letter has not been sent can get a new life with it. */
static bool waits_for_its_letter(struct call *call, const struct proof_row *proof)
{
    struct row storage;
    struct letter_row letter;

    return proof->state == PROOF_OPEN && letter_load(call, &proof->job_id, &storage, &letter) &&
           letter.state != LETTER_SENT;
}

static void purge_proof(struct call *call, struct slice key, struct slice value)
{
    struct proof_row proof;

    if (!proof_read(value, &proof))
        row_unreadable(call, TABLE_PROOFS, key);
    else if (proof.expires <= call->now && !waits_for_its_letter(call, &proof))
        (void)row_delete(call, TABLE_PROOFS, key);
}

static void purge_idempotency(struct call *call, struct slice key, struct slice value)
{
    struct idempotency_row record;

    if (!idempotency_row_unpack(value, &record))
        row_unreadable(call, TABLE_ANSWERS, key);
    else if (wall_add(record.created, IDEMPOTENCY_LIFE_MS) <= call->now)
        (void)row_delete(call, TABLE_ANSWERS, key);
}

static void purge_letter(struct call *call, struct slice key, struct slice value)
{
    struct letter_row letter;
    struct uuid job_id;

    if (key.len != UUID_BYTES || !letter_read(value, &letter)) {
        row_unreadable(call, TABLE_OUTBOX, key);
        return;
    }
    if (letter.state != LETTER_SENT || wall_add(letter.ended, call->env->keep_sent_ms) > call->now)
        return;
    memcpy(job_id.bytes, key.at, UUID_BYTES);
    letter_remove(call, &job_id, &letter);
}

static const struct {
    enum table table;
    const char *from; /* first key */
    purge_row_fn purge;
} stages[] = {
    {TABLE_SESSIONS, "", purge_session},
    {TABLE_PROOFS, "", purge_proof},
    {TABLE_ANSWERS, "I", purge_idempotency},
    {TABLE_OUTBOX, "", purge_letter},
};

static void go_to_stage(struct purge *purge, uint32_t stage)
{
    purge->stage = stage % ARRAY_LEN(stages);
    purge->key_len = strlen(stages[purge->stage].from);
    memcpy(purge->key, stages[purge->stage].from, purge->key_len);
}

bool purge_is_due(const struct purge *purge, mono_ns now)
{
    return now - purge->stepped >= IDLE_NS;
}

/* The place goes behind the last row that was looked at. */
static void keep_place(struct purge *purge, struct slice key)
{
    BUG_ON(key.len >= sizeof(purge->key));
    memcpy(purge->key, key.at, key.len);
    purge->key[key.len] = 0;
    purge->key_len = key.len + 1;
}

void purge_step(struct purge *purge, struct call *call, uint64_t writes)
{
    mono_ns now = clock_mono_ns();
    const enum table table = stages[purge->stage].table;
    struct rows rows;
    struct slice key = {0};
    struct slice value;
    uint64_t looks = 0;

    purge->credit += writes * LOOKS_A_WRITE;
    if (purge_is_due(purge, now))
        purge->credit += LOOKS_WHEN_IDLE;
    if (purge->credit < LOOKS_A_STEP)
        return;
    purge->stepped = now;
    if (!rows_read(call, table, slice_of(purge->key, purge->key_len), &rows)) {
        purge->credit -= LOOKS_A_STEP; /* a table without rows costs as much as one with some */
        go_to_stage(purge, purge->stage + 1);
        return;
    }
    while (rows_next(&rows, &key, &value)) {
        stages[purge->stage].purge(call, key, value);
        looks++;
    }
    keep_place(purge, key);
    purge->credit -= looks < purge->credit ? looks : purge->credit;
}

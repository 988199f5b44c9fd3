/* See purge.h. A write makes at most one row in each of three tables and two letters, so five looks
 * a write pass over everything at least as fast as it grows. */
#include "purge.h"

#include <stdlib.h>

#include "answers.h"
#include "outbox.h"
#include "proofs.h"
#include "record.h"
#include "sessions.h"

#define IDLE_NS         NS_PER_S
#define LOOKS_A_WRITE   5U
#define LOOKS_A_STEP    96U
#define LOOKS_WHEN_IDLE 96U

typedef void (*purge_row_fn)(struct call *call, struct walk *walk);

static void purge_session(struct call *call, struct walk *walk)
{
    struct session_row session;
    struct uuid session_id;

    if (walk->key_len != UUID_BYTES || !session_read(row_slice(&walk->row), &session)) {
        row_unreadable(call, TABLE_SESSIONS, walk_key(walk));
        return;
    }
    if (session.expires > call->now)
        return;
    memcpy(session_id.bytes, walk->key, UUID_BYTES);
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

static void purge_proof(struct call *call, struct walk *walk)
{
    struct proof_row proof;

    if (!proof_read(row_slice(&walk->row), &proof))
        row_unreadable(call, TABLE_PROOFS, walk_key(walk));
    else if (proof.expires <= call->now && !waits_for_its_letter(call, &proof))
        walk_delete(walk);
}

static void purge_idempotency(struct call *call, struct walk *walk)
{
    struct idempotency_row record;

    if (!idempotency_row_unpack(row_slice(&walk->row), &record))
        row_unreadable(call, TABLE_ANSWERS, walk_key(walk));
    else if (wall_add(record.created, IDEMPOTENCY_LIFE_MS) <= call->now)
        walk_delete(walk);
}

static void purge_letter(struct call *call, struct walk *walk)
{
    struct letter_row letter;
    struct uuid job_id;

    if (walk->key_len != UUID_BYTES || !letter_read(row_slice(&walk->row), &letter)) {
        row_unreadable(call, TABLE_OUTBOX, walk_key(walk));
        return;
    }
    if (letter.state != LETTER_SENT || wall_add(letter.ended, call->env->keep_sent_ms) > call->now)
        return;
    memcpy(job_id.bytes, walk->key, UUID_BYTES);
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

void purge_step(struct purge *purge, struct call *call, uint64_t writes)
{
    mono_ns now = clock_mono_ns();
    struct walk *walk;
    uint64_t looks = 0;

    purge->credit += writes * LOOKS_A_WRITE;
    if (purge_is_due(purge, now))
        purge->credit += LOOKS_WHEN_IDLE;
    if (purge->credit < LOOKS_A_STEP)
        return;
    purge->stepped = now;
    purge->credit -= LOOKS_A_STEP;

    walk = xcalloc(1, sizeof(*walk));
    walk_open(walk, call, stages[purge->stage].table, slice_of(purge->key, purge->key_len));
    while (looks < LOOKS_A_STEP && walk_next(walk)) {
        stages[purge->stage].purge(call, walk);
        looks++;
    }
    if (looks == LOOKS_A_STEP) {
        purge->key_len = walk->key_len;
        memcpy(purge->key, walk->key, walk->key_len);
    } else {
        go_to_stage(purge, purge->stage + 1);
    }
    walk_close(walk);
    free(walk);
}

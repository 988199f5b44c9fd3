/* See answers.h. Table: answers, by an 'A' or an 'I' and what follows it.
 *
 * One row holds all answers of one asker in one transaction, as long as it stays small: a batch of
 * 64 sign-ups from four workers costs four puts and, once they are acknowledged, four deletes,
 * instead of 64 and 64. */
#include "answers.h"

#include <stdlib.h>

#include "gatepost/log.h"
#include "record.h"

#define ANSWER_KEY_BYTES 17
#define ROW_ENOUGH_BYTES 700 /* a larger value would leave its page of 4096 bytes */

static struct slice answer_key(uint64_t incarnation, uint64_t first,
                               uint8_t bytes[ANSWER_KEY_BYTES])
{
    struct packer packer = packer_over(bytes, ANSWER_KEY_BYTES);

    pack_u8(&packer, 'A');
    pack_u64(&packer, incarnation);
    pack_u64(&packer, first);
    return packer_slice(&packer);
}

/* ---- idempotency keys -------------------------------------------------------------------------
 */

static struct slice idempotency_row_key(struct slice key, uint8_t bytes[1 + IDEMPOTENCY_KEY_BYTES])
{
    BUG_ON(key.len > IDEMPOTENCY_KEY_BYTES);
    bytes[0] = 'I';
    memcpy(bytes + 1, key.at, key.len);
    return slice_of(bytes, 1 + key.len);
}

enum store_replay idempotency_look(struct call *call, struct slice key, struct slice body,
                                   wall_ms now)
{
    uint8_t key_bytes[1 + IDEMPOTENCY_KEY_BYTES];
    struct row row;
    struct idempotency_row record;

    if (key.len == 0 || !row_get(call, TABLE_ANSWERS, idempotency_row_key(key, key_bytes), &row))
        return STORE_REPLAY_NONE;
    if (!idempotency_row_unpack(row_slice(&row), &record)) {
        row_unreadable(call, TABLE_ANSWERS, key);
        return STORE_REPLAY_NONE;
    }
    if (wall_add(record.created, IDEMPOTENCY_LIFE_MS) <= now)
        return STORE_REPLAY_NONE;
    return slice_equal(record.body, body) ? STORE_REPLAY_SAME : STORE_REPLAY_DIFFERS;
}

void idempotency_keep(struct call *call, struct slice key, struct slice body,
                      const struct uuid *user_id, wall_ms now)
{
    uint8_t key_bytes[1 + IDEMPOTENCY_KEY_BYTES];
    uint8_t bytes[128];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    idempotency_row_pack(
        &packer, &(struct idempotency_row){.body = body, .created = now, .user_id = *user_id});
    row_put(call, TABLE_ANSWERS, idempotency_row_key(key, key_bytes), packer_slice(&packer));
}

/* ---- shelves ----------------------------------------------------------------------------------
 */

void shelf_init(struct shelf *shelf, uint64_t incarnation)
{
    memset(shelf, 0, sizeof(*shelf));
    shelf->incarnation = incarnation;
}

void shelf_fini(struct shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++)
        free(shelf->rows[i].bytes);
    free(shelf->rows);
    memset(shelf, 0, sizeof(*shelf));
}

static struct shelf_row *shelf_append(struct shelf *shelf, uint64_t first, uint64_t last)
{
    if (shelf->count == shelf->max) {
        shelf->max = shelf->max ? shelf->max * 2 : 16;
        shelf->rows = xrealloc(shelf->rows, shelf->max * sizeof(*shelf->rows));
    }
    shelf->rows[shelf->count] = (struct shelf_row){.first = first, .last = last};
    return &shelf->rows[shelf->count++];
}

static void shelf_take_stored(struct call *call, struct shelf *shelf, uint64_t first,
                              const struct walk *walk)
{
    struct answers_row record;
    struct shelf_row *row;

    if (!answers_row_unpack(row_slice(&walk->row), &record)) {
        row_unreadable(call, TABLE_ANSWERS, walk_key(walk));
        return;
    }
    row = shelf_append(shelf, first, record.last);
    row->len = walk->row.len;
    row->bytes = xcalloc(1, row->len);
    memcpy(row->bytes, walk->row.bytes, row->len);
    shelf->settled = shelf->count;
}

void shelves_load(struct call *call, shelf_find_fn find, void *context)
{
    struct walk *walk = xcalloc(1, sizeof(*walk));

    walk_open(walk, call, TABLE_ANSWERS, SLICE_LITERAL("A"));
    while (walk_next(walk)) {
        struct unpacker key = unpacker_over(walk_key(walk));
        uint8_t kind = unpack_u8(&key);
        uint64_t incarnation = unpack_u64(&key);
        uint64_t first = unpack_u64(&key);
        struct shelf *shelf;

        if (kind != 'A')
            break;
        if (!unpacker_done(&key)) {
            row_unreadable(call, TABLE_ANSWERS, walk_key(walk));
            break;
        }
        shelf = find(context, incarnation);
        if (shelf)
            shelf_take_stored(call, shelf, first, walk);
        else
            walk_delete(walk);
    }
    walk_close(walk);
    free(walk);
}

bool shelf_look(const struct shelf *shelf, uint64_t sequence, enum store_status *status_out,
                struct slice *payload_out)
{
    for (size_t i = 0; i < shelf->count; i++) {
        const struct shelf_row *row = &shelf->rows[i];
        struct answers_row record;

        if (!row->bytes || sequence < row->first || sequence > row->last ||
            !answers_row_unpack(slice_of(row->bytes, row->len), &record))
            continue;

        struct unpacker unpacker = unpacker_over(record.answers);

        while (unpacker.len > 0 && !unpacker.bad) {
            struct stored_answer answer;

            if (!stored_answer_unpack(unpack_slice(&unpacker, UINT16_MAX), &answer))
                break;
            if (answer.sequence != sequence || answer.status >= STORE_STATUS_COUNT)
                continue;
            *status_out = (enum store_status)answer.status;
            *payload_out = answer.payload;
            return true;
        }
    }
    return false;
}

void shelf_forget(struct call *call, struct shelf *shelf, uint64_t acknowledged)
{
    uint8_t key[ANSWER_KEY_BYTES];

    while (shelf->leaving < shelf->settled && shelf->rows[shelf->leaving].last < acknowledged) {
        (void)row_delete(call, TABLE_ANSWERS,
                         answer_key(shelf->incarnation, shelf->rows[shelf->leaving].first, key));
        shelf->leaving++;
    }
}

void shelf_forget_all(struct call *call, struct shelf *shelf)
{
    shelf_forget(call, shelf, UINT64_MAX);
}

void draft_begin(struct shelf_draft *draft)
{
    draft->packer = packer_over(draft->bytes, sizeof(draft->bytes));
    draft->first = UINT64_MAX;
    draft->last = 0;
}

void draft_add(struct call *call, struct shelf *shelf, struct shelf_draft *draft, uint64_t sequence,
               enum store_status status, struct slice payload)
{
    uint8_t bytes[6100];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    stored_answer_pack(&packer, &(struct stored_answer){.sequence = sequence,
                                                        .status = (uint8_t)status,
                                                        .payload = payload});
    BUG_ON(packer.overflow);
    if (draft->packer.len > 0 && draft->packer.len + packer.len > ROW_ENOUGH_BYTES)
        draft_put(call, shelf, draft);
    pack_slice(&draft->packer, packer_slice(&packer));
    BUG_ON(draft->packer.overflow);
    if (sequence < draft->first)
        draft->first = sequence;
    if (sequence > draft->last)
        draft->last = sequence;
}

void draft_put(struct call *call, struct shelf *shelf, struct shelf_draft *draft)
{
    uint8_t key[ANSWER_KEY_BYTES];
    uint8_t bytes[ROW_MAX_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    if (draft->packer.len == 0)
        return;
    answers_row_pack(&packer, &(struct answers_row){.last = draft->last,
                                                    .answers = packer_slice(&draft->packer)});
    BUG_ON(packer.overflow);
    row_put(call, TABLE_ANSWERS, answer_key(shelf->incarnation, draft->first, key),
            packer_slice(&packer));
    (void)shelf_append(shelf, draft->first, draft->last);
    draft_begin(draft);
}

void shelf_committed(struct shelf *shelf)
{
    for (size_t i = 0; i < shelf->leaving; i++)
        free(shelf->rows[i].bytes);
    shelf->count -= shelf->leaving;
    if (shelf->leaving > 0 && shelf->count > 0)
        memmove(shelf->rows, shelf->rows + shelf->leaving, shelf->count * sizeof(*shelf->rows));
    shelf->leaving = 0;
    shelf->settled = shelf->count;
}

void shelf_aborted(struct shelf *shelf)
{
    shelf->count = shelf->settled;
    shelf->leaving = 0;
}

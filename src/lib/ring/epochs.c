/* See epochs.h.
 *
 * Invariant: a cell is written by the store's one thread and never goes back, so a value that is
 * seen twice was there all the time between. */
#include "ring_layout.h"

_Static_assert((EPOCH_CELLS & (EPOCH_CELLS - 1)) == 0, "cells are found with a mask");

/* FNV-1a with its upper half folded down. Names are made here or by an operator's import, never
 * chosen by a stranger, and a cell that many share is slow and not wrong. */
static uint32_t cell_of(struct slice name)
{
    uint64_t hash = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint8_t)name.at[i]) * 0x100000001b3ULL;
    return (uint32_t)(hash ^ hash >> 32) & (EPOCH_CELLS - 1);
}

static uint64_t read_cell(const struct segment *segment, uint32_t cell)
{
    return atomic_load_explicit(&segment->epochs[cell], memory_order_acquire);
}

/* Release: who sees the raise, and then pushes an ask, is answered by a thread that made it. */
void epoch_raise(struct segment *segment, struct slice name)
{
    atomic_fetch_add_explicit(&segment->epochs[cell_of(name)], 1, memory_order_acq_rel);
}

struct epochs_seen epochs_look(const struct segment *segment, struct slice subject,
                               struct slice session)
{
    struct epochs_seen seen = {
        .store = board_get(segment, BOARD_STORE_EPOCH),
        .user_cell = cell_of(subject),
    };

    seen.session_cell = session.len > 0 ? cell_of(session) : seen.user_cell;
    seen.user = read_cell(segment, seen.user_cell);
    seen.session = session.len > 0 ? read_cell(segment, seen.session_cell) : seen.user;
    return seen;
}

/* Each load says that its word has not moved since the look. The store's number comes last, as in
 * tests/model/epoch.pml: what stands then is of the store that is there. */
bool epochs_stand(const struct segment *segment, const struct epochs_seen *seen)
{
    BUG_ON(seen->user_cell >= EPOCH_CELLS || seen->session_cell >= EPOCH_CELLS);
    return read_cell(segment, seen->user_cell) == seen->user &&
           read_cell(segment, seen->session_cell) == seen->session &&
           board_get(segment, BOARD_STORE_EPOCH) == seen->store;
}

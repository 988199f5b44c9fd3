/* How what a worker keeps of the store's rows stops being good: cells that only ever go up.
 *
 * The store raises the cells of a user and of a session with every change of their rows, before the
 * answer of that change leaves. Who keeps an answer looks at the cells before asking for it, keeps
 * what was seen there beside the answer, and uses it only while the same still stands.
 *
 * Why nothing stale lives: one thread of the store carries out changes and answers lookups, and
 * answers none between the raise and the commit of a batch. So an asker that had seen the raise is
 * answered from after the commit; one that had not sees another value when it looks again. A raise
 * that is followed by no commit only costs a question. Who is told of the change is told after the
 * raise, and whatever he asks then is looked at after that. A store that dies may take with it what
 * it had committed, shown and not yet flushed: its successor's number is part of what is compared,
 * so that nothing outlives the store it came from by more than the time without one, in which
 * nothing changes. tests/model/epoch.pml is this in Promela, and what breaks it. */
#ifndef GATEPOST_EPOCHS_H
#define GATEPOST_EPOCHS_H

#include "gatepost/segment.h"

/* Two names in one cell cost each other a question now and then, and nothing else. */
#define EPOCH_CELLS 16384U

/* What was seen of a user and of a session before the store was asked about them. */
struct epochs_seen {
    uint64_t store; /* BOARD_STORE_EPOCH */
    uint64_t user;
    uint64_t session;
    uint32_t user_cell;
    uint32_t session_cell;
};

/* The store's thread alone: something about the user of that subject, or the session of that id (16
 * bytes), has changed or is about to. */
void epoch_raise(struct segment *segment, struct slice name);

/* session: its id, or empty: then the user alone is watched. */
struct epochs_seen epochs_look(const struct segment *segment, struct slice subject,
                               struct slice session);

/* Has nothing changed since? Cost: three loads. */
MUST_USE bool epochs_stand(const struct segment *segment, const struct epochs_seen *seen);

#endif

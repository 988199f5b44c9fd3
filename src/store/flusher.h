/* The flusher: a thread that makes commits durable, so that the store's main thread, which answers
 * lookups, never waits for the disk. */
#ifndef GATEPOST_STORE_FLUSHER_H
#define GATEPOST_STORE_FLUSHER_H

#include "env.h"
#include "gatepost/clock.h"

struct flusher;

/* Wakes the store's slot after every flush. */
struct flusher *flusher_start(struct env *env);

/* Waits for the flush under way, if any, and ends the thread. */
void flusher_stop(struct flusher **flusher);

/* Commit number `commit` and all before it have been made; have them flushed. Never waits. */
void flusher_ask(struct flusher *flusher, uint64_t commit);

struct flusher_view {
    uint64_t flushed; /* every commit up to this one is on disk */
    bool busy;        /* a flush is under way or about to begin */
    mono_ns since;    /* when it began, if busy */
    int failure;      /* errno of a flush that is being tried again; 0 is none */
};
struct flusher_view flusher_look(struct flusher *flusher);

#endif

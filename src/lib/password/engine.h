/* The engine's insides, shared by engine.c (the submitter's side, life), lane_thread.c and
 * call_thread.c.
 *
 * Invariant: a work that was taken is at any time in exactly one place: the queue, the list of
 * those that ended uncomputed, or in the hands of one hash thread; and it leaves by on_done, on a
 * hash thread, once. The mutex guards the queue and who sits where; nobody holds it while it
 * computes or calls on_done. */
#ifndef GATEPOST_PASSWORD_ENGINE_H
#define GATEPOST_PASSWORD_ENGINE_H

#include "gatepost/password.h"

#include "hash.h"
#include "kernels.h"
#include "queue.h"

#include <pthread.h>

/* A place in a lane thread's batch. */
struct seat {
    struct password_work *work; /* NULL: free. Written under the mutex */
    bool cancelled;             /* under the mutex */
    bool begun;                 /* the rest is the thread's own */
    bool done;
    mono_ns begun_at;
    struct hash_state state;
    struct pbkdf2_chain chain;
};

struct lane_thread {
    struct password_engine *engine;
    pthread_t id;
    unsigned busy; /* seats taken; under the mutex */
    struct seat seats[PBKDF2_LANES_MAX];
};

struct call_thread {
    struct password_engine *engine;
    pthread_t id;
    struct password_work *work; /* under the mutex: NULL: nobody waits for the call */
    bool busy;                  /* under the mutex */
    bool checked;               /* the rest is the thread's own: it knows whether the answers are */
    bool right;
    struct hash_call call;
};

struct password_engine {
    struct password_engine_options options;
    struct kernel_choice choice;
    pthread_mutex_t mutex;
    pthread_cond_t lanes_wanted; /* lane threads wait for work, or for something to give back */
    pthread_cond_t calls_wanted;
    bool stopping;       /* under the mutex */
    double call_seconds; /* under the mutex: what a call takes, the last ones most */
    struct queue queue;
    struct call_thread *call_threads; /* options.threads of them */
    struct lane_thread lane_threads[];
};

void *lane_thread_main(void *of_thread);
void *call_thread_main(void *of_thread);

/* For both: a lower priority than the thread that started this one. */
void hash_thread_begin(void);

/* Under the mutex: another call has taken so long. */
void engine_learn(struct password_engine *engine, mono_ns call_ns);

/* Gives the work to its submitter, without its password unless that is to be kept. */
void engine_give_back(const struct password_engine *engine, struct password_work *work);

#endif

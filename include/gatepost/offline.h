/* Work on a database that no server has open. src/store does it, in a child process that has given
 * up root; main.c hands it to the commands, which do the talking. */
#ifndef GATEPOST_OFFLINE_H
#define GATEPOST_OFFLINE_H

#include "gatepost/base.h"

/* Who hears of it. May be called from a child process: it may print, not remember. */
struct offline_listener {
    void (*on_progress)(void *context, const char *doing, uint64_t done, uint64_t all);
    void (*on_problem)(void *context, const char *sentence);
    void (*on_count)(void *context, const char *what, uint64_t count); /* at the end, if whole */
    void *context;
};

struct offline_job {
    const char *from;   /* a backup's directory, or a database's */
    const char *work;   /* where the copy is made: not there, or left over from an earlier try */
    const char *into;   /* restore: what the copy is to be called; not there, or empty */
    const char *aside;  /* restore: what a database that is there is to be called; NULL: refused */
    uint32_t until_log; /* of a backup: the last log file to be read; 0: all */
    int64_t cache_mib;
    const char *user; /* master.user; "" or not root: nobody else */
    struct offline_listener listener;
    /* restore: asked with the listener's context right before the copy takes its place; false: it
     * must not, and it has been said why. NULL: nobody is asked. */
    bool (*may_take_place)(void *context);
};

enum offline_result {
    OFFLINE_GOOD,
    OFFLINE_DAMAGED, /* on_problem said what */
    OFFLINE_FAILED,  /* nothing is known: on_problem said why */
};

/* A backup becomes the database `into`, verified. Changes nothing else unless it is good. */
typedef enum offline_result (*offline_fn)(const struct offline_job *job);
enum offline_result store_restore(const struct offline_job *job);

/* A backup or a database is verified on a copy, which is removed. */
enum offline_result store_verify(const struct offline_job *job);

#endif

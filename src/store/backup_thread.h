/* What the two sides of a backup share: the main thread (backup.c), and the thread that reads
 * (backup_thread.c). */
#ifndef GATEPOST_STORE_BACKUP_THREAD_H
#define GATEPOST_STORE_BACKUP_THREAD_H

#include <pthread.h>

#include "backup.h"
#include "backup_pipe.h"
#include "gatepost/store_messages.h"

struct backup {
    struct env *env;
    const char *dir;
    struct backup_pipe *pipe;
    pthread_t thread;
    bool running;   /* there is a thread to be joined */
    bool delivered; /* all of it was taken; its end is not told yet */
    bool noted;     /* one became whole since backup_look */
    uint64_t id;    /* 0: none yet */
    uint64_t taken;
    mono_ns asked; /* when its taker was here last */
    struct backup_order order;
    struct backup_summary summary; /* what the thread does not know by itself */
    uint8_t chain[AUDIT_CHAIN_BYTES];
    struct log_end end; /* the thread's until it is joined */
    /* the thread's: */
    uint64_t sent;  /* bytes of the file at hand */
    bool deserted;  /* nobody takes the stream */
    bool misplaced; /* a page is not where it belongs */
    pthread_mutex_t mutex;
    bool pausing; /* under the mutex */
};

/* The thread. argument: the backup. */
void *backup_run(void *argument);

/* The hooks by which Berkeley DB hands its files out. */
MUST_USE int backup_hook(DB_ENV *db_env);

#endif

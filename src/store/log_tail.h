/* The newest file of the log while Berkeley DB recovers: short, so that what comes behind its last
 * record need not be written with zeros. */
#ifndef GATEPOST_STORE_LOG_TAIL_H
#define GATEPOST_STORE_LOG_TAIL_H

#include <limits.h>
#include <stdint.h>

struct log_tail {
    char path[PATH_MAX]; /* of the file that was cut; "": none was */
    int64_t size;        /* before */
};

/* Before the environment is opened. Cuts zeros off the end of the newest file of the log in dir,
 * and leaves LOG_TAIL_KEPT_BYTES of them: a record may end with zeros. What cannot be cut stays. */
#define LOG_TAIL_KEPT_BYTES (1 << 20)
void log_tail_cut(const char *dir, struct log_tail *tail_out);

/* When it has been opened, or could not be: gives the file its size back. */
void log_tail_restore(const struct log_tail *tail);

#endif

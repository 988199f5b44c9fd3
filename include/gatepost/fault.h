/* Fault points: places where a test has a process die, stop, wait or fail. They are in test builds
 * only (-DGATEPOST_FAULTS: asan, tsan, debug, fault); in a release each of them is nothing.
 *
 *     FAULT("s.committed");                    the process may die here, stand still, wait
 *     failure = FAULT_ERRNO("io.pwrite");      or be told to fail: an errno, 0 is none
 *     FAULT_ON("s.carried_out", ask->packed);  only where the bytes hold the armed text
 *
 * Shape of a name: whose it is (w worker, s store, m mailer, k master, lane, io), a dot, what has
 * just happened or is about to. Every point has one row in a table at the end of the shared segment
 * (segment_header.faults_at), made by the linker's help from the points that are in the program; so
 * a test outside lists and arms them through /proc/PID/fd. Source: PostgreSQL's injection points.
 */
#ifndef GATEPOST_FAULT_H
#define GATEPOST_FAULT_H

#include "gatepost/base.h"

enum fault_action {
    FAULT_NONE,
    FAULT_KILL,  /* SIGKILL to itself */
    FAULT_EXIT,  /* _exit(value) */
    FAULT_ABORT, /* abort(): the process's own fault */
    FAULT_STOP,  /* SIGSTOP to itself */
    FAULT_SLEEP, /* value in ms */
    FAULT_SPIN,  /* for ever, without a life sign */
    FAULT_FAIL,  /* value is the errno; of account at FAULT_ERRNO only */
};

#define FAULT_TEXT_BYTES 32 /* names and armed texts, with their NUL */

#ifdef GATEPOST_FAULTS

struct fault_shared; /* private to lib/ring */

/* One a place. In a section of their own, so that the linker makes a list of them. */
struct fault_point {
    const char *name;
    struct fault_shared *shared; /* NULL until there is a segment */
    uint64_t can_fail;
    uint64_t unused;
};

/* Any thread. Returns the errno to fail with, or 0. */
int fault_hit(struct fault_point *point, struct slice about);

#define FAULT_POINT(text, can_fail, about)                                                         \
    __extension__({                                                                                \
        static struct fault_point fault_point_here                                                 \
            __attribute__((section("fault_points"), used,                                          \
                           aligned(sizeof(struct fault_point)))) = {(text), NULL, (can_fail), 0};  \
        fault_hit(&fault_point_here, (about));                                                     \
    })
#define FAULT(text)           ((void)FAULT_POINT(text, 0, ((struct slice){0})))
#define FAULT_ON(text, about) ((void)FAULT_POINT(text, 0, (about)))
#define FAULT_ERRNO(text)     (FAULT_POINT(text, 1, ((struct slice){0})))

/* For tests in C, on the segment that this process made last: lets `skip` hits pass, then acts
 * `times` times. A point that the program does not have is a bug of the test. */
void fault_arm(const char *name, enum fault_action action, uint64_t value, uint64_t skip,
               uint64_t times);
uint64_t fault_fired(const char *name);
void fault_disarm_all(void);

#else

#define FAULT(text)           ((void)0)
#define FAULT_ON(text, about) ((void)0)
#define FAULT_ERRNO(text)     0

#endif
#endif

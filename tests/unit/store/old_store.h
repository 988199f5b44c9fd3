/* Starts over a database of an older format, and starts that are killed in the step. */
#ifndef TEST_OLD_STORE_H
#define TEST_OLD_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gatepost/fault.h"
#include "store/env.h"
#include "store_rig.h"

static inline bool open_here(const struct rig *rig, struct env *env, struct err *err)
{
    return env_open(env, rig->dir, 16, rig->segment, segment_store_slot(rig->segment), err);
}

#ifdef GATEPOST_FAULTS
struct start_kill {
    const char *point;
    uint64_t skip; /* so many hits are let pass */
};

/* Opens in a child that dies at the n-th hit of a point. Returns false when it came through. */
static inline bool dies_while_opening(const struct rig *rig, const char *point, uint64_t skip)
{
    pid_t child = fork();
    int status = 0;

    BUG_ON(child < 0);
    if (child == 0) {
        struct env *env = xcalloc(1, sizeof(*env));
        struct err err;

        fault_disarm_all();
        fault_arm(point, FAULT_KILL, 0, skip, 1);
        _exit(open_here(rig, env, &err) ? 0 : 1);
    }
    BUG_ON(waitpid(child, &status, 0) != child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

/* One start after the other, each killed at its point. */
static inline void kill_starts(const struct rig *rig, const struct start_kill *kills, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!dies_while_opening(rig, kills[i].point, kills[i].skip))
            fail_msg("%s was not hit %llu times", kills[i].point,
                     (unsigned long long)kills[i].skip + 1);
    }
    fault_disarm_all();
}
#endif

#endif

/* Fault points: the table in the segment, and what happens when an armed point is reached.
 *
 * Nothing of this is in a release. Whoever arms writes `action` last; a process that reaches the
 * point looks at it first. Two places with one name share a row. */
#include "ring_layout.h"

#ifdef GATEPOST_FAULTS

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gatepost/fault.h"

/* Made by the linker; weak, for programs that have no point. */
extern struct fault_point __start_fault_points[] __attribute__((weak));
extern struct fault_point __stop_fault_points[] __attribute__((weak));

static struct {
    struct fault_shared *rows; /* of the newest segment; NULL: there is none */
    uint32_t count;
} table;

static bool memory_fails(void)
{
    return FAULT_ERRNO("malloc") != 0;
}

static bool is_first_of_its_name(const struct fault_point *point)
{
    for (const struct fault_point *at = __start_fault_points; at < point; at++) {
        if (strcmp(at->name, point->name) == 0)
            return false;
    }
    return true;
}

uint32_t fault_rows_needed(void)
{
    uint32_t count = 0;

    for (struct fault_point *at = __start_fault_points; at < __stop_fault_points; at++)
        count += is_first_of_its_name(at);
    return count;
}

static struct fault_shared *row_of(const char *name)
{
    for (uint32_t i = 0; i < table.count; i++) {
        if (strcmp(table.rows[i].name, name) == 0)
            return &table.rows[i];
    }
    return NULL;
}

void fault_attach(struct fault_shared *rows, uint32_t count)
{
    uint32_t filled = 0;

    table.rows = rows;
    table.count = count;
    for (struct fault_point *at = __start_fault_points; at < __stop_fault_points; at++) {
        if (is_first_of_its_name(at)) {
            BUG_ON(strlen(at->name) >= FAULT_TEXT_BYTES || filled == count);
            memcpy(rows[filled].name, at->name, strlen(at->name) + 1);
            rows[filled].can_fail = (uint32_t)at->can_fail;
            filled++;
        }
        at->shared = row_of(at->name);
    }
    xalloc_fails = memory_fails;
}

void fault_join(struct fault_shared *rows, uint32_t count)
{
    table.rows = rows;
    table.count = count;
    for (struct fault_point *at = __start_fault_points; at < __stop_fault_points; at++)
        at->shared = row_of(at->name);
    xalloc_fails = memory_fails;
}

void fault_detach(const struct fault_shared *rows)
{
    if (table.rows != rows)
        return;
    xalloc_fails = NULL;
    for (struct fault_point *at = __start_fault_points; at < __stop_fault_points; at++)
        at->shared = NULL;
    table.rows = NULL;
    table.count = 0;
}

static void sleep_ms(uint64_t ms)
{
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static int act(const struct fault_shared *row, enum fault_action action)
{
    uint64_t value = atomic_load_explicit(&row->value, memory_order_relaxed);

    switch (action) {
    case FAULT_NONE:
        break;
    case FAULT_KILL:
        kill(getpid(), SIGKILL);
        break;
    case FAULT_EXIT:
        _exit((int)value);
    case FAULT_ABORT:
        abort();
    case FAULT_STOP:
        kill(getpid(), SIGSTOP);
        break;
    case FAULT_SLEEP:
        sleep_ms(value);
        break;
    case FAULT_SPIN:
        for (;;)
            __asm__ volatile("" ::: "memory");
    case FAULT_FAIL:
        return (int)value;
    }
    return 0;
}

static bool is_about(const struct fault_shared *row, struct slice about)
{
    size_t len = strnlen(row->match, FAULT_TEXT_BYTES);

    return len == 0 || (about.len >= len && memmem(about.at, about.len, row->match, len) != NULL);
}

int fault_hit(struct fault_point *point, struct slice about)
{
    struct fault_shared *row = point->shared;

    if (!row)
        return 0;
    atomic_fetch_add_explicit(&row->hits, 1, memory_order_relaxed);
    /* Acquire: what the arming hand wrote before the action. */
    enum fault_action action =
        (enum fault_action)atomic_load_explicit(&row->action, memory_order_acquire);
    if (action == FAULT_NONE)
        return 0;

    uint32_t pid = atomic_load_explicit(&row->pid, memory_order_relaxed);
    if ((pid != 0 && pid != (uint32_t)getpid()) || !is_about(row, about))
        return 0;
    if (atomic_fetch_sub_explicit(&row->skip, 1, memory_order_relaxed) > 0)
        return 0;
    if (atomic_fetch_sub_explicit(&row->times, 1, memory_order_relaxed) <= 0)
        return 0;
    atomic_fetch_add_explicit(&row->fired, 1, memory_order_relaxed);
    return act(row, action);
}

void fault_arm(const char *name, enum fault_action action, uint64_t value, uint64_t skip,
               uint64_t times)
{
    struct fault_shared *row = row_of(name);

    BUG_ON(!row);
    atomic_store_explicit(&row->action, FAULT_NONE, memory_order_release);
    atomic_store_explicit(&row->value, value, memory_order_relaxed);
    atomic_store_explicit(&row->skip, (int64_t)skip, memory_order_relaxed);
    atomic_store_explicit(&row->times, (int64_t)times, memory_order_relaxed);
    atomic_store_explicit(&row->fired, 0, memory_order_relaxed);
    atomic_store_explicit(&row->action, (uint32_t)action, memory_order_release);
}

uint64_t fault_fired(const char *name)
{
    struct fault_shared *row = row_of(name);

    BUG_ON(!row);
    return atomic_load_explicit(&row->fired, memory_order_relaxed);
}

void fault_disarm_all(void)
{
    for (uint32_t i = 0; i < table.count; i++)
        atomic_store_explicit(&table.rows[i].action, FAULT_NONE, memory_order_release);
}

#endif

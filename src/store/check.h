/* Does a database hold together? Every record is read, every list is held against what it lists. */
#ifndef GATEPOST_STORE_CHECK_H
#define GATEPOST_STORE_CHECK_H

#include "env.h"

struct check {
    struct env *env; /* opened; nobody else is at work in it */
    void (*on_problem)(void *context, const char *sentence);
    void (*on_progress)(void *context, uint64_t rows);
    void *context;
    /* What the audit trail must go through: so many rows, the last of them with that chain. */
    uint64_t audit_events; /* 0: nothing is known */
    uint8_t audit_chain[AUDIT_CHAIN_BYTES];
    /* found: */
    uint64_t problems;
    uint64_t rows[TABLE_COUNT];
};

/* Every problem is told, up to CHECK_PROBLEMS_MAX of them, and counted. */
#define CHECK_PROBLEMS_MAX 200U
void check_all(struct check *check);

#endif

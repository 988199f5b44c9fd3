/* A check that is under way (check.c), and what is looked at in the row at hand of each table. */
#ifndef GATEPOST_STORE_CHECK_ROWS_H
#define GATEPOST_STORE_CHECK_ROWS_H

#include "check.h"
#include "rows.h"

/* A check that is under way. */
struct checking {
    struct check *check;
    struct call call;
    struct walk walk; /* over the table at hand */
    struct row row;   /* what was looked up */
    struct tally tally;
    uint64_t audit_next;
    uint8_t chain[AUDIT_CHAIN_BYTES];
    bool chained;
    bool anchored; /* the trail went through what was known of it */
};

/* What is wrong with the row at hand. */
void check_tell(struct checking *checking, const char *what);

/* A key that is a bare id. */
static inline MUST_USE bool check_is_id(struct slice key, struct uuid *id_out)
{
    if (key.len != UUID_BYTES)
        return false;
    memcpy(id_out->bytes, key.at, UUID_BYTES);
    return true;
}

void check_user(struct checking *checking);
void check_way(struct checking *checking);
void check_session(struct checking *checking);
void check_session_entry(struct checking *checking);
void check_proof(struct checking *checking);
void check_answer(struct checking *checking);
void check_letter(struct checking *checking);
void check_due_entry(struct checking *checking);
void check_address_entry(struct checking *checking);
void check_suppression(struct checking *checking);
void check_event(struct checking *checking);
void check_event_entry(struct checking *checking);

#endif

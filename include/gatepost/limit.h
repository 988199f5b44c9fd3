/* Limits over all processes: how often somebody may do a thing, and how long a name has to wait
 * after failures. They stand in the segment, so they outlive workers and reloads.
 *
 * Every word is whole at every instruction: there is no lock, and a process that dies leaves
 * nothing half-written. Any thread of any process may call these functions at any time.
 * Source: ATM Forum, Traffic Management 4.0, the generic cell rate algorithm (GCRA). */
#ifndef GATEPOST_LIMIT_H
#define GATEPOST_LIMIT_H

#include "gatepost/segment.h"

enum limit_kind {
    LIMIT_SIGNUP_ADDRESS, /* these are kept for each key */
    LIMIT_LOGIN_ADDRESS,
    LIMIT_REFRESH_ADDRESS,
    LIMIT_TOKEN_ADDRESS,
    LIMIT_MAIL_ADDRESS,
    LIMIT_ACCOUNT_CHANGES,
    LIMIT_SIGNUP_EMAIL, /* a mail address is the key of these two */
    LIMIT_CHANGE_EMAIL,
    LIMIT_SIGNUP_GLOBAL, /* these once for the server, whatever the key */
    LIMIT_LOGIN_GLOBAL,
    LIMIT_KINDS
};

/* So many at once, and then as many a period: they come back one by one. The bounds keep the
 * rounding under two percent (limit_layout.h). */
#define LIMIT_PERIOD_MAX_S     86400
#define LIMIT_PER_SECOND_MAX   1000 /* count / period_s */
#define LIMIT_COUNT_MAX        1000000
#define LIMIT_FAILURES_MAX     200
#define LIMIT_FAILURE_WAIT_MAX 86400 /* s */
#define LIMIT_KEY_MAX_BYTES    1200  /* of any key below: longer than a name with an address */

struct limit_rate {
    uint32_t count; /* 0: no limit */
    uint32_t period_s;
};

/* After so many failures each further try has to wait: first_s, then twice that, up to max_s. Every
 * max_s without a try takes one failure off. */
struct limit_growth {
    uint32_t free; /* 0: failures are not counted */
    uint32_t first_s;
    uint32_t max_s;
};

struct limits; /* this process's view */

/* Draws the key of the tables. Who calls it: the master, before the first fork. */
void limits_init(struct segment *segment);

/* The shape of the tables as a number (gatepost/layout.h). */
uint64_t limits_layout(void);

/* rates: LIMIT_KINDS of them. Processes with other rates (a reload overlaps them) may share the
 * tables: what one counted the other reads by its own rate. */
struct limits *limits_open(struct segment *segment, const struct limit_rate *rates,
                           const struct limit_growth *growth);
void limits_close(struct limits **limits);

/* Keys that have a word now, and how many would fit. Cost: a look at all words, some 0.2 ms. */
struct limits_fill {
    uint32_t rates, rates_max;
    uint32_t failures, failures_max;
};
struct limits_fill limits_fill(const struct limits *limits, mono_ns now);

/* Keys that were forgotten early because others needed the room, since the last call. */
uint64_t limits_evictions(struct limits *limits);

/* Counts one. Returns false when that is too many; nothing is counted then, and the next one may
 * come in *wait_s_out seconds (at least 1). Cost: 0.3 us. */
MUST_USE bool limit_take(struct limits *limits, enum limit_kind kind, struct slice key, mono_ns now,
                         uint32_t *wait_s_out);

/* What limit_take would say, and nothing is counted: for what counts only when it has been done. Of
 * the kinds that have keys. */
MUST_USE bool limit_has_room(struct limits *limits, enum limit_kind kind, struct slice key,
                             mono_ns now, uint32_t *wait_s_out);

/* One try that may turn out to be a failure. It is counted as one before anybody knows, so that
 * many at the same time cannot all slip through before the first has failed. */
struct limit_try {
    uint32_t set; /* where, private to lib/limit */
    uint32_t way;
    uint64_t tag;
    uint64_t before;   /* the words, to take the try back */
    uint64_t after;    /* 0: failures are not counted */
    uint32_t failures; /* before this try */
};

/* Returns false when the key has to wait: *wait_s_out seconds, at least 1. Then nothing is counted.
 * A try that fails is left as it is. */
MUST_USE bool limit_try_begin(struct limits *limits, struct slice key, mono_ns now,
                              struct limit_try *try_out, uint32_t *wait_s_out);

/* It was right: the key has no failures any more. */
void limit_try_right(struct limits *limits, const struct limit_try *try);

/* The key has no failures any more, whoever's they were. */
void limit_forget(struct limits *limits, struct slice key);

/* Nobody will ever know (the queue was full, the client left): as if it had not been. */
void limit_try_undo(struct limits *limits, const struct limit_try *try, mono_ns now);

#endif

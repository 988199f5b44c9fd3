/* Passwords: the policy for new ones, Django's stored form, and the engine that hashes off the
 * event loop. */
#ifndef GATEPOST_PASSWORD_H
#define GATEPOST_PASSWORD_H

#include "gatepost/base.h"
#include "gatepost/clock.h"

#define PASSWORD_MAX_BYTES     1024
#define PASSWORD_ENCODED_BYTES 256 /* with the NUL */
#define PASSWORD_SALT_CHARS    22  /* of 62 characters: 131 bits, as Django makes them */

/* The policy. words: NULL, or a NULL-terminated list of the user's own words (name, local part,
 * product); those under 5 bytes are left out, since they would refuse half of all passwords.
 * password: valid UTF-8. min_strength_log10: 0 or less asks for none; more than about 60 is
 * reached by nothing. Any thread. Cost: at most 0.6 ms. */
enum password_problem { PASSWORD_FINE, PASSWORD_TOO_SHORT, PASSWORD_TOO_LONG, PASSWORD_TOO_COMMON };
MUST_USE enum password_problem password_judge(struct slice password, size_t min_points,
                                              double min_strength_log10, const char *const *words);

/* What a new hash is made with. */
enum password_algorithm { PASSWORD_PBKDF2_SHA256, PASSWORD_ARGON2ID, PASSWORD_SCRYPT };

struct password_cost {
    enum password_algorithm algorithm;
    uint32_t iterations; /* PBKDF2's */
};

/* A stored form that password_engine_submit can verify. */
MUST_USE bool password_form_known(struct slice encoded);

/* One hash to compute. Owner: the submitter until the engine took it, the engine until on_done. */
enum password_task { PASSWORD_ENCODE, PASSWORD_VERIFY };
enum password_priority { PASSWORD_LOGIN, PASSWORD_SIGNUP, PASSWORD_REHASH, PASSWORD_PRIORITIES };

struct password_work {
    enum password_task task;
    enum password_priority priority;
    mono_ns deadline;          /* not begun by then: ended with expired */
    struct password_cost cost; /* today's: what ENCODE spends, what VERIFY compares with */
    size_t password_len;
    char password[PASSWORD_MAX_BYTES];    /* wiped by the engine before on_done */
    char encoded[PASSWORD_ENCODED_BYTES]; /* in: VERIFY; out: ENCODE; NUL-terminated */
    bool matches;                         /* out: VERIFY */
    bool outdated;              /* out: VERIFY: another form or a lower cost than `cost` */
    bool expired;               /* out: never computed */
    void *context;              /* the submitter's */
    struct password_work *next; /* the engine's, while it owns the work */
};

struct password_engine;

struct password_engine_options {
    unsigned threads;
    unsigned queue_max; /* works that wait; those in computation do not count */
    /* Called on a hash thread, once for each work taken, cancelled or not. Takes the work. */
    void (*on_done)(void *context, struct password_work *work);
    void *context;
};

/* Starts the threads, at a lower priority than the caller. Called after fork. */
struct password_engine *password_engine_new(const struct password_engine_options *options);

/* Ends the threads; what waits or is in computation is given back through on_done as expired,
 * before this returns. Cost: a millisecond or so. */
void password_engine_free(struct password_engine **engine);

/* Hands work over; *work becomes NULL. Returns false, with the work still the caller's, when
 * queue_max are waiting. Any thread. */
MUST_USE bool password_engine_submit(struct password_engine *engine, struct password_work **work);

/* Nobody waits for that work any more: it comes back expired if it has not begun. work is only
 * compared, never followed. */
void password_engine_cancel(struct password_engine *engine, const struct password_work *work);

/* How many wait; those in computation do not count. Any thread. */
size_t password_engine_waiting(struct password_engine *engine);

/* Known answers against RFC 7914 section 11 and Django: false means: do not serve. */
MUST_USE bool password_self_test(void);

#endif

/* Passwords: their stored forms, and the engine that hashes off the event loop. */
#ifndef GATEPOST_PASSWORD_H
#define GATEPOST_PASSWORD_H

#include "gatepost/base.h"
#include "gatepost/clock.h"

#define PASSWORD_MAX_BYTES     1024
#define PASSWORD_ENCODED_BYTES 256 /* with the NUL */
#define PASSWORD_SALT_CHARS    22  /* of 62 characters: 131 bits, as Django makes them */

/* What a new hash is made with. Order: the words of the key password.algorithm. */
enum password_algorithm { PASSWORD_PBKDF2_SHA256, PASSWORD_ARGON2ID, PASSWORD_SCRYPT };

/* Only what belongs to the algorithm is looked at. */
struct password_cost {
    enum password_algorithm algorithm;
    uint32_t iterations; /* PBKDF2's */
    uint32_t argon2_memory_kib;
    uint32_t argon2_passes;
    uint32_t argon2_lanes;
    uint32_t scrypt_log2_n;
    uint32_t scrypt_r;
    uint32_t scrypt_p;
};

/* A stored form that password_engine_submit can verify, and that asks no more of the machine than
 * may be: Django's, PHC strings, crypt(3) families (src/lib/password/formats.c has the table). */
MUST_USE bool password_form_known(struct slice encoded);

/* What a stored form says of itself, but for salt and hash: its method, and what it costs, by the
 * names of its parameters. Returns how many of these there are; 0, and method_out NULL, for a form
 * that is not known. The texts live for ever. */
#define PASSWORD_TRAITS_MAX 4
struct password_trait {
    const char *name;
    uint32_t value;
};
size_t password_form_traits(struct slice encoded, const char **method_out,
                            struct password_trait traits_out[PASSWORD_TRAITS_MAX]);

/* A form of today's algorithm and cost that no password is known for: what a login of an unknown
 * user is checked against. */
void password_form_nobody(const struct password_cost *cost, char text_out[PASSWORD_ENCODED_BYTES]);

/* One hash to compute. Owner: the submitter until the engine took it, the engine until on_done. */
enum password_task { PASSWORD_ENCODE, PASSWORD_VERIFY };
enum password_priority { PASSWORD_LOGIN, PASSWORD_SIGNUP, PASSWORD_REHASH, PASSWORD_PRIORITIES };

struct password_work {
    enum password_task task;
    enum password_priority priority;
    uint64_t client;           /* who asks, for fairness when the queue is full; 0: nobody's */
    mono_ns deadline;          /* not begun by then: ended with expired */
    struct password_cost cost; /* today's: what ENCODE spends, what VERIFY compares with */
    bool keep_if_outdated;     /* VERIFY: leave the password for on_done if it matched a form that
                                  is outdated */
    size_t password_len;
    char password[PASSWORD_MAX_BYTES];    /* wiped as soon as the hash has taken it in */
    char encoded[PASSWORD_ENCODED_BYTES]; /* in: VERIFY; out: ENCODE; NUL-terminated */
    bool matches;                         /* out: VERIFY */
    bool outdated;       /* out: VERIFY: another form or a lower cost than `cost` */
    bool expired;        /* out: not computed, or not to its end */
    mono_ns waited_ns;   /* out: from submit until it was begun or ended */
    mono_ns computed_ns; /* out: from then until it was done */
    void *context;       /* the submitter's */

    /* The engine's, while it owns the work. */
    struct password_work *next;
    mono_ns submitted;
    mono_ns turn;  /* what the queue goes by */
    bool in_lanes; /* else one call computes it */
};

struct password_engine;

struct password_engine_options {
    unsigned threads;
    unsigned lanes_max; /* widest kernel to use: 1 to 16 chains at once */
    unsigned queue_max; /* works that wait; those in computation do not count; 0: as many as are
                           answered in answer_within at the speed that is measured */
    mono_ns answer_within;
    double processors;         /* that each thread has, at most 1, for that */
    struct password_cost cost; /* of new hashes, for that */
    /* Called on a hash thread, once for each work taken, cancelled or not. Takes the work. */
    void (*on_done)(void *context, struct password_work *work);
    void *context;
};

/* Measures the kernels and starts the threads, at a lower priority than the caller. Called after
 * fork. Returns NULL when no kernel gives the right answers. Cost: some milliseconds, and, for a
 * queue that is to be worked out, one hash of today's cost if that is not PBKDF2. */
MUST_USE struct password_engine *password_engine_new(const struct password_engine_options *options);

/* Ends the threads; what waits or is in computation is given back through on_done as expired, what
 * is done as it is, before this returns. Cost: a millisecond or so.
 * Returns false when a call is still under way, for nobody, which cannot be stopped: the process
 * must then end by _exit, since that call still uses its library. */
MUST_USE bool password_engine_free(struct password_engine **engine);

/* Hands work over; *work becomes NULL. Any thread.
 * Returns false, with the work still the caller's, when the queue is full. A full queue takes it
 * all the same, and ends another as expired, when a re-hash waits and this is none, or when another
 * client has at least two more waiting than this one. */
MUST_USE bool password_engine_submit(struct password_engine *engine, struct password_work **work);

/* Nobody waits for that work any more: it comes back expired, from a lane at its next step, else at
 * once; a call under way goes on for nobody. work is only compared, never followed. */
void password_engine_cancel(struct password_engine *engine, const struct password_work *work);

struct password_engine_view {
    size_t waiting;
    size_t lanes_busy; /* and calls under way */
    size_t queue_max;
};

/* Any thread. */
void password_engine_look(struct password_engine *engine, struct password_engine_view *view_out);

/* One known answer of every method at least, by other implementations; the log says which is wrong.
 * false means: do not serve. Cost: about 8 ms, nearly all of it for methods that libraries compute.
 */
MUST_USE bool password_self_test(void);

/* Those of PBKDF2-HMAC-SHA-256 alone. An engine asks for the others before its first such call, and
 * while they are wrong gives every work of theirs back as expired. */
MUST_USE bool password_chain_test(void);

#endif

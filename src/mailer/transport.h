/* Where letters go: relays by SMTP, or a folder. Both end every letter with one outcome. */
#ifndef MAILER_TRANSPORT_H
#define MAILER_TRANSPORT_H

#include <poll.h>

#include "delivery.h"
#include "gatepost/config.h"
#include "gatepost/identity.h"
#include "gatepost/letter.h"
#include "return_path.h"
#include "verdict.h"

enum trouble { TROUBLE_NONE, TROUBLE_NETWORK, TROUBLE_TLS, TROUBLE_LOGIN, TROUBLE_DISK };

struct outcome {
    struct judgement judgement;
    enum trouble trouble; /* what is wrong with the relay, where judgement says so */
    bool try_fresh;       /* a kept connection had gone stale: send at once over a new one */
    struct slice reply;   /* printable; borrowed for the call */
};

typedef void (*transport_outcome_fn)(void *context, struct delivery *delivery,
                                     const struct outcome *outcome);

/* One way out: a section of the configuration, or the folder. */
struct transport_relay {
    const char *name; /* "smtp", "smtp2", ..., "file" */
    unsigned number;  /* of the section; 0 of the folder */
    unsigned lanes;   /* most letters under way at once */
};

/* Calls on_outcome from work() only, exactly once for each send(); on_wait before every step of
 * work() that may wait for a disk. */
struct transport {
    const char *name;
    unsigned relay_count; /* at least 1 */
    struct transport_relay relays[RELAYS_MAX];
    transport_outcome_fn on_outcome;
    void (*on_wait)(void *context);
    void *context;
    const struct return_path *return_path; /* borrowed; for MAIL FROM */

    /* Takes a letter, copied, for relays[delivery->relay], and borrows the delivery until its
     * outcome. Never called with that one's `lanes` under way. */
    void (*send)(struct transport *transport, struct delivery *delivery, struct slice letter);
    /* Moves on with what is under way. Returns true when there is more to do at once. */
    bool (*work)(struct transport *transport);
    /* Waits for its own descriptors and for the given ones, at most timeout_ms. */
    void (*wait)(struct transport *transport, struct pollfd *fds, size_t fd_count, int timeout_ms);
    /* Drops what is under way without an outcome; never blocks on a peer. */
    void (*close)(struct transport **transport);
};

/* What a relay's login and TLS need to keep to themselves. Empty where nothing is configured. */
struct relay_secrets {
    struct secret password;
    struct identity identity;
};

/* Of the relay of that number, from its files or the environment, which the configuration holds.
 * Who calls it: the mailer, before it drops its privileges. Owner: the caller; relay_secrets_fini.
 */
MUST_USE bool relay_secrets_load(const struct config *config, unsigned number,
                                 struct relay_secrets *secrets_out, struct err *err);
void relay_secrets_fini(struct relay_secrets *secrets);

/* Each returns NULL with a sentence when it cannot be set up as configured. secrets: by the relays'
 * numbers; borrowed for as long as the transport lives. */
MUST_USE struct transport *smtp_open(const struct config *config,
                                     const struct relay_secrets secrets[RELAYS_MAX],
                                     struct err *err);
MUST_USE struct transport *file_open(const struct config *config, struct err *err);

#endif

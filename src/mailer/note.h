/* One report about one letter, on its way to the store. */
#ifndef MAILER_NOTE_H
#define MAILER_NOTE_H

#include "bounce.h"
#include "gatepost/store_client.h"
#include "lmtp.h"

/* Where it comes from; the fields above the line are the caller's to set. */
struct note {
    void *owner;
    size_t recipient;
    void (*on_answer)(void *note, enum lmtp_answer answer); /* from store_client_poll, once */
    /* ---- */
    enum lmtp_answer answer; /* when there is nothing to wait for */
    struct store_client *store;
    enum bounce_match match;
    struct uuid job_id;
    bool asked_again; /* without the recipient that the report names */
    struct report report;
};

/* Tells the store, if there is something to tell. True: on_answer will say how it ended. False:
 * `answer` says it. */
MUST_USE bool note_begin(struct note *note, struct store_client *store,
                         const struct bounce_rules *rules, struct slice recipient,
                         const struct report *report);

#endif

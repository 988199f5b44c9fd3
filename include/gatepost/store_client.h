/* The asking side of the store's lanes: used by workers and the mailer, from their loop thread.
 *
 * Every ask is kept until its answer came. When the store died, the client first reads the answers
 * that are left, then, once BOARD_STORE_EPOCH has changed, sends again what was not answered, in
 * order, as room appears. So a store's death is a pause, not an error. */
#ifndef GATEPOST_STORE_CLIENT_H
#define GATEPOST_STORE_CLIENT_H

#include "gatepost/clock.h"
#include "gatepost/segment.h"
#include "gatepost/store_messages.h"

struct store_client;

/* payload: the packed answer after its head, borrowed for the call; empty unless the request has
 * an answer message and the status calls for it. Called from store_client_poll only, never from
 * within store_ask, exactly once for every accepted ask. */
typedef void (*store_answer_fn)(void *context, enum store_status status, struct slice payload);

struct store_client *store_client_new(struct segment *segment, uint32_t slot);
void store_client_free(struct store_client **client);

/* What is asked from now on is asked for that HTTP request, "" for none: the store's log lines
 * about it name it. Copied. */
void store_client_speak_for(struct store_client *client, const char *request_id);

/* Sends a request. packed: the ask message without its head, copied.
 * deadline: after it, or once the store is condemned or waits for room on the disk, the callback
 * gets STORE_AWAY, and a later answer is dropped.
 * Returns false when the lane of a store that is at work is full, too much is under way (1024
 * asks), or the store is condemned or waits for room: the caller answers 503 (a worker) or asks
 * again later (the mailer). A call while the store is away (dead, stuck or starting) is accepted
 * and kept, whatever its lane looks like. */
MUST_USE bool store_ask(struct store_client *client, enum store_request request,
                        struct slice packed, mono_ns deadline, store_answer_fn on_answer,
                        void *context);

/* Takes every waiting answer, notices a new store, sends again, expires deadlines. Called by the
 * loop whenever the slot's wake-up fired and at least every WAKE_WAIT_MAX_MS. */
void store_client_poll(struct store_client *client, mono_ns now);

/* An answer waits, or a full lane has room again for an ask: store_client_poll has something to do.
 * Looked at between wake_prepare and the wait. */
bool store_client_has_work(const struct store_client *client);

/* Asks without an answer yet. */
size_t store_client_pending(const struct store_client *client);

#endif

/* The same password in a new form, when a login has shown it and its stored form is not today's.
 *
 *   step          where        ends here when
 *   1 begin       loop         the worker leaves, the hash queue is more than half full, or the
 *                              account is in hand already: its next login will do
 *   2 encode      hash thread  it waited too long, or the worker leaves
 *   3 ask_store   store        the form was replaced meanwhile, the account is gone or disabled;
 *                              the store is away or short of room
 *   4 on_stored   loop         counted
 *
 * Invariant: no request waits for any of it, and the only copy of the password is the hash job's,
 * which the engine wipes. */
#include "rehash.h"

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/log.h"
#include "gatepost/metrics.h"

#include "hasher.h"

#define ASK_BYTES 1024

struct rehash {
    struct worker *worker;
    struct uuid user_id;
    const struct password_work *hash; /* under way, or NULL: with the store */
    struct rehash *older;             /* of worker->rehashes */
    struct rehash *newer;
    char old_form[PASSWORD_ENCODED_BYTES];
};

static void on_encoded(void *owner, const struct password_work *work);
static void ask_store(struct rehash *rehash, const char *new_form);
static void on_stored(void *context, enum store_status status, struct slice payload);

static void rehash_free(struct rehash **rehash)
{
    struct rehash *gone = *rehash;

    if (gone->older != NULL)
        gone->older->newer = gone->newer;
    if (gone->newer != NULL)
        gone->newer->older = gone->older;
    else
        gone->worker->rehashes = gone->older;
    secret_wipe(gone, sizeof(*gone));
    free(gone);
    *rehash = NULL;
}

/* ---- 1 ------------------------------------------------------------------------------------------
 */

/* A client that logs in again and again must not fill the queue. */
static bool is_in_hand(const struct worker *worker, const struct uuid *user_id)
{
    for (const struct rehash *at = worker->rehashes; at != NULL; at = at->older) {
        if (uuid_equal(&at->user_id, user_id))
            return true;
    }
    return false;
}

void rehash_begin(struct worker *worker, const struct uuid *user_id,
                  const struct password_work *work)
{
    if (worker->stopping || hasher_is_busy(worker->hasher) || is_in_hand(worker, user_id))
        return;

    struct rehash *rehash = xcalloc(1, sizeof(*rehash));
    rehash->worker = worker;
    rehash->user_id = *user_id;
    memcpy(rehash->old_form, work->encoded, sizeof(rehash->old_form));
    rehash->older = worker->rehashes;
    if (rehash->older != NULL)
        rehash->older->newer = rehash;
    worker->rehashes = rehash;
    const struct hash_order order = {
        .task = PASSWORD_ENCODE,
        .priority = PASSWORD_REHASH,
        .password = slice_of(work->password, work->password_len),
        .on_done = on_encoded,
        .owner = rehash,
        .under_way = &rehash->hash,
    };
    if (!hasher_submit(worker->hasher, &order))
        rehash_free(&rehash);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void on_encoded(void *owner, const struct password_work *work)
{
    struct rehash *rehash = owner;

    if (work->expired)
        rehash_free(&rehash);
    else
        ask_store(rehash, work->encoded);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void ask_store(struct rehash *rehash, const char *new_form)
{
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct password_rehash_ask ask = {
        .user_id = rehash->user_id,
        .old_password = slice_of_text(rehash->old_form),
        .new_password = slice_of_text(new_form),
    };

    password_rehash_ask_pack(&packer, &ask);
    BUG_ON(packer.overflow);
    if (!store_ask(rehash->worker->store, STORE_PASSWORD_REHASH, packer_slice(&packer),
                   clock_mono_ns() + STORE_WAIT_NS, on_stored, rehash))
        rehash_free(&rehash);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void on_stored(void *context, enum store_status status, struct slice payload)
{
    struct rehash *rehash = context;

    (void)payload;
    if (status == STORE_OK) {
        char user[UUID_TEXT_BYTES];

        uuid_format(&rehash->user_id, user);
        metric_count(METRIC_REHASHES);
        log_info("password.rehashed", "user=%s", user);
    }
    rehash_free(&rehash);
}

/* ---- the worker's end ---------------------------------------------------------------------------
 */

void rehash_stop(struct worker *worker)
{
    for (const struct rehash *at = worker->rehashes; at != NULL; at = at->older) {
        if (at->hash != NULL)
            hasher_cancel(worker->hasher, at->hash);
    }
}

void rehash_free_all(struct worker *worker)
{
    while (worker->rehashes != NULL) {
        struct rehash *rehash = worker->rehashes;
        rehash_free(&rehash);
    }
}

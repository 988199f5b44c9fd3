/* The audit trail as others see it: audit_note, audit_page, audit_verify.
 * A trail is long: a page looks at LOOKS_MAX rows at most, so that nobody who logs in meanwhile
 * waits for more than that. */
#include <stdlib.h>

#include "audit.h"
#include "requests.h"
#include "users.h"

#define LOOKS_MAX      512U
#define PAGE_MAX_BYTES 14000 /* as large as `rows` of the answer */

static const struct uuid nobody;

/* ---- what a worker saw --------------------------------------------------------------------------
 */

/* A worker that was taken over can add noise, but not say that something was done. */
static bool may_tell(uint8_t roles, uint8_t event)
{
    if (event == AUDIT_ADMIN_EXPORTED || event == AUDIT_ADMIN_BACKED_UP)
        return (roles & SEAT_ADMIN) != 0;
    return event == AUDIT_LOGIN_FAILED || event == AUDIT_THROTTLED;
}

enum store_status audit_note_on_request(struct call *call)
{
    struct audit_note_ask ask;

    if (!audit_note_ask_unpack(call->packed, &ask) || !may_tell(call->roles, ask.event))
        return STORE_REFUSED;
    /* A note may come when the account is gone: of that there is a row already. */
    if (!row_exists(call, TABLE_USERS, uuid_slice(&ask.user_id)))
        ask.user_id = nobody;
    audit_add_detail(call, (enum audit_event)ask.event, &ask.user_id, ask.peer,
                     may_tell(SEAT_WORKER, ask.event) ? AUDIT_REFUSED : AUDIT_DONE, ask.detail);
    return STORE_OK;
}

/* ---- a page -------------------------------------------------------------------------------------
 */

/* A walk over the whole trail, or over one account's index. */
struct reading {
    struct call *call;
    struct walk walk;
    bool by_user;
    struct uuid user_id;
    struct slice key; /* of the audit row at hand */
    struct row storage;
    struct row user_storage;
    struct audit_row row;
};

static void reading_open(struct reading *reading, struct call *call, struct slice from)
{
    uint8_t bytes[UUID_BYTES + AUDIT_KEY_BYTES + 1];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    reading->call = call;
    if (reading->by_user)
        pack_uuid(&packer, &reading->user_id);
    pack_raw(&packer, from.at, from.len);
    walk_open(&reading->walk, call, reading->by_user ? TABLE_AUDIT_BY_USER : TABLE_AUDIT,
              packer_slice(&packer));
}

static bool load(struct reading *reading, struct slice packed)
{
    if (reading->key.len == AUDIT_KEY_BYTES && audit_read(packed, &reading->row))
        return true;
    row_unreadable(reading->call, TABLE_AUDIT, reading->key);
    return false;
}

static bool reading_next(struct reading *reading)
{
    struct walk *walk = &reading->walk;

    if (!walk_next(walk))
        return false;
    reading->key = walk_key(walk);
    if (!reading->by_user)
        return load(reading, row_slice(&walk->row));
    if (walk->key_len <= UUID_BYTES || memcmp(walk->key, reading->user_id.bytes, UUID_BYTES) != 0)
        return false;
    reading->key = slice_of(walk->key + UUID_BYTES, walk->key_len - UUID_BYTES);
    if (row_get(reading->call, TABLE_AUDIT, reading->key, &reading->storage))
        return load(reading, row_slice(&reading->storage));
    row_unreadable(reading->call, TABLE_AUDIT_BY_USER, walk_key(walk));
    return false;
}

/* Behind `after`, or from `since` on. */
static struct slice first_key(const struct audit_page_ask *ask, uint8_t bytes[AUDIT_KEY_BYTES + 1])
{
    struct packer packer = packer_over(bytes, AUDIT_KEY_BYTES + 1);

    if (ask->after.len > 0) {
        pack_raw(&packer, ask->after.at, ask->after.len);
        pack_u8(&packer, 0);
    } else {
        pack_u64(&packer, ask->since > 0 ? (uint64_t)ask->since : 0);
    }
    return packer_slice(&packer);
}

/* Returns false when it did not fit. */
static bool list_entry(struct reading *reading, struct packer *rows)
{
    struct unpacker key = unpacker_over(reading->key);
    struct user_row user = {0};
    uint8_t bytes[400];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    if (!uuid_equal(&reading->row.user_id, &nobody) &&
        !user_load(reading->call, &reading->row.user_id, &reading->user_storage, &user))
        user.subject = slice_of(NULL, 0);

    struct audit_entry entry = {
        .event = reading->row.event,
        .user_id = reading->row.user_id,
        .subject = user.subject,
        .peer = reading->row.peer,
        .result = reading->row.result,
        .detail = reading->row.detail,
        .chain = reading->row.chain,
    };

    entry.time = (wall_ms)unpack_u64(&key);
    entry.number = unpack_u64(&key);
    audit_entry_pack(&packer, &entry);
    return page_add(rows, &packer);
}

static void read_page(struct reading *reading, const struct audit_page_ask *ask,
                      struct audit_page_answer *answer, uint8_t next[AUDIT_KEY_BYTES],
                      struct packer *rows)
{
    uint32_t found = 0;

    for (uint32_t looks = 0; reading_next(reading); looks++) {
        bool wanted = ask->event == 0 || reading->row.event == ask->event;

        if (looks == LOOKS_MAX ||
            (wanted && (found == ask->rows_max || !list_entry(reading, rows)))) {
            answer->more = 1;
            break;
        }
        found += wanted ? 1U : 0U;
        memcpy(next, reading->key.at, AUDIT_KEY_BYTES);
        answer->next = slice_of(next, AUDIT_KEY_BYTES);
    }
}

/* Whose rows: an account found by any of its keys, or an id whose account may be gone. */
static enum store_status find_whose(struct call *call, const struct audit_page_ask *ask,
                                    struct uuid *user_out)
{
    enum store_status status =
        user_find_any(call, ask->subject, ask->username_key, ask->email_key, user_out);

    if (status != STORE_NOT_FOUND || uuid_equal(&ask->user_id, &nobody))
        return status;
    *user_out = ask->user_id;
    return STORE_OK;
}

enum store_status audit_page_on_request(struct call *call)
{
    struct audit_page_ask ask;
    struct audit_page_answer answer = {0};
    uint8_t key[AUDIT_KEY_BYTES + 1];
    uint8_t next[AUDIT_KEY_BYTES];
    uint8_t bytes[PAGE_MAX_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));

    if (!audit_page_ask_unpack(call->packed, &ask) ||
        (ask.after.len != 0 && ask.after.len != AUDIT_KEY_BYTES) || ask.rows_max == 0 ||
        (!ask.by_user && !(call->roles & SEAT_ADMIN)))
        return STORE_REFUSED;

    struct reading *reading = xcalloc(1, sizeof(*reading));
    enum store_status status = STORE_OK;

    reading->by_user = ask.by_user != 0;
    if (reading->by_user)
        status = find_whose(call, &ask, &reading->user_id);
    if (status == STORE_OK) {
        answer.next = ask.after;
        reading_open(reading, call, first_key(&ask, key));
        read_page(reading, &ask, &answer, next, &rows);
        walk_close(&reading->walk);
        answer.rows = packer_slice(&rows);
        audit_page_answer_pack(&call->answer, &answer);
    }
    free(reading);
    return status;
}

/* ---- does the chain hold? -----------------------------------------------------------------------
 */

/* Is the row what the chain says? Rows of version 1 have nothing to be held against; they come
 * before the first one that has. */
static bool row_holds(struct audit_verify_answer *answer, uint8_t chain[AUDIT_CHAIN_BYTES],
                      const struct reading *reading)
{
    audit_chain_step(chain, reading->key, row_slice(&reading->walk.row));
    if (reading->row.chain.len == 0)
        return !answer->chained;
    answer->chained = 1;
    return memcmp(chain, reading->row.chain.at, AUDIT_CHAIN_BYTES) == 0;
}

/* Of a row whose bytes are right: can its account's owner find it? */
static bool is_listed(const struct reading *reading)
{
    return uuid_equal(&reading->row.user_id, &nobody) ||
           audit_is_indexed(reading->call, &reading->row.user_id, reading->key);
}

static void verify_page(struct reading *reading, struct audit_verify_answer *answer,
                        uint8_t chain[AUDIT_CHAIN_BYTES], uint8_t next[AUDIT_KEY_BYTES])
{
    while (walk_next(&reading->walk)) {
        reading->key = walk_key(&reading->walk);
        if (answer->rows == LOOKS_MAX) {
            answer->more = 1;
            return;
        }
        /* What cannot be read at all is broken, and no reason to stop the store. */
        bool holds = reading->key.len == AUDIT_KEY_BYTES &&
                     audit_read(row_slice(&reading->walk.row), &reading->row) &&
                     row_holds(answer, chain, reading);

        answer->rows++;
        memset(next, 0, AUDIT_KEY_BYTES);
        memcpy(next, reading->key.at,
               reading->key.len < AUDIT_KEY_BYTES ? reading->key.len : AUDIT_KEY_BYTES);
        answer->next = slice_of(next, AUDIT_KEY_BYTES);
        if (!holds)
            answer->broken = AUDIT_CHAIN_BROKEN;
        else if (!is_listed(reading))
            answer->broken = AUDIT_UNLISTED;
        if (answer->broken != AUDIT_WHOLE)
            return;
    }
}

enum store_status audit_verify_on_request(struct call *call)
{
    struct audit_verify_ask ask;
    uint8_t from[AUDIT_KEY_BYTES + 1];
    uint8_t next[AUDIT_KEY_BYTES];
    uint8_t chain[AUDIT_CHAIN_BYTES] = {0};
    struct packer packer = packer_over(from, sizeof(from));

    if (!audit_verify_ask_unpack(call->packed, &ask) ||
        (ask.after.len != 0 && ask.after.len != AUDIT_KEY_BYTES) ||
        (ask.chain.len != 0 && ask.chain.len != AUDIT_CHAIN_BYTES))
        return STORE_REFUSED;
    if (ask.after.len > 0) {
        pack_raw(&packer, ask.after.at, ask.after.len);
        pack_u8(&packer, 0);
    }
    if (ask.chain.len > 0)
        memcpy(chain, ask.chain.at, sizeof(chain));

    struct audit_verify_answer answer = {.chained = ask.chained, .next = ask.after};
    struct reading *reading = xcalloc(1, sizeof(*reading));

    reading_open(reading, call, packer_slice(&packer));
    verify_page(reading, &answer, chain, next);
    walk_close(&reading->walk);
    free(reading);
    answer.chain = slice_of(chain, sizeof(chain));
    audit_verify_answer_pack(&call->answer, &answer);
    return STORE_OK;
}

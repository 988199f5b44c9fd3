/* Rows: the only calls by which a request reads and changes the databases.
 *
 * Errors are sticky, as in bytes.h: after the first failure of a call every later step does
 * nothing, and whoever runs the call looks once at the end. */
#ifndef GATEPOST_STORE_ROWS_H
#define GATEPOST_STORE_ROWS_H

#include "env.h"
#include "gatepost/bytes.h"
#include "gatepost/store_messages.h"

#define ROW_MAX_BYTES 8192

/* One request that is being carried out, or a step of upkeep. */
struct call {
    struct env *env;
    DB_TXN *txn;          /* NULL: a read */
    int failure;          /* first unexpected error of the database; 0 is none */
    bool changed;         /* something was put or deleted */
    bool durable;         /* of a read: its answer waits until what it saw is on disk */
    uint8_t roles;        /* whose seat it came from, bits of enum seat_role; 0: gone, or upkeep */
    wall_ms now;          /* by the store's clock */
    struct slice packed;  /* the ask message; hostile */
    struct packer answer; /* the answer message goes here */
};

/* A row's value, copied out. */
struct row {
    size_t len;
    uint8_t bytes[ROW_MAX_BYTES];
};

static inline struct slice row_slice(const struct row *row)
{
    return slice_of(row->bytes, row->len);
}

/* Returns false when there is no such row, or the call has failed. */
MUST_USE bool row_get(struct call *call, enum table table, struct slice key, struct row *row_out);
MUST_USE bool row_exists(struct call *call, enum table table, struct slice key);
void row_put(struct call *call, enum table table, struct slice key, struct slice value);
/* Returns false when there is such a row already, which stays as it is, or the call has failed. One
 * search: row_exists and row_put are two. */
MUST_USE bool row_put_new(struct call *call, enum table table, struct slice key,
                          struct slice value);
/* Returns false when there was no such row. */
bool row_delete(struct call *call, enum table table, struct slice key);

/* A walk over a table in the order of its keys. */
#define KEY_MAX_BYTES 1100
struct walk {
    struct call *call;
    enum table table;
    DBC *cursor;
    bool started;
    size_t key_len;
    uint8_t key[KEY_MAX_BYTES];
    struct row row;
};

/* from: the first key to see, or the next one behind it. Every walk is closed again. */
void walk_open(struct walk *walk, struct call *call, enum table table, struct slice from);
MUST_USE bool walk_next(struct walk *walk);
/* The other way: first the last key that is not above from, then those before it. */
MUST_USE bool walk_back(struct walk *walk);
void walk_delete(struct walk *walk); /* the row that walk_next found */
void walk_close(struct walk *walk);

static inline struct slice walk_key(const struct walk *walk)
{
    return slice_of(walk->key, walk->key_len);
}

/* A stretch of a table, copied out in one step: for who looks at many rows and changes few. */
#define ROWS_BYTES (16U << 10) /* more than the largest row takes, and a multiple of 1024 */
struct rows {
    DBT found;
    void *at; /* the next row; NULL: none is left */
    _Alignas(uint64_t) uint8_t bytes[ROWS_BYTES];
};

/* from: as in walk_open. Returns false when there is nothing from there on, or the call has failed.
 */
MUST_USE bool rows_read(struct call *call, enum table table, struct slice from, struct rows *rows);
/* The slices point into rows. Returns false behind the last. */
MUST_USE bool rows_next(struct rows *rows, struct slice *key_out, struct slice *value_out);

/* The highest key of a table, copied into storage. Returns false when the table is empty. */
MUST_USE bool row_last_key(struct call *call, enum table table, struct row *storage,
                           struct slice *key_out);

/* The pages of a table, those in the cache included. */
MUST_USE uint64_t table_bytes(struct call *call, enum table table);

/* About which share of a table's keys is below this one, 0 to 1; 0 when it cannot be told. */
MUST_USE double row_share_below(struct call *call, enum table table, struct slice key);

/* The rows from that key up to the other (empty: the table's beginning, its end) move together on
 * fewer pages; at the table's end the file gets shorter, if it can. Returns pages that became free.
 */
uint32_t rows_compact(struct call *call, enum table table, struct slice from, struct slice until);

/* A stored row that cannot be read back: a bug or a damaged disk; never a client's fault. */
void row_unreadable(struct call *call, enum table table, struct slice key);

/* A row of an answer's page, as a slice. Returns false when the page is full, unchanged. A row that
 * is packed has fitted into its own bytes: its length is bounded by its message. */
static inline MUST_USE bool page_add(struct packer *page, const struct packer *row)
{
    BUG_ON(row->overflow);
    if (page->len + 2 + row->len > page->max)
        return false;
    pack_slice(page, packer_slice(row));
    return true;
}

static inline struct slice uuid_slice(const struct uuid *uuid)
{
    return slice_of(uuid->bytes, UUID_BYTES);
}

#endif

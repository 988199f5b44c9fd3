/* See rows.h. Every Berkeley DB call on a database is in this file. */
#include "rows.h"

#include <errno.h>
#include <stdlib.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"

#include "absent.h"
#include "kept.h"

#define COMPACT_FILL_PERCENT 90U /* a full page splits at the next row */

static DBT dbt_of(struct slice slice)
{
    DBT dbt;

    memset(&dbt, 0, sizeof(dbt));
    dbt.data = (void *)(uintptr_t)slice.at; /* Berkeley DB has no const; it only reads this */
    dbt.size = (u_int32_t)slice.len;
    return dbt;
}

static DBT dbt_into(void *bytes, size_t max)
{
    DBT dbt;

    memset(&dbt, 0, sizeof(dbt));
    dbt.data = bytes;
    dbt.ulen = (u_int32_t)max;
    dbt.flags = DB_DBT_USERMEM;
    return dbt;
}

/* Everything that a call changes goes by here. */
static void on_changed(struct call *call, enum table table, struct slice key, struct slice value)
{
    call->changed = true;
    if (table == TABLE_USERS_BY_NAME || table == TABLE_USERS_BY_EMAIL ||
        table == TABLE_USERS_BY_SUBJECT)
        absent_forget(call->env->absent, table, key);
    kept_row_changed(call, table, key, value);
}

static void fail(struct call *call, const char *doing, int failure)
{
    if (failure == DB_RUNRECOVERY)
        env_panic(failure);
    log_error("store.row_failed", "doing=%s reason=\"%s\"", doing, db_strerror(failure));
    call->failure = failure;
}

bool row_get(struct call *call, enum table table, struct slice key, struct row *row_out)
{
    DB *db = call->env->tables[table];
    DBT key_dbt = dbt_of(key);
    DBT value = dbt_into(row_out->bytes, sizeof(row_out->bytes));
    int failure;

    if (call->failure != 0)
        return false;
    failure = db->get(db, call->txn, &key_dbt, &value, 0);
    if (failure == 0) {
        row_out->len = value.size;
        return true;
    }
    if (failure != DB_NOTFOUND)
        fail(call, "get", failure);
    return false;
}

bool row_exists(struct call *call, enum table table, struct slice key)
{
    DB *db = call->env->tables[table];
    DBT key_dbt = dbt_of(key);
    int failure;

    if (call->failure != 0)
        return false;
    failure = db->exists(db, call->txn, &key_dbt, 0);
    if (failure != 0 && failure != DB_NOTFOUND)
        fail(call, "exists", failure);
    return failure == 0;
}

/* Returns false when it is there already and not to be replaced, or the call has failed. */
static bool put(struct call *call, enum table table, struct slice key, struct slice value,
                u_int32_t how)
{
    DB *db = call->env->tables[table];
    DBT key_dbt = dbt_of(key);
    DBT value_dbt = dbt_of(value);
    int failure;

    BUG_ON(!call->txn);
    if (call->failure != 0)
        return false;
    FAULT("s.before_put");
    failure = db->put(db, call->txn, &key_dbt, &value_dbt, how);
    if (failure == 0)
        on_changed(call, table, key, value);
    else if (failure != DB_KEYEXIST)
        fail(call, "put", failure);
    return failure == 0;
}

void row_put(struct call *call, enum table table, struct slice key, struct slice value)
{
    (void)put(call, table, key, value, 0);
}

bool row_put_new(struct call *call, enum table table, struct slice key, struct slice value)
{
    return put(call, table, key, value, DB_NOOVERWRITE);
}

bool row_delete(struct call *call, enum table table, struct slice key)
{
    DB *db = call->env->tables[table];
    DBT key_dbt = dbt_of(key);
    int failure;

    BUG_ON(!call->txn);
    if (call->failure != 0)
        return false;
    FAULT("s.before_delete");
    failure = db->del(db, call->txn, &key_dbt, 0);
    if (failure == 0)
        on_changed(call, table, key, (struct slice){0});
    else if (failure != DB_NOTFOUND)
        fail(call, "delete", failure);
    return failure == 0;
}

void walk_open(struct walk *walk, struct call *call, enum table table, struct slice from)
{
    DB *db = call->env->tables[table];
    int failure;

    BUG_ON(from.len > KEY_MAX_BYTES);
    walk->call = call;
    walk->table = table;
    walk->cursor = NULL;
    walk->started = false;
    walk->key_len = from.len;
    if (from.len > 0)
        memcpy(walk->key, from.at, from.len);
    if (call->failure != 0)
        return;
    failure = db->cursor(db, call->txn, &walk->cursor, 0);
    if (failure != 0)
        fail(call, "cursor", failure);
}

static int walk_step(struct walk *walk, u_int32_t how)
{
    DBT key = dbt_into(walk->key, sizeof(walk->key));
    DBT value = dbt_into(walk->row.bytes, sizeof(walk->row.bytes));
    int failure;

    key.size = (u_int32_t)walk->key_len;
    failure = walk->cursor->get(walk->cursor, &key, &value, how);
    if (failure == 0) {
        walk->key_len = key.size;
        walk->row.len = value.size;
    }
    return failure;
}

static bool walk_found(struct walk *walk, int failure)
{
    walk->started = true;
    if (failure != 0 && failure != DB_NOTFOUND)
        fail(walk->call, "walk", failure);
    return failure == 0;
}

bool walk_next(struct walk *walk)
{
    if (walk->call->failure != 0 || !walk->cursor)
        return false;
    return walk_found(walk, walk_step(walk, walk->started ? DB_NEXT : DB_SET_RANGE));
}

bool walk_back(struct walk *walk)
{
    uint8_t from[KEY_MAX_BYTES];
    const size_t from_len = walk->key_len;
    int failure;

    if (walk->call->failure != 0 || !walk->cursor)
        return false;
    if (walk->started)
        return walk_found(walk, walk_step(walk, DB_PREV));
    memcpy(from, walk->key, from_len);
    failure = walk_step(walk, DB_SET_RANGE); /* from itself, or the next one behind it */
    if (failure == 0 && slice_equal(slice_of(walk->key, walk->key_len), slice_of(from, from_len)))
        return walk_found(walk, 0);
    if (failure == 0)
        failure = walk_step(walk, DB_PREV);
    else if (failure == DB_NOTFOUND)
        failure = walk_step(walk, DB_LAST);
    return walk_found(walk, failure);
}

void walk_delete(struct walk *walk)
{
    int failure;

    BUG_ON(!walk->call->txn);
    if (walk->call->failure != 0)
        return;
    failure = walk->cursor->del(walk->cursor, 0);
    if (failure == 0)
        on_changed(walk->call, walk->table, walk_key(walk), (struct slice){0});
    else
        fail(walk->call, "walk_delete", failure);
}

void walk_close(struct walk *walk)
{
    int failure;

    if (!walk->cursor)
        return;
    failure = walk->cursor->close(walk->cursor);
    walk->cursor = NULL;
    if (failure != 0 && walk->call->failure == 0)
        fail(walk->call, "walk_close", failure);
}

bool rows_read(struct call *call, enum table table, struct slice from, struct rows *rows)
{
    DB *db = call->env->tables[table];
    DBT key = dbt_of(from);
    DBC *cursor;
    int failure = call->failure;

    rows->at = NULL;
    if (failure != 0)
        return false;
    failure = db->cursor(db, call->txn, &cursor, 0);
    if (failure == 0) {
        rows->found = dbt_into(rows->bytes, sizeof(rows->bytes));
        failure = cursor->get(cursor, &key, &rows->found, DB_SET_RANGE | DB_MULTIPLE_KEY);
        (void)cursor->close(cursor);
    }
    if (failure == 0)
        DB_MULTIPLE_INIT(rows->at, &rows->found);
    else if (failure != DB_NOTFOUND)
        fail(call, "read", failure);
    return failure == 0;
}

bool rows_next(struct rows *rows, struct slice *key_out, struct slice *value_out)
{
    void *key;
    void *value;
    size_t key_len;
    size_t value_len;

    if (rows->at == NULL)
        return false;
    DB_MULTIPLE_KEY_NEXT(rows->at, &rows->found, key, key_len, value, value_len);
    if (rows->at == NULL)
        return false;
    *key_out = slice_of(key, key_len);
    *value_out = slice_of(value, value_len);
    return true;
}

bool row_last_key(struct call *call, enum table table, struct row *storage, struct slice *key_out)
{
    DB *db = call->env->tables[table];
    DBT key = dbt_into(storage->bytes, sizeof(storage->bytes));
    DBT value;
    DBC *cursor;
    int failure = call->failure;

    memset(&value, 0, sizeof(value));
    value.flags = DB_DBT_USERMEM | DB_DBT_PARTIAL; /* none of the value */
    if (failure != 0)
        return false;
    failure = db->cursor(db, call->txn, &cursor, 0);
    if (failure == 0) {
        failure = cursor->get(cursor, &key, &value, DB_LAST);
        (void)cursor->close(cursor);
    }
    if (failure == 0) {
        *key_out = slice_of(storage->bytes, key.size);
        return true;
    }
    if (failure != DB_NOTFOUND)
        fail(call, "last", failure);
    return false;
}

uint32_t rows_compact(struct call *call, enum table table, struct slice from, struct slice until)
{
    DB *db = call->env->tables[table];
    DBT from_dbt = dbt_of(from);
    DBT until_dbt = dbt_of(until);
    DB_COMPACT compacted = {.compact_fillpercent = COMPACT_FILL_PERCENT};
    int failure;

    BUG_ON(!call->txn);
    if (call->failure != 0)
        return 0;
    failure = db->compact(db, call->txn, from.len > 0 ? &from_dbt : NULL,
                          until.len > 0 ? &until_dbt : NULL, &compacted, DB_FREE_SPACE, NULL);
    if (failure != 0)
        fail(call, "compact", failure);
    call->changed = true;
    return compacted.compact_pages_free;
}

uint64_t table_bytes(struct call *call, enum table table)
{
    DB *db = call->env->tables[table];
    DB_BTREE_STAT *stat = NULL;
    int failure;

    if (call->failure != 0)
        return 0;
    failure = db->stat(db, call->txn, &stat, DB_FAST_STAT);
    if (failure != 0) {
        fail(call, "stat", failure);
        return 0;
    }
    const uint64_t bytes = (uint64_t)stat->bt_pagecnt * stat->bt_pagesize;

    free(stat);
    return bytes;
}

double row_share_below(struct call *call, enum table table, struct slice key)
{
    DB *db = call->env->tables[table];
    DBT key_dbt = dbt_of(key);
    DB_KEY_RANGE range = {0};

    return db->key_range(db, call->txn, &key_dbt, &range, 0) == 0 ? range.less : 0;
}

void row_unreadable(struct call *call, enum table table, struct slice key)
{
    char quoted[200];

    log_error("store.row_unreadable", "table=%d key=%s", (int)table,
              log_quoted(key, quoted, sizeof(quoted)));
    call->failure = EBADMSG;
}

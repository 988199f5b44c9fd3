/* A small day's work for a store, and what must be true of the database afterwards, whatever
 * happened to the store meanwhile: what was answered is there, what was refused is not, nobody is
 * there by half, and the tally counts what there is. */
#ifndef TESTS_STORE_DEEDS_H
#define TESTS_STORE_DEEDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <db.h>

#include "parts.h"
#include "store/env.h"
#include "store/record.h"
#include "store/rows.h"
#include "store/users.h"
#include "store_rig.h"

#define DEEDS_MAX    24U
#define PEOPLE_FIRST 6U  /* persons 0..5 are there before, unless the database is new */
#define PEOPLE_MAX   24U /* and nobody has a higher number */

struct deed {
    enum store_request request;
    uint64_t number; /* of the person that it is about */
    bool asked;
    bool came;
    enum store_status status;
};

struct deeds {
    struct deed all[DEEDS_MAX];
    size_t count;
    uint64_t people; /* who were there before */
};

/* What is the same in every run: two volleys, so that the second meets a store that the first one
 * has hurt. */
#define VOLLEY 12U
static inline struct deeds deeds_of_a_day(void)
{
    return (struct deeds){.count = 2 * VOLLEY,
                          .people = PEOPLE_FIRST,
                          .all = {{.request = STORE_ACCOUNT_CREATE, .number = 10},
                                  {.request = STORE_ACCOUNT_CREATE, .number = 11},
                                  {.request = STORE_PROOF_SPEND, .number = 0},
                                  {.request = STORE_SESSION_OPEN, .number = 1},
                                  {.request = STORE_CREDENTIALS, .number = 5},
                                  {.request = STORE_OUTBOX_SETTLE, .number = 2},
                                  {.request = STORE_ACCOUNT_CREATE, .number = 12},
                                  {.request = STORE_ACCOUNT_CREATE, .number = 13},
                                  {.request = STORE_SESSION_REFRESH, .number = 1},
                                  {.request = STORE_SESSION_REFRESH, .number = 2},
                                  {.request = STORE_SESSION_LOGOUT, .number = 0},
                                  {.request = STORE_SESSION_LOGOUT, .number = 5},
                                  {.request = STORE_ACCOUNT_CREATE, .number = 14},
                                  {.request = STORE_CREDENTIALS, .number = 4},
                                  {.request = STORE_PROOF_SPEND, .number = 3},
                                  {.request = STORE_SESSION_OPEN, .number = 4},
                                  {.request = STORE_OUTBOX_SETTLE, .number = 5},
                                  {.request = STORE_ACCOUNT_CREATE, .number = 15},
                                  {.request = STORE_ACCOUNT_CREATE, .number = 16},
                                  {.request = STORE_SESSION_REFRESH, .number = 4},
                                  {.request = STORE_SESSION_END, .number = 2},
                                  {.request = STORE_SESSION_LOGOUT, .number = 3},
                                  {.request = STORE_SESSION_REFRESH, .number = 3},
                                  {.request = STORE_ACCOUNT_CREATE, .number = 17}}};
}

#define DEED_DIGEST SLICE_LITERAL("0123456789abcdef0123456789abcdef")

/* Refreshes are of tokens from elsewhere, which need no session before them, and whose session
 * leaves a mark when it ends. */
static inline struct uuid deed_session(const struct deed *deed)
{
    return rig_uuid(deed->request == STORE_SESSION_OPEN      ? 6
                    : deed->request == STORE_SESSION_REFRESH ? 8
                                                             : 9,
                    deed->number);
}

static inline void deed_pack_session(const struct deed *deed, const struct rig_person *person,
                                     struct packer *packer)
{
    char subject[UUID_TEXT_BYTES];

    uuid_format(&person->user_id, subject);
    if (deed->request == STORE_SESSION_OPEN)
        session_open_ask_pack(packer, &(struct session_open_ask){.user_id = person->user_id,
                                                                 .session_id = deed_session(deed),
                                                                 .jti_digest = DEED_DIGEST,
                                                                 .expires = RIG_NOW + 86400000,
                                                                 .sessions_max = 100,
                                                                 .now = RIG_NOW});
    else if (deed->request == STORE_SESSION_REFRESH)
        session_refresh_ask_pack(packer,
                                 &(struct session_refresh_ask){.session_id = deed_session(deed),
                                                               .adopt = 1,
                                                               .subject = slice_of_text(subject),
                                                               .old_jti_digest = DEED_DIGEST,
                                                               .new_jti_digest = DEED_DIGEST,
                                                               .expires = RIG_NOW + 86400000,
                                                               .token_expires = RIG_NOW + 86400000,
                                                               .grace_ms = 10000,
                                                               .now = RIG_NOW});
    else if (deed->request == STORE_SESSION_LOGOUT)
        session_logout_ask_pack(packer,
                                &(struct session_logout_ask){.session_id = deed_session(deed),
                                                             .adopt = 1,
                                                             .subject = slice_of_text(subject),
                                                             .token_expires = RIG_NOW + 86400000,
                                                             .now = RIG_NOW});
    else
        session_end_ask_pack(packer, &(struct session_end_ask){
                                         .user_id = person->user_id, .all = 1, .now = RIG_NOW});
}

static inline void deed_pack(const struct deed *deed, const struct rig_person *person,
                             struct packer *packer)
{
    if (deed->request == STORE_ACCOUNT_CREATE)
        rig_pack_signup(packer, person, (struct slice){0}, (struct slice){0});
    else if (deed->request == STORE_CREDENTIALS)
        credentials_ask_pack(
            packer, &(struct credentials_ask){.username_key = slice_of_text(person->username)});
    else if (deed->request == STORE_PROOF_SPEND)
        proof_spend_ask_pack(packer, &(struct proof_spend_ask){.proof_id = person->proof_id,
                                                               .purpose = MAIL_VERIFY,
                                                               .peer = SLICE_LITERAL("::1"),
                                                               .now = RIG_NOW});
    else if (deed->request == STORE_OUTBOX_SETTLE)
        outbox_settle_ask_pack(packer, &(struct outbox_settle_ask){.job_id = person->job_id,
                                                                   .verdict = OUTBOX_DELIVERED,
                                                                   .now = RIG_NOW});
    else
        deed_pack_session(deed, person, packer);
    assert_false(packer->overflow);
}

static inline void on_deed_answered(void *context, enum store_status status, struct slice payload)
{
    struct deed *deed = context;

    (void)payload;
    deed->came = true;
    deed->status = status;
}

/* Asks; one that the client does not accept stays unasked. */
static inline void deed_ask(struct rig *rig, struct deed *deed)
{
    uint8_t bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(deed->number);

    deed_pack(deed, &person, &packer);
    deed->asked = store_ask(rig->client, deed->request, packer_slice(&packer),
                            clock_mono_ns() + 60 * NS_PER_S, on_deed_answered, deed);
}

static inline bool deeds_all_came(const struct deeds *deeds)
{
    for (size_t i = 0; i < deeds->count; i++) {
        if (deeds->all[i].asked && !deeds->all[i].came)
            return false;
    }
    return true;
}

/* ---- the check ---------------------------------------------------------------------------------
 */

/* Has it happened, as far as the database can tell? */
static inline bool deed_is_done(struct call *call, const struct deed *deed, struct row *row)
{
    struct rig_person person = rig_person(deed->number);
    struct uuid session = deed_session(deed);
    struct user_row user;
    unsigned parts = parts_of(call, deed->number, row);

    if (deed->request == STORE_ACCOUNT_CREATE)
        return parts == HAS_ALL;
    if (parts == 0)
        return false; /* nobody there to whom it could have happened */
    if (deed->request == STORE_OUTBOX_SETTLE)
        return (parts & HAS_LETTER) == 0;
    if (deed->request != STORE_PROOF_SPEND)
        return row_get(call, TABLE_SESSIONS, uuid_slice(&session), row);
    assert_true(user_load(call, &person.user_id, row, &user));
    return user.email_verified;
}

/* An answer that came says what is true; any other deed is done or not. */
static inline void deeds_check_each(const struct deeds *deeds, struct call *call, struct row *row)
{
    for (size_t i = 0; i < deeds->count; i++) {
        const struct deed *deed = &deeds->all[i];
        bool done;

        if (deed->request == STORE_CREDENTIALS || deed->request == STORE_SESSION_END)
            continue;
        done = deed_is_done(call, deed, row);
        if (deed->asked && deed->came && deed->status == STORE_OK && !done)
            fail_msg("deed %zu was answered and is not there", i);
        if (done && (!deed->asked || (deed->came && deed->status == STORE_BUSY)))
            fail_msg("deed %zu was refused and is there", i);
    }
}

static inline void deeds_check_people(const struct deeds *deeds, struct call *call, struct row *row)
{
    uint64_t users = 0;
    uint64_t letters = 0;

    for (uint64_t number = 0; number < PEOPLE_MAX; number++) {
        unsigned parts = parts_of(call, number, row);

        if (parts != 0 && (parts & ~HAS_LETTER) != (HAS_ACCOUNT | HAS_PROOF))
            fail_msg("person %llu is there by half: %x", (unsigned long long)number, parts);
        if (number < deeds->people && parts == 0)
            fail_msg("person %llu is lost", (unsigned long long)number);
        users += parts != 0;
        letters += (parts & HAS_LETTER) != 0;
    }
    assert_int_equal(call->failure, 0);
    assert_int_equal(call->env->tally.users, users);
    assert_int_equal(call->env->tally.pending, letters);
    assert_int_equal(call->env->tally.dead, 0);
}

/* A session that stands is in the index, and nothing else is. */
static inline void deeds_check_sessions(struct call *call, struct row *row)
{
    struct walk *walk = xcalloc(1, sizeof(*walk));
    struct session_row session;
    int standing = 0;

    walk_open(walk, call, TABLE_SESSIONS, (struct slice){0});
    while (walk_next(walk)) {
        assert_true(session_row_unpack(row_slice(&walk->row), &session));
        standing += !session.ended;
    }
    walk_close(walk);
    walk_open(walk, call, TABLE_SESSIONS_BY_USER, (struct slice){0});
    while (walk_next(walk)) {
        struct slice id = slice_of(walk->key + UUID_BYTES, UUID_BYTES);

        assert_true(row_get(call, TABLE_SESSIONS, id, row));
        assert_true(session_row_unpack(row_slice(row), &session));
        assert_memory_equal(session.user_id.bytes, walk->key, UUID_BYTES);
        standing -= !session.ended;
    }
    walk_close(walk);
    free(walk);
    assert_int_equal(standing, 0);
}

/* Every page of every table, by Berkeley DB's own checker. */
static inline void verify_files(const char *dir)
{
    static const char *const files[] = {
#define TABLE(NAME, file) file,
        TABLES(TABLE)
#undef TABLE
    };

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[200];
        DB *db;

        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        assert_int_equal(db_create(&db, NULL, 0), 0);
        assert_int_equal(db->verify(db, path, NULL, NULL, 0), 0);
    }
}

/* Opens the database of a store that has ended, looks at all of it, and closes it. */
static inline void deeds_check(const struct deeds *deeds, struct rig *rig)
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct row *row = xcalloc(1, sizeof(*row));
    struct err err = {{0}};

    if (!env_open(env, rig->dir, rig->config.store_cache_mib, rig->segment,
                  segment_store_slot(rig->segment), &err))
        fail_msg("%s", err.text);
    struct call call = {.env = env};
    deeds_check_each(deeds, &call, row);
    deeds_check_people(deeds, &call, row);
    deeds_check_sessions(&call, row);
    env_close(env);
    verify_files(rig->dir);
    free(row);
    free(env);
}

#endif

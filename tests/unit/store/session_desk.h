/* What a session and its tokens are asked, on a desk. Persons are the rig's, sessions and tokens go
 * by numbers; the session that is refreshed belongs to person 1. */
#ifndef TESTS_STORE_SESSION_DESK_H
#define TESTS_STORE_SESSION_DESK_H

#include "desk.h"

#include "store/audit.h"
#include "store/purge.h"
#include "store/sessions.h"
#include "store/users.h"

#define GRACE_MS 10000
#define LIFE_MS  86400000LL
#define DIGEST   32U

/* A digest for each number, different in its first bytes. */
static inline struct slice digest(uint64_t number, char bytes[DIGEST])
{
    for (unsigned i = 0; i < DIGEST; i++)
        bytes[i] = (char)(i < 8 ? number >> 8 * i : 'd');
    return slice_of(bytes, DIGEST);
}

static inline struct slice subject_of(uint64_t user, char text[UUID_TEXT_BYTES])
{
    struct uuid id = rig_uuid(1, user);

    uuid_format(&id, text);
    return slice_of_text(text);
}

static inline enum store_status open_session(struct desk *desk, uint64_t user, uint64_t session,
                                             uint32_t sessions_max)
{
    struct packer packer = asking(desk);
    char bytes[DIGEST];

    session_open_ask_pack(&packer, &(struct session_open_ask){.user_id = rig_uuid(1, user),
                                                              .session_id = rig_uuid(6, session),
                                                              .jti_digest = digest(0, bytes),
                                                              .expires = desk->now + LIFE_MS,
                                                              .sessions_max = sessions_max,
                                                              .peer = SLICE_LITERAL("192.0.2.1"),
                                                              .user_agent = SLICE_LITERAL("curl/8"),
                                                              .now = desk->now});
    return carry_out(desk, STORE_SESSION_OPEN, &packer);
}

/* The token number old is shown; its successor is old + 1, as whoever asks would have it. */
static inline struct session_refresh_ask refreshing(struct desk *desk, uint64_t session)
{
    return (struct session_refresh_ask){.session_id = rig_uuid(6, session),
                                        .expires = desk->now + LIFE_MS,
                                        .token_expires = desk->now + 2 * LIFE_MS,
                                        .grace_ms = GRACE_MS,
                                        .job_id = rig_uuid(7, session),
                                        .peer = SLICE_LITERAL("192.0.2.9"),
                                        .now = desk->now};
}

static inline enum store_status refresh_with(struct desk *desk, struct session_refresh_ask ask,
                                             uint64_t old)
{
    struct packer packer = asking(desk);
    char old_bytes[DIGEST];
    char new_bytes[DIGEST];
    char subject[UUID_TEXT_BYTES];

    if (ask.subject.len == 0)
        ask.subject = subject_of(1, subject);
    ask.old_jti_digest = digest(old, old_bytes);
    ask.new_jti_digest = digest(old + 1, new_bytes);
    session_refresh_ask_pack(&packer, &ask);
    return carry_out(desk, STORE_SESSION_REFRESH, &packer);
}

static inline enum store_status refresh(struct desk *desk, uint64_t session, uint64_t old)
{
    return refresh_with(desk, refreshing(desk, session), old);
}

static inline struct session_refresh_answer refreshed(struct desk *desk)
{
    struct session_refresh_answer answer;

    assert_true(session_refresh_answer_unpack(answered(desk), &answer));
    return answer;
}

static inline enum store_status check(struct desk *desk, uint64_t session, uint64_t number,
                                      bool adopted)
{
    struct packer packer = asking(desk);
    char bytes[DIGEST];

    session_check_ask_pack(&packer, &(struct session_check_ask){.session_id = rig_uuid(6, session),
                                                                .adopted = adopted,
                                                                .jti_digest = digest(number, bytes),
                                                                .now = desk->now});
    return carry_out(desk, STORE_SESSION_CHECK, &packer);
}

static inline enum store_status log_out(struct desk *desk, uint64_t session, uint64_t user,
                                        bool adopt)
{
    struct packer packer = asking(desk);
    char subject[UUID_TEXT_BYTES];

    session_logout_ask_pack(&packer,
                            &(struct session_logout_ask){.session_id = rig_uuid(6, session),
                                                         .adopt = adopt,
                                                         .subject = subject_of(user, subject),
                                                         .token_expires = desk->now + 2 * LIFE_MS,
                                                         .now = desk->now});
    return carry_out(desk, STORE_SESSION_LOGOUT, &packer);
}

static inline enum store_status end_session(struct desk *desk, uint64_t user, struct uuid id,
                                            bool all)
{
    struct packer packer = asking(desk);

    session_end_ask_pack(
        &packer, &(struct session_end_ask){
                     .user_id = rig_uuid(1, user), .all = all, .session_id = id, .now = desk->now});
    return carry_out(desk, STORE_SESSION_END, &packer);
}

/* The last event of the trail. */
static inline uint8_t last_event(struct desk *desk)
{
    struct call call = {.env = &desk->env};
    struct row *storage = xcalloc(1, sizeof(*storage));
    struct row *value = xcalloc(1, sizeof(*value));
    struct slice key;
    struct audit_row audit;

    assert_true(row_last_key(&call, TABLE_AUDIT, storage, &key));
    assert_true(row_get(&call, TABLE_AUDIT, key, value));
    assert_true(audit_row_unpack(row_slice(value), &audit));
    free(storage);
    free(value);
    return audit.event;
}

static inline size_t rows_of(struct desk *desk, enum table table)
{
    struct call call = {.env = &desk->env};
    struct walk *walk = xcalloc(1, sizeof(*walk));
    size_t count = 0;

    walk_open(walk, &call, table, (struct slice){0});
    while (walk_next(walk))
        count++;
    walk_close(walk);
    free(walk);
    return count;
}

#endif

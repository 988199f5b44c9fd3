/* What the tests of administration share: asking for an account, and what is in the tables. */
#ifndef TESTS_STORE_ADMIN_DESK_H
#define TESTS_STORE_ADMIN_DESK_H

#include "desk.h"
#include "store/audit.h"
#include "store/record.h"

static inline const char *subject_of(uint64_t number)
{
    static char text[UUID_TEXT_BYTES];
    struct uuid user_id = rig_uuid(1, number);

    uuid_format(&user_id, text);
    return text;
}

static inline enum store_status ask_user(struct desk *desk, const char *subject, const char *name,
                                         const char *address)
{
    struct packer packer = asking(desk);

    admin_user_ask_pack(&packer, &(struct admin_user_ask){.subject = slice_of_text(subject),
                                                          .username_key = slice_of_text(name),
                                                          .email_key = slice_of_text(address)});
    return carry_out(desk, STORE_ADMIN_USER, &packer);
}

static inline struct admin_user_answer told(struct desk *desk)
{
    struct admin_user_answer user;

    assert_true(admin_user_answer_unpack(answered(desk), &user));
    return user;
}

static inline enum store_status open_session(struct desk *desk, uint64_t user, uint64_t session,
                                             wall_ms life_ms)
{
    struct packer packer = asking(desk);

    session_open_ask_pack(
        &packer,
        &(struct session_open_ask){.user_id = rig_uuid(1, user),
                                   .session_id = rig_uuid(6, session),
                                   .jti_digest = SLICE_LITERAL("00000000000000000000000000000000"),
                                   .expires = RIG_NOW + life_ms,
                                   .peer = SLICE_LITERAL("192.0.2.7"),
                                   .user_agent = SLICE_LITERAL("browser"),
                                   .now = RIG_NOW});
    return carry_out(desk, STORE_SESSION_OPEN, &packer);
}

static inline size_t rows_in(struct desk *desk, enum table table)
{
    struct call call = {.env = &desk->env, .now = RIG_NOW};
    struct walk walk;
    size_t count = 0;

    walk_open(&walk, &call, table, (struct slice){0});
    while (walk_next(&walk))
        count++;
    walk_close(&walk);
    assert_int_equal(call.failure, 0);
    return count;
}

/* The newest row of the audit trail. */
static inline uint8_t last_event(struct desk *desk)
{
    struct call call = {.env = &desk->env, .now = RIG_NOW};
    struct row storage;
    struct row row;
    struct slice key;
    struct audit_row audit;

    assert_true(row_last_key(&call, TABLE_AUDIT, &storage, &key));
    assert_true(row_get(&call, TABLE_AUDIT, key, &row));
    assert_true(audit_row_unpack(row_slice(&row), &audit));
    assert_true(slice_equal(audit.peer, SLICE_LITERAL("unix")));
    return audit.event;
}

#endif

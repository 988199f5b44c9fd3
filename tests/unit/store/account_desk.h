/* What the tests of accounts share: people's rows, their sessions, and the changes they ask for. */
#ifndef TESTS_STORE_ACCOUNT_DESK_H
#define TESTS_STORE_ACCOUNT_DESK_H

#include "desk.h"

#include "store/record.h"
#include "store/users.h"

#define STORED "pbkdf2_sha256$1$salt$hash"

static inline struct user_row user_of(struct desk *desk, uint64_t number, struct row *storage)
{
    struct uuid id = rig_person(number).user_id;
    struct user_row user;

    assert_true(user_load(&(struct call){.env = &desk->env}, &id, storage, &user));
    return user;
}

static inline bool finds(struct desk *desk, enum table by, const char *key)
{
    struct uuid id;

    return user_find(&(struct call){.env = &desk->env}, by, slice_of_text(key), &id);
}

static inline struct slice stored_form(struct desk *desk, uint64_t number, struct row *storage)
{
    return user_of(desk, number, storage).password;
}

/* By a password that was looked at when it had last been changed then. */
static inline enum store_status open_session(struct desk *desk, uint64_t number, uint64_t session,
                                             wall_ms password_changed)
{
    struct packer packer = asking(desk);

    session_open_ask_pack(
        &packer,
        &(struct session_open_ask){.user_id = rig_person(number).user_id,
                                   .password_changed = password_changed,
                                   .session_id = rig_uuid(6, session),
                                   .jti_digest = SLICE_LITERAL("0123456789abcdef0123456789abcdef"),
                                   .expires = RIG_NOW + 86400000,
                                   .now = RIG_NOW});
    return carry_out(desk, STORE_SESSION_OPEN, &packer);
}

static inline void log_in(struct desk *desk, uint64_t number, uint64_t session)
{
    struct row storage;
    wall_ms password_changed = user_of(desk, number, &storage).password_changed;

    assert_int_equal(open_session(desk, number, session, password_changed), STORE_OK);
}

static inline bool session_is_there(struct desk *desk, uint64_t session)
{
    struct uuid id = rig_uuid(6, session);

    return row_exists(&(struct call){.env = &desk->env}, TABLE_SESSIONS, uuid_slice(&id));
}

static inline struct mail_job job_of(struct slice packed)
{
    struct mail_job job;

    assert_true(mail_job_unpack(packed, &job));
    return job;
}

struct change {
    const char *username;
    const char *email;
    const char *language;
    bool conceal;
    uint32_t letters_max;
};

static inline enum store_status change(struct desk *desk, uint64_t number, struct change wish,
                                       uint64_t letter, struct account_change_answer *answer_out)
{
    struct packer packer = asking(desk);
    struct row storage;
    struct account_change_ask ask = {
        .user_id = rig_person(number).user_id,
        .conceal = wish.conceal,
        .proof_id = rig_uuid(4, letter),
        .proof_expires = RIG_NOW + 86400000,
        .job_id = rig_uuid(5, letter),
        .notice_job_id = rig_uuid(7, letter),
        .letters_max = wish.letters_max,
        .window_s = 3600,
        .now = RIG_NOW,
    };

    if (wish.username != NULL)
        ask.username = ask.username_key = slice_of_text(wish.username);
    if (wish.email != NULL) {
        ask.email = ask.email_key = slice_of_text(wish.email);
        ask.old_password = stored_form(desk, number, &storage);
    }
    if (wish.language != NULL) {
        ask.sets_language = 1;
        ask.language = slice_of_text(wish.language);
    }
    account_change_ask_pack(&packer, &ask);
    enum store_status status = carry_out(desk, STORE_ACCOUNT_CHANGE, &packer);
    if (status == STORE_OK || status == STORE_DUPLICATE)
        assert_true(account_change_answer_unpack(answered(desk), answer_out));
    return status;
}

static inline enum store_status ask_reset(struct desk *desk, uint64_t letter)
{
    struct packer packer = asking(desk);

    proof_renew_ask_pack(
        &packer, &(struct proof_renew_ask){.email_key = SLICE_LITERAL("person1@example.com"),
                                           .purpose = MAIL_RESET_PASSWORD,
                                           .language = SLICE_LITERAL("ja"),
                                           .proof_id = rig_uuid(4, letter),
                                           .proof_expires = RIG_NOW + 3600000,
                                           .job_id = rig_uuid(5, letter),
                                           .letters_max = 3,
                                           .window_s = 3600,
                                           .now = RIG_NOW});
    return carry_out(desk, STORE_PROOF_RENEW, &packer);
}

#endif

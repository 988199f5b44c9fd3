/* What the tests of letters share: rows, the mailer's verdicts, reports that come back. */
#ifndef TESTS_STORE_MAIL_DESK_H
#define TESTS_STORE_MAIL_DESK_H

#include "account_desk.h"

#include "store/history.h"
#include "store/outbox.h"
#include "store/suppressions.h"

#define KEPT_MS (7 * 24 * 3600 * 1000LL)
#define BOUNCED "5.1.1 no such user"

static inline int start_keeping(void **state)
{
    int failed = start(state);
    struct desk *desk = *state;

    desk->env.keep_sent_ms = KEPT_MS;
    return failed;
}

static inline struct call reading(struct desk *desk)
{
    return (struct call){.env = &desk->env, .now = desk->now};
}

static inline bool letter_of(struct desk *desk, const struct uuid *job_id, struct row *storage,
                             struct letter_row *letter)
{
    struct call call = reading(desk);

    return letter_load(&call, job_id, storage, letter);
}

static inline struct letter_row letter_there(struct desk *desk, uint64_t number,
                                             struct row *storage)
{
    const struct uuid job_id = rig_person(number).job_id;
    struct letter_row letter;

    assert_true(letter_of(desk, &job_id, storage, &letter));
    return letter;
}

static inline bool letter_is_there(struct desk *desk, uint64_t number)
{
    const struct uuid job_id = rig_person(number).job_id;
    struct call call = reading(desk);

    return !letter_is_new(&call, &job_id);
}

static inline enum store_status settle(struct desk *desk, uint64_t number,
                                       enum outbox_verdict verdict, const char *reply)
{
    struct packer packer = asking(desk);

    outbox_settle_ask_pack(&packer, &(struct outbox_settle_ask){.job_id = rig_person(number).job_id,
                                                                .verdict = (uint8_t)verdict,
                                                                .due = desk->now + 1000,
                                                                .reply = slice_of_text(reply),
                                                                .relay = SLICE_LITERAL("smtp2"),
                                                                .now = desk->now});
    return carry_out(desk, STORE_OUTBOX_SETTLE, &packer);
}

static inline enum store_status report(struct desk *desk, uint64_t number, enum bounce_kind kind,
                                       const char *recipient, const char *detail)
{
    struct packer packer = asking(desk);

    bounce_note_ask_pack(&packer, &(struct bounce_note_ask){.job_id = rig_person(number).job_id,
                                                            .kind = (uint8_t)kind,
                                                            .recipient = slice_of_text(recipient),
                                                            .detail = slice_of_text(detail),
                                                            .now = desk->now});
    return carry_out(desk, STORE_BOUNCE_NOTE, &packer);
}

static inline enum suppression_reason suppressed_as(struct desk *desk, const char *email_key)
{
    struct call call = reading(desk);
    struct row storage;
    struct suppression_row suppression;

    if (!suppression_load(&call, slice_of_text(email_key), &storage, &suppression))
        return (enum suppression_reason)0;
    return (enum suppression_reason)suppression.reason;
}

static inline struct letter_try last_try(const struct letter_row *letter)
{
    struct letter_try last = {.event = LETTER_EVENTS};

    assert_true(history_last(letter->history, &last));
    return last;
}

static inline size_t tries_in(struct slice history)
{
    struct unpacker unpacker = unpacker_over(history);
    size_t count = 0;

    for (; unpacker.len > 0; count++)
        (void)unpack_slice(&unpacker, HISTORY_MAX_BYTES);
    assert_false(unpacker.bad);
    return count;
}

/* Three letters: 1 waits, 2 is dead, 3 was sent. */
static inline int start_with_three(void **state)
{
    int failed = start_keeping(state);

    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(sign_up(*state, i), STORE_OK);
    assert_int_equal(settle(*state, 1, OUTBOX_RETRY, "451 later"), STORE_OK);
    assert_int_equal(settle(*state, 2, OUTBOX_REFUSED, "550 no"), STORE_OK);
    assert_int_equal(settle(*state, 3, OUTBOX_DELIVERED, "250 yes"), STORE_OK);
    return failed;
}

#endif

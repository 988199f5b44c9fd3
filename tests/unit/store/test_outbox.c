/* The outbox: what waits, in which order, and what the mailer's word does to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/record.h"
#include "store/rows.h"
#include "store_rig.h"

static int start(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));

    rig_init(rig);
    rig_start(rig, NULL);
    *state = rig;
    return 0;
}

static int end(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

static enum store_status settle(struct rig *rig, uint64_t number, enum outbox_verdict verdict,
                                wall_ms due)
{
    uint8_t bytes[1024];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_answer answer;

    outbox_settle_ask_pack(&packer, &(struct outbox_settle_ask){.job_id = rig_person(number).job_id,
                                                                .verdict = (uint8_t)verdict,
                                                                .due = due,
                                                                .reply = SLICE_LITERAL("451 later"),
                                                                .now = RIG_NOW});
    return rig_ask(rig, STORE_OUTBOX_SETTLE, &packer, &answer);
}

/* Reads the next page behind *cursor. Returns its rows; cursor moves on. */
static size_t page(struct rig *rig, struct outbox_page_ask *cursor, bool *more_out,
                   struct outbox_row *last_out)
{
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_answer answer;
    struct outbox_page_answer paged;
    struct unpacker rows;
    size_t count = 0;

    outbox_page_ask_pack(&packer, cursor);
    assert_int_equal(rig_ask(rig, STORE_OUTBOX_PAGE, &packer, &answer), STORE_OK);
    assert_true(outbox_page_answer_unpack(slice_of(answer.payload, answer.len), &paged));
    *more_out = paged.more;
    for (rows = unpacker_over(paged.rows); rows.len > 0; count++) {
        assert_true(outbox_row_unpack(unpack_slice(&rows, UINT16_MAX), last_out));
        assert_true(last_out->due > cursor->after_due ||
                    memcmp(last_out->job_id.bytes, cursor->after_job.bytes, UUID_BYTES) > 0);
        cursor->after_due = last_out->due;
        cursor->after_job = last_out->job_id;
    }
    last_out->job = (struct slice){0};
    return count;
}

static void test_pages_show_every_letter_once_in_order(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;
    struct outbox_page_ask cursor = {.due_before = RIG_NOW + 1};
    struct outbox_row row;
    size_t total = 0;
    size_t pages = 0;
    bool more = true;

    for (uint64_t i = 0; i < 300; i++)
        assert_int_equal(rig_signup(rig, i, &answer), STORE_OK);
    for (; more; pages++)
        total += page(rig, &cursor, &more, &row);
    assert_int_equal(total, 300);
    assert_true(pages > 1);
    cursor = (struct outbox_page_ask){.due_before = RIG_NOW};
    assert_int_equal(page(rig, &cursor, &more, &row), 0);
    assert_false(more);
}

static void test_a_delivered_letter_is_gone(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;

    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_int_equal(settle(rig, 1, OUTBOX_DELIVERED, 0), STORE_OK);
    assert_int_equal(settle(rig, 1, OUTBOX_DELIVERED, 0), STORE_NOT_FOUND);
    assert_int_equal(board_get(rig->segment, BOARD_OUTBOX_PENDING), 0);
}

static void test_a_retry_moves_the_letter_behind_its_new_time(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;
    struct outbox_page_ask cursor = {.due_before = RIG_NOW + 5000};
    struct outbox_row row;
    bool more;

    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_int_equal(settle(rig, 1, OUTBOX_RETRY, RIG_NOW + 5000), STORE_OK);
    assert_int_equal(page(rig, &cursor, &more, &row), 0);
    cursor = (struct outbox_page_ask){.due_before = RIG_NOW + 5001};
    assert_int_equal(page(rig, &cursor, &more, &row), 1);
    assert_int_equal(row.tries, 1);
    assert_int_equal(row.due, RIG_NOW + 5000);
    assert_int_equal(board_get(rig->segment, BOARD_OUTBOX_PENDING), 1);
}

static void test_a_refused_letter_is_kept_dead_with_the_reply(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;
    struct outbox_page_ask cursor = {.due_before = RIG_NOW + 5000};
    struct outbox_row row;
    struct env *env = xcalloc(1, sizeof(*env));
    struct call call = {.env = env};
    struct row storage;
    struct letter_row letter;
    struct err err;
    struct uuid job_id = rig_person(1).job_id;
    bool more;

    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_int_equal(settle(rig, 1, OUTBOX_REFUSED, 0), STORE_OK);
    assert_int_equal(page(rig, &cursor, &more, &row), 0);
    assert_int_equal(settle(rig, 1, OUTBOX_RETRY, RIG_NOW), STORE_NOT_FOUND);
    assert_int_equal(board_get(rig->segment, BOARD_OUTBOX_PENDING), 0);
    assert_int_equal(board_get(rig->segment, BOARD_OUTBOX_DEAD), 1);
    assert_int_equal(rig_stop(rig), 0);

    assert_true(env_open(env, rig->dir, 16, rig->segment, segment_store_slot(rig->segment), &err));
    assert_int_equal(env->tally.dead, 1);
    assert_true(row_get(&call, TABLE_OUTBOX, uuid_slice(&job_id), &storage));
    assert_true(letter_row_unpack(row_slice(&storage), &letter));
    assert_int_equal(letter.state, LETTER_DEAD);
    assert_true(slice_equal(letter.reply, SLICE_LITERAL("451 later")));
    env_close(env);
    free(env);
}

/* Told like a mailer that dies before it hears the answer. */
static void settle_and_die(struct rig *rig, uint64_t number)
{
    uint8_t bytes[1024];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_answer answer = {0};

    outbox_settle_ask_pack(
        &packer, &(struct outbox_settle_ask){.job_id = rig_person(number).job_id, .now = RIG_NOW});
    assert_true(store_ask(rig->client, STORE_OUTBOX_SETTLE, packer_slice(&packer), UINT64_MAX - 1,
                          rig_on_answer, &answer));
    seat_bury(rig->segment, rig->slot);
    store_client_free(&rig->client);
}

static void assert_settled_before_the_seat_is_closed(struct rig *rig)
{
    uint64_t generation = seat_look(rig->segment, rig->slot).generation;

    seat_close(rig->segment, rig->slot, generation, SEAT_CLOSED_BY_MAILER);
    for (int i = 0; !seat_recycle(rig->segment, rig->slot); i++) {
        assert_true(i < 5000);
        usleep(1000);
    }
    assert_int_equal(board_get(rig->segment, BOARD_OUTBOX_PENDING), 0);
}

static void test_what_a_dead_mailer_said_last_is_heard(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;

    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_int_equal(board_get(rig->segment, BOARD_OUTBOX_PENDING), 1);
    kill(rig->store, SIGSTOP);
    settle_and_die(rig, 1);
    kill(rig->store, SIGCONT);
    assert_settled_before_the_seat_is_closed(rig);
}

static void test_what_a_dead_mailer_told_a_dead_store_is_heard_by_the_next(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;

    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    rig_kill(rig);
    settle_and_die(rig, 1);
    rig_start(rig, NULL);
    assert_settled_before_the_seat_is_closed(rig);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_pages_show_every_letter_once_in_order),
        TEST(test_a_delivered_letter_is_gone),
        TEST(test_what_a_dead_mailer_said_last_is_heard),
        TEST(test_what_a_dead_mailer_told_a_dead_store_is_heard_by_the_next),
        TEST(test_a_retry_moves_the_letter_behind_its_new_time),
        TEST(test_a_refused_letter_is_kept_dead_with_the_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

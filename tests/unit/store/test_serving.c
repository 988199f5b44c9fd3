/* The store as a process: batches, repeats, deaths, mad askers. */
#include "mad_worker.h"

/* ---- the path of a sign-up --------------------------------------------------------------------
 */

static void test_a_signup_is_there_for_the_login(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;
    struct credentials_answer credentials;

    assert_int_equal(rig_credentials(rig, "person1", &answer), STORE_NOT_FOUND);
    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_int_equal(rig_credentials(rig, "person1", &answer), STORE_OK);
    assert_true(credentials_answer_unpack(slice_of(answer.payload, answer.len), &credentials));
    assert_true(slice_equal(credentials.password, SLICE_LITERAL(RIG_PASSWORD)));
    assert_int_equal(board_get(rig->segment, BOARD_USERS), 1);
    assert_int_equal(board_get(rig->segment, BOARD_OUTBOX_PENDING), 1);
}

static void test_a_store_that_stops_leaves_everything_behind(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;

    assert_int_equal(rig_signup(rig, 2, &answer), STORE_OK);
    assert_int_equal(rig_stop(rig), 0);
    rig_start(rig, NULL);
    assert_int_equal(rig_credentials(rig, "person2", &answer), STORE_OK);
    assert_int_equal(rig_signup(rig, 2, &answer), STORE_DUPLICATE);
}

static void test_a_refused_write_leaves_its_neighbours_whole(void **state)
{
    struct rig *rig = *state;
    struct answer_head head;
    unsigned by_status[STORE_STATUS_COUNT] = {0};

    push_signup(rig, &(struct ask_head){.sequence = 1}, 1);
    push_signup(rig, &(struct ask_head){.sequence = 2}, 1);
    push_ask(rig, &(struct ask_head){.sequence = 3}, STORE_ACCOUNT_CREATE, SLICE_LITERAL("junk"));
    push_signup(rig, &(struct ask_head){.sequence = 4}, 2);
    for (int i = 0; i < 4; i++) {
        assert_true(next_answer(rig, 5000, &head));
        by_status[head.status]++;
    }
    assert_int_equal(by_status[STORE_OK], 2);
    assert_int_equal(by_status[STORE_DUPLICATE], 1);
    assert_int_equal(by_status[STORE_REFUSED], 1);
    assert_int_equal(board_get(rig->segment, BOARD_USERS), 2);
}

/* ---- repeats and deaths -------------------------------------------------------------------------
 */

static void test_a_repeat_gets_the_stored_answer_until_it_is_acknowledged(void **state)
{
    struct rig *rig = *state;

    push_signup(rig, &(struct ask_head){.sequence = 1}, 1);
    assert_int_equal(answer_to(rig, 1), STORE_OK);
    rig_kill(rig);
    rig_start(rig, NULL);
    push_signup(rig, &(struct ask_head){.sequence = 1, .repeat = 1}, 1);
    assert_int_equal(answer_to(rig, 1), STORE_OK);
    push_signup(rig, &(struct ask_head){.sequence = 2, .acknowledged = 2}, 2);
    assert_int_equal(answer_to(rig, 2), STORE_OK);
    rig_kill(rig);
    rig_start(rig, NULL);
    /* Forgotten: it is carried out again, and the name is taken by its own first time. */
    push_signup(rig, &(struct ask_head){.sequence = 1, .repeat = 1}, 1);
    assert_int_equal(answer_to(rig, 1), STORE_DUPLICATE);
    push_signup(rig, &(struct ask_head){.sequence = 2, .repeat = 1}, 2);
    assert_int_equal(answer_to(rig, 2), STORE_OK);
}

static void test_the_answers_of_a_dead_worker_are_forgotten_and_its_seat_closed(void **state)
{
    struct rig *rig = *state;
    struct answer_head head;
    uint64_t incarnation = seat_look(rig->segment, rig->slot).incarnation;

    push_signup(rig, &(struct ask_head){.sequence = 1}, 1);
    assert_int_equal(answer_to(rig, 1), STORE_OK);
    seat_bury(rig->segment, rig->slot);
    push_signup(rig, &(struct ask_head){.sequence = 2}, 2); /* what was left in its lane */
    seat_close(rig->segment, rig->slot, seat_look(rig->segment, rig->slot).generation,
               SEAT_CLOSED_BY_MAILER);
    for (int i = 0; !seat_recycle(rig->segment, rig->slot); i++) {
        assert_true(i < 5000);
        usleep(1000);
    }
    assert_true(seat_take_worker(rig->segment, &rig->slot));
    assert_true(seat_look(rig->segment, rig->slot).incarnation != incarnation);
    assert_false(next_answer(rig, 50, &head));
    push_signup(rig, &(struct ask_head){.sequence = 1, .repeat = 1}, 3);
    assert_int_equal(answer_to(rig, 1), STORE_OK);
}

static void test_asks_for_another_store_are_dropped_without_a_word(void **state)
{
    struct rig *rig = *state;
    struct answer_head head;

    push_signup(rig, &(struct ask_head){.epoch = 77, .sequence = 1}, 1);
    push_signup(rig, &(struct ask_head){.sequence = 2}, 2);
    assert_int_equal(answer_to(rig, 2), STORE_OK);
    assert_false(next_answer(rig, 20, &head));
    assert_int_equal(board_get(rig->segment, BOARD_USERS), 1);
}

static void test_a_write_that_was_in_work_at_two_deaths_is_not_tried_again(void **state)
{
    struct rig *rig = *state;
    uint64_t incarnation = seat_look(rig->segment, rig->slot).incarnation;

    for (int deaths = 1; deaths <= 2; deaths++) {
        board_set(rig->segment, BOARD_WORK_SEQUENCE, 7);
        board_set(rig->segment, BOARD_WORK_INCARNATION, incarnation);
        rig_start(rig, NULL);
        assert_int_equal(board_get(rig->segment, BOARD_SUSPECT_SEQUENCE), 7);
        assert_int_equal(board_get(rig->segment, BOARD_SUSPECT_DEATHS), deaths);
        assert_int_equal(board_get(rig->segment, BOARD_WORK_INCARNATION), 0);
        if (deaths == 2)
            break;
        rig_kill(rig);
    }
    push_signup(rig, &(struct ask_head){.sequence = 7, .repeat = 1}, 1);
    assert_int_equal(answer_to(rig, 7), STORE_POISON);
    push_signup(rig, &(struct ask_head){.sequence = 8, .repeat = 1}, 2);
    assert_int_equal(answer_to(rig, 8), STORE_OK);
    assert_int_equal(board_get(rig->segment, BOARD_USERS), 1);
}

/* ---- mad askers ---------------------------------------------------------------------------------
 */

static unsigned broken_reports(struct rig *rig)
{
    struct proc_message message;
    unsigned count = 0;
    bool gone;

    while (proc_receive_from_child(rig->control_fd, &message, &gone)) {
        if (message.kind == MESSAGE_SEAT_BROKEN) {
            assert_int_equal(message.slot, rig->slot);
            count++;
        }
    }
    return count;
}

static void test_nonsense_is_refused_and_reported_once(void **state)
{
    struct rig *rig = *state;
    struct lane lane = lane_open(rig->segment, rig->slot, LANE_ASK);

    assert_true(lane_push(&lane, "x", 1));
    push_ask(rig, &(struct ask_head){.sequence = 1}, (enum store_request)99, SLICE_LITERAL(""));
    assert_int_equal(answer_to(rig, 1), STORE_REFUSED);
    push_ask(rig, &(struct ask_head){.sequence = 2}, STORE_CREDENTIALS, SLICE_LITERAL("x"));
    assert_int_equal(answer_to(rig, 2), STORE_REFUSED);
    push_ask(rig, &(struct ask_head){.sequence = 0}, STORE_PING, SLICE_LITERAL("12345678"));
    assert_int_equal(answer_to(rig, 0), STORE_REFUSED);
    push_signup(rig, &(struct ask_head){.sequence = 3}, 1);
    assert_int_equal(answer_to(rig, 3), STORE_OK);
    assert_int_equal(broken_reports(rig), 1);
}

/* An ask that the store would carry out for the admin process. */
static void push_list(struct rig *rig, uint64_t sequence)
{
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    admin_list_ask_pack(&packer, &(struct admin_list_ask){.rows_max = 10});
    push_ask(rig, &(struct ask_head){.sequence = sequence}, STORE_ADMIN_LIST,
             packer_slice(&packer));
}

static void push_trail(struct rig *rig, uint64_t sequence, bool by_user)
{
    uint8_t bytes[512];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    audit_page_ask_pack(&packer, &(struct audit_page_ask){.rows_max = 10,
                                                          .by_user = by_user,
                                                          .user_id = rig_person(1).user_id});
    push_ask(rig, &(struct ask_head){.sequence = sequence}, STORE_AUDIT_PAGE,
             packer_slice(&packer));
}

static void take_seat(struct rig *rig, uint8_t roles)
{
    seat_bury(rig->segment, rig->slot);
    seat_close(rig->segment, rig->slot, seat_look(rig->segment, rig->slot).generation,
               SEAT_CLOSED_BY_MAILER);
    for (int i = 0; !seat_recycle(rig->segment, rig->slot); i++) {
        assert_true(i < 5000);
        usleep(1000);
    }
    assert_true(seat_take(rig->segment, roles, &rig->slot));
}

static void test_a_worker_is_not_told_what_is_for_the_admin_process(void **state)
{
    static const uint8_t first_page[8 + UUID_BYTES + 8];
    struct rig *rig = *state;

    take_seat(rig, SEAT_WORKER);
    push_list(rig, 1);
    assert_int_equal(answer_to(rig, 1), STORE_REFUSED);
    assert_int_equal(broken_reports(rig), 1);
    push_ask(rig, &(struct ask_head){.sequence = 2}, STORE_OUTBOX_PAGE,
             slice_of(first_page, sizeof(first_page)));
    assert_int_equal(answer_to(rig, 2), STORE_REFUSED);
    push_signup(rig, &(struct ask_head){.sequence = 3}, 1);
    assert_int_equal(answer_to(rig, 3), STORE_OK);

    take_seat(rig, SEAT_ADMIN);
    push_list(rig, 1);
    assert_int_equal(answer_to(rig, 1), STORE_OK);
    assert_int_equal(broken_reports(rig), 0);
    push_signup(rig, &(struct ask_head){.sequence = 2}, 2);
    assert_int_equal(answer_to(rig, 2), STORE_REFUSED);
    assert_int_equal(broken_reports(rig), 1);
    assert_int_equal(board_get(rig->segment, BOARD_USERS), 1);
}

static void test_a_worker_reads_the_trail_of_one_account_alone(void **state)
{
    struct rig *rig = *state;

    take_seat(rig, SEAT_WORKER);
    push_trail(rig, 1, true);
    assert_int_equal(answer_to(rig, 1), STORE_OK);
    assert_int_equal(broken_reports(rig), 0);
    push_trail(rig, 2, false);
    assert_int_equal(answer_to(rig, 2), STORE_REFUSED);
    assert_int_equal(broken_reports(rig), 1);
    take_seat(rig, SEAT_ADMIN);
    push_trail(rig, 1, false);
    assert_int_equal(answer_to(rig, 1), STORE_OK);
}

static void test_answers_that_nobody_reads_wait_and_stop_that_lane(void **state)
{
    struct rig *rig = *state;
    struct answer_head head;
    uint8_t bytes[2048];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_answer answer;
    uint64_t asked = 0;
    uint64_t answered = 1;

    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    credentials_ask_pack(&packer,
                         &(struct credentials_ask){.username_key = SLICE_LITERAL("person1")});
    for (asked = 2; asked < 1500; asked++) {
        push_ask(rig, &(struct ask_head){.sequence = asked}, STORE_CREDENTIALS,
                 packer_slice(&packer));
        usleep(asked % 10 == 0 ? 1000 : 0);
    }
    for (; answered + 1 < asked && next_answer(rig, 1000, &head); answered++) {
        assert_int_equal(head.sequence, answered + 1);
        assert_int_equal(head.status, STORE_OK);
    }
    assert_int_equal(answered + 1, asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_signup_is_there_for_the_login, start, end),
        cmocka_unit_test_setup_teardown(test_a_store_that_stops_leaves_everything_behind, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_refused_write_leaves_its_neighbours_whole, start,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_a_repeat_gets_the_stored_answer_until_it_is_acknowledged, start, end),
        cmocka_unit_test_setup_teardown(
            test_the_answers_of_a_dead_worker_are_forgotten_and_its_seat_closed, start, end),
        cmocka_unit_test_setup_teardown(test_asks_for_another_store_are_dropped_without_a_word,
                                        start, end),
        cmocka_unit_test_setup_teardown(
            test_a_write_that_was_in_work_at_two_deaths_is_not_tried_again, make, end),
        cmocka_unit_test_setup_teardown(test_nonsense_is_refused_and_reported_once, start, end),
        cmocka_unit_test_setup_teardown(test_a_worker_is_not_told_what_is_for_the_admin_process,
                                        start, end),
        cmocka_unit_test_setup_teardown(test_a_worker_reads_the_trail_of_one_account_alone, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_answers_that_nobody_reads_wait_and_stop_that_lane,
                                        start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

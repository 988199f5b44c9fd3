/* Letters as an operator sees and changes them. */
#include "mail_desk.h"

static struct slice filter_packed(const struct letter_filter *filter, uint8_t bytes[600])
{
    struct packer packer = packer_over(bytes, 600);

    letter_filter_pack(&packer, filter);
    assert_false(packer.overflow);
    return packer_slice(&packer);
}

struct page {
    size_t count;
    bool more;
    struct uuid next;
    struct letter_item last;
};

static struct page list_behind(struct desk *desk, const struct letter_filter *filter,
                               const struct uuid *after, uint32_t rows_max)
{
    struct packer packer = asking(desk);
    uint8_t bytes[600];
    struct mail_list_answer answer;
    struct page page = {.count = 0};

    mail_list_ask_pack(&packer, &(struct mail_list_ask){.filter = filter_packed(filter, bytes),
                                                        .after = *after,
                                                        .rows_max = rows_max});
    assert_int_equal(carry_out(desk, STORE_MAIL_LIST, &packer), STORE_OK);
    assert_true(mail_list_answer_unpack(answered(desk), &answer));
    struct unpacker rows = unpacker_over(answer.rows);
    for (; rows.len > 0; page.count++)
        assert_true(letter_item_unpack(unpack_slice(&rows, UINT16_MAX), &page.last));
    page.more = answer.more != 0;
    page.next = answer.next;
    return page;
}

static struct page list(struct desk *desk, struct letter_filter filter)
{
    return list_behind(desk, &filter, &(struct uuid){{0}}, 100);
}

static enum store_status change_letters(struct desk *desk, enum letter_change change,
                                        const struct uuid *job_id, struct letter_filter filter,
                                        struct mail_change_answer *answer_out)
{
    struct packer packer = asking(desk);
    uint8_t bytes[600];

    mail_change_ask_pack(&packer, &(struct mail_change_ask){.change = (uint8_t)change,
                                                            .job_id = *job_id,
                                                            .filter = filter_packed(&filter, bytes),
                                                            .peer = SLICE_LITERAL("unix"),
                                                            .now = desk->now});
    const enum store_status status = carry_out(desk, STORE_MAIL_CHANGE, &packer);
    if (status == STORE_OK)
        assert_true(mail_change_answer_unpack(answered(desk), answer_out));
    return status;
}

static enum store_status change_one(struct desk *desk, enum letter_change change, uint64_t number)
{
    struct mail_change_answer answer;
    const struct uuid job_id = rig_person(number).job_id;

    return change_letters(desk, change, &job_id, (struct letter_filter){0}, &answer);
}

static void test_a_filter_leaves_out_what_is_not_meant(void **state)
{
    struct desk *desk = *state;
    const struct {
        struct letter_filter filter;
        size_t count;
    } cases[] = {
        {{0}, 3},
        {{.states = 1U << LETTER_SENT}, 1},
        {{.states = 1U << LETTER_SENT | 1U << LETTER_DEAD}, 2},
        {{.purpose = MAIL_VERIFY}, 3},
        {{.purpose = MAIL_ACCOUNT_DELETED}, 0},
        {{.email_key = SLICE_LITERAL("person2@example.com")}, 1},
        {{.email_key = SLICE_LITERAL("person@example.com")}, 0},
        {{.domain = SLICE_LITERAL("example.com")}, 3},
        {{.domain = SLICE_LITERAL("xample.com")}, 0},
        {{.domain = SLICE_LITERAL("com")}, 0},
        {{.since = RIG_NOW}, 3},
        {{.since = RIG_NOW + 1}, 0},
        {{.due = RIG_NOW + 1000}, 0},
        {{.due = RIG_NOW + 1001}, 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct page page = list(desk, cases[i].filter);
        if (page.count != cases[i].count || page.more)
            fail_msg("case %zu: %zu letters", i, page.count);
    }
}

static void test_a_long_list_comes_in_pages_and_each_letter_once(void **state)
{
    struct desk *desk = *state;
    struct letter_filter filter = {0};
    struct uuid after = {{0}};
    size_t total = 0;
    struct page page = {.more = true};

    for (uint64_t i = 10; i < 610; i++)
        assert_int_equal(sign_up(desk, i), STORE_OK);
    while (page.more) {
        page = list_behind(desk, &filter, &after, 70);
        assert_true(page.count <= 70);
        total += page.count;
        after = page.next;
    }
    assert_int_equal(total, 603);
    filter.email_key = SLICE_LITERAL("person10@example.com");
    assert_int_equal(list_behind(desk, &filter, &(struct uuid){{0}}, 70).count, 1);
}

static void test_what_is_shown_of_a_sent_letter_has_no_name_and_no_proof(void **state)
{
    struct desk *desk = *state;
    struct packer packer = asking(desk);
    struct mail_show_answer shown;
    struct letter_item item;
    struct row storage;
    struct mail_job job;

    mail_show_ask_pack(&packer, &(struct mail_show_ask){.job_id = rig_person(3).job_id});
    assert_int_equal(carry_out(desk, STORE_MAIL_SHOW, &packer), STORE_OK);
    assert_true(mail_show_answer_unpack(answered(desk), &shown));
    assert_true(letter_item_unpack(shown.item, &item));
    assert_int_equal(item.state, LETTER_SENT);
    assert_true(slice_equal(item.relay, SLICE_LITERAL("smtp2")));
    assert_true(slice_equal(item.reply, SLICE_LITERAL("250 yes")));
    assert_int_equal(item.ended, desk->now);
    struct letter_row letter = letter_there(desk, 3, &storage);
    assert_true(mail_job_unpack(letter.job, &job));
    assert_int_equal(job.username.len + job.language.len, 0);
    assert_true(uuid_equal(&job.proof_id, &(struct uuid){{0}}));
    assert_true(slice_equal(job.to, SLICE_LITERAL("person3@example.com")));
}

static void test_a_dead_letter_is_written_anew_as_far_as_its_age_goes(void **state)
{
    struct desk *desk = *state;
    const uint64_t orders = desk->env.mail_orders;
    struct row storage;
    struct mail_job job;

    desk->now += 1000000;
    assert_int_equal(change_one(desk, LETTER_CHANGE_RETRY, 2), STORE_OK);
    struct letter_row letter = letter_there(desk, 2, &storage);
    assert_int_equal(letter.state, LETTER_PENDING);
    assert_int_equal(letter.due, desk->now);
    assert_int_equal(letter.tries, 1);
    assert_int_equal(letter.created, RIG_NOW);
    assert_int_equal(last_try(&letter).event, LETTER_RETRIED);
    assert_true(mail_job_unpack(letter.job, &job));
    assert_int_equal(job.created, desk->now);
    assert_int_equal(desk->env.tally.dead, 0);
    assert_int_equal(desk->env.tally.pending, 2);
    assert_int_equal(desk->env.mail_orders, orders + 1);
}

static void test_a_letter_that_waits_is_due_at_once(void **state)
{
    struct desk *desk = *state;
    struct row storage;

    assert_int_equal(change_one(desk, LETTER_CHANGE_RETRY, 1), STORE_OK);
    assert_int_equal(letter_there(desk, 1, &storage).due, desk->now);
    assert_int_equal(list(desk, (struct letter_filter){.due = desk->now + 1}).count, 1);
    assert_int_equal(desk->env.tally.pending, 1);
}

static void test_what_was_sent_is_neither_retried_nor_cancelled(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(change_one(desk, LETTER_CHANGE_RETRY, 3), STORE_SPENT);
    assert_int_equal(change_one(desk, LETTER_CHANGE_CANCEL, 3), STORE_SPENT);
    assert_int_equal(change_one(desk, LETTER_CHANGE_CANCEL, 4), STORE_NOT_FOUND);
    assert_int_equal(desk->env.tally.sent, 1);
}

static void test_a_letter_to_a_suppressed_address_is_not_retried(void **state)
{
    struct desk *desk = *state;
    struct mail_change_answer answer;

    assert_int_equal(report(desk, 2, BOUNCE_HARD, "", BOUNCED), STORE_OK);
    assert_int_equal(change_one(desk, LETTER_CHANGE_RETRY, 2), STORE_DUPLICATE);
    assert_int_equal(change_letters(desk, LETTER_CHANGE_RETRY, &(struct uuid){{0}},
                                    (struct letter_filter){.states = 1U << LETTER_DEAD}, &answer),
                     STORE_OK);
    assert_int_equal(answer.changed, 0);
    assert_int_equal(answer.left, 1);
    assert_false(desk->call.changed);
}

static void test_a_cancelled_letter_leaves_nothing(void **state)
{
    struct desk *desk = *state;
    struct mail_change_answer answer;

    assert_int_equal(
        change_letters(desk, LETTER_CHANGE_CANCEL, &(struct uuid){{0}},
                       (struct letter_filter){.states = 1U << LETTER_DEAD | 1U << LETTER_PENDING},
                       &answer),
        STORE_OK);
    assert_int_equal(answer.changed, 2);
    assert_false(answer.more);
    assert_false(answer.under_way); /* its time had not come */
    assert_int_equal(list(desk, (struct letter_filter){0}).count, 1);
    assert_int_equal(desk->env.tally.pending + desk->env.tally.dead, 0);
    assert_int_equal(
        list(desk, (struct letter_filter){.email_key = SLICE_LITERAL("person1@example.com")}).count,
        0);
}

static void test_a_letter_whose_time_had_come_may_be_under_way(void **state)
{
    struct desk *desk = *state;
    struct mail_change_answer answer;
    const struct uuid job_id = rig_person(5).job_id;

    assert_int_equal(sign_up(desk, 5), STORE_OK);
    assert_int_equal(
        change_letters(desk, LETTER_CHANGE_CANCEL, &job_id, (struct letter_filter){0}, &answer),
        STORE_OK);
    assert_true(answer.under_way);
}

static void test_many_are_changed_stretch_by_stretch(void **state)
{
    struct desk *desk = *state;
    struct mail_change_answer answer = {.more = 1};
    uint8_t bytes[600];
    const struct letter_filter filter = {.states = 1U << LETTER_PENDING};
    uint32_t changed = 0;
    size_t calls = 0;

    for (uint64_t i = 10; i < 610; i++)
        assert_int_equal(sign_up(desk, i), STORE_OK);
    for (; answer.more; calls++) {
        struct packer packer = asking(desk);
        mail_change_ask_pack(&packer,
                             &(struct mail_change_ask){.change = LETTER_CHANGE_DRAIN,
                                                       .filter = filter_packed(&filter, bytes),
                                                       .after = answer.next,
                                                       .now = desk->now});
        assert_int_equal(carry_out(desk, STORE_MAIL_CHANGE, &packer), STORE_OK);
        assert_true(mail_change_answer_unpack(answered(desk), &answer));
        changed += answer.changed;
    }
    assert_int_equal(changed, 601);
    assert_true(calls > 2);
    assert_int_equal(
        list(desk, (struct letter_filter){.states = 1U << LETTER_PENDING, .due = desk->now + 1})
            .more,
        true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_with_three, end)
        TEST(test_a_filter_leaves_out_what_is_not_meant),
        TEST(test_a_long_list_comes_in_pages_and_each_letter_once),
        TEST(test_what_is_shown_of_a_sent_letter_has_no_name_and_no_proof),
        TEST(test_a_dead_letter_is_written_anew_as_far_as_its_age_goes),
        TEST(test_a_letter_that_waits_is_due_at_once),
        TEST(test_what_was_sent_is_neither_retried_nor_cancelled),
        TEST(test_a_letter_to_a_suppressed_address_is_not_retried),
        TEST(test_a_cancelled_letter_leaves_nothing),
        TEST(test_a_letter_whose_time_had_come_may_be_under_way),
        TEST(test_many_are_changed_stretch_by_stretch),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

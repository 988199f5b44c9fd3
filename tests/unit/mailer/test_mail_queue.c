/* The queue: urgency, domains in turn, their limits and circuits; on a clock of its own. */
#include "queue_table.h"

#include "mailer/urgency.h"

/* ---- urgency ------------------------------------------------------------------------------------
 */

static void test_every_purpose_has_its_lane(void **state)
{
    (void)state;
    assert_int_equal(urgency_of(MAIL_RESET_PASSWORD), URGENCY_HIGH);
    assert_int_equal(urgency_of(MAIL_VERIFY), URGENCY_LINK);
    assert_int_equal(urgency_of(MAIL_CHANGE_EMAIL), URGENCY_LINK);
    for (unsigned purpose = MAIL_EMAIL_CHANGE_ASKED; purpose <= MAIL_ACCOUNT_DELETED; purpose++)
        assert_int_equal(urgency_of((uint8_t)purpose), URGENCY_NOTICE);
    assert_int_equal(urgency_of(0), URGENCY_NOTICE);
    assert_int_equal(urgency_of(255), URGENCY_NOTICE);
}

static void test_no_lane_starves(void **state)
{
    struct urgency_turns turns = {{0}};
    unsigned counts[URGENCIES] = {0}, since[URGENCIES] = {0}, above = 0;

    (void)state;
    for (int i = 0; i < 16000; i++) {
        enum urgency chosen = urgency_choose(&turns, 7);
        counts[chosen]++;
        above = chosen == URGENCY_HIGH ? above + 1 : 0;
        assert_true(above <= URGENCY_PASSED_MAX);
        for (int j = 0; j < URGENCIES; j++)
            since[j] = j == (int)chosen ? 0 : since[j] + 1;
        assert_true(since[URGENCY_LINK] <= 2 * (URGENCY_PASSED_MAX + 1));
        assert_true(since[URGENCY_NOTICE] <= 2 * (URGENCY_PASSED_MAX + 1));
    }
    assert_true(counts[URGENCY_HIGH] >= 16000 * 13 / 16);
    assert_int_equal(urgency_choose(&turns, 4), URGENCY_NOTICE);
    assert_int_equal(urgency_choose(&turns, 6), URGENCY_LINK);
}

static void test_the_urgent_goes_first_whenever_it_came(void **state)
{
    struct table table = open_table(limits_of(64));

    (void)state;
    struct delivery *notice = add_as(&table, MAIL_PASSWORD_CHANGED, "a.example", true);
    struct delivery *verify = add_as(&table, MAIL_VERIFY, "a.example", true);
    struct delivery *reset = add_as(&table, MAIL_RESET_PASSWORD, "b.example", true);
    assert_ptr_equal(take(&table), reset);
    assert_ptr_equal(take(&table), verify);
    assert_ptr_equal(take(&table), notice);
    assert_null(take(&table));
    close_table(&table);
}

/* ---- domains ------------------------------------------------------------------------------------
 */

static void test_domains_take_turns(void **state)
{
    struct table table = open_table(limits_of(64));
    unsigned big = 0;

    (void)state;
    for (int i = 0; i < 5000; i++)
        (void)add(&table, "big.example");
    (void)add(&table, "small.example");
    for (;; big++) {
        struct delivery *delivery = take(&table);
        assert_non_null(delivery);
        bool is_small = strcmp(domain_of(delivery), "small.example") == 0;
        (void)end(&table, delivery, DOMAIN_WORKS);
        if (is_small)
            break;
    }
    assert_true(big <= 2);
    close_table(&table);
}

static void test_one_domain_alone_may_have_every_lane_and_beside_others_not(void **state)
{
    struct table table = open_table(limits_of(4));
    unsigned under_way = 0;

    (void)state;
    prove(&table, "a.example");
    for (int i = 0; i < 10; i++)
        (void)add(&table, "a.example");
    while (take(&table) != NULL)
        under_way++;
    assert_int_equal(under_way, 4);
    close_table(&table);

    table = open_table(limits_of(4));
    prove(&table, "a.example");
    prove(&table, "b.example");
    for (int i = 0; i < 10; i++)
        (void)add(&table, "a.example");
    for (under_way = 0; take(&table) != NULL; under_way++)
        continue;
    assert_int_equal(under_way, 3);
    struct delivery *other = add(&table, "b.example");
    assert_ptr_equal(take(&table), other);
    close_table(&table);
}

/* Whoever signs up with addresses of tarpits must not get all the lanes. */
static void test_domains_that_have_not_worked_leave_a_lane_to_those_that_have(void **state)
{
    struct table table = open_table(limits_of(4));
    unsigned swallowed = 0;
    char name[32];

    (void)state;
    prove(&table, "good.example");
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "tarpit%u.example", i);
        (void)add(&table, name);
        (void)add(&table, name);
    }
    while (take(&table) != NULL)
        swallowed++;
    assert_int_equal(swallowed, 3);
    struct delivery *good = add(&table, "good.example");
    assert_ptr_equal(take(&table), good);
    close_table(&table);
}

static void test_a_domains_connections_are_bounded(void **state)
{
    struct mail_queue_limits limits = limits_of(64);
    unsigned under_way = 0;

    (void)state;
    limits.domain_connections = 5;
    struct table table = open_table(limits);
    prove(&table, "a.example");
    for (int i = 0; i < 100; i++)
        (void)add(&table, "a.example");
    while (take(&table) != NULL)
        under_way++;
    assert_int_equal(under_way, 5);
    close_table(&table);
}

static void test_a_domains_rate_is_held_and_the_others_go_on(void **state)
{
    struct mail_queue_limits limits = limits_of(64);
    unsigned slow = 0;

    (void)state;
    limits.domain_rate = (struct config_rate){10, 1};
    struct table table = open_table(limits);
    for (int i = 0; i < 1000; i++)
        (void)add(&table, "slow.example");
    for (mono_ns end_at = table.now + 4 * NS_PER_S; table.now < end_at; table.now += NS_PER_MS) {
        struct delivery *delivery;
        while ((delivery = take(&table)) != NULL) {
            slow++;
            (void)end(&table, delivery, DOMAIN_WORKS);
        }
        assert_true(mail_queue_next_at(table.queue) <= table.now + NS_PER_S / 10);
    }
    assert_in_range(slow, 40, 51);
    struct delivery *other = add(&table, "other.example");
    assert_ptr_equal(take(&table), other);
    close_table(&table);
}

static void test_a_domain_that_defers_is_left_in_peace_alone(void **state)
{
    struct table table = open_table(limits_of(4));
    bool paused = false;
    unsigned tries = 0;

    (void)state;
    for (int i = 0; i < 50; i++)
        (void)add(&table, "bad.example");
    for (; !paused; tries++) {
        struct delivery *delivery = take(&table);
        assert_non_null(delivery);
        paused = end(&table, delivery, DOMAIN_DEFERS);
    }
    assert_in_range(tries, 3, 6);
    assert_null(take(&table));
    mono_ns resumes = mail_queue_next_at(table.queue);
    assert_in_range(resumes - table.now, 7 * NS_PER_S, 13 * NS_PER_S);
    struct delivery *good = add(&table, "good.example");
    assert_ptr_equal(take(&table), good);

    table.now = resumes;
    assert_null(take(&table)); /* what waited longer than a few seconds is claimed first */
    struct delivery *probe = mail_queue_take_unclaimed(table.queue, table.now);
    assert_non_null(probe);
    mail_queue_claimed(table.queue, probe, CLAIM_GOOD, CLAIMED_MS, table.now);
    probe = take(&table);
    assert_non_null(probe);
    assert_null(take(&table)); /* one probe at a time */
    (void)end(&table, probe, DOMAIN_WORKS);
    probe = mail_queue_take_unclaimed(table.queue, table.now);
    mail_queue_claimed(table.queue, probe, CLAIM_GOOD, CLAIMED_MS, table.now);
    table.now += NS_PER_S / 10; /* it warms up */
    assert_ptr_equal(take(&table), probe);
    close_table(&table);
}

static void test_a_loss_breaks_a_domain_at_once(void **state)
{
    struct table table = open_table(limits_of(2)); /* begins with one */

    (void)state;
    (void)add(&table, "lost.example");
    assert_true(end(&table, take(&table), DOMAIN_LOST));
    (void)add(&table, "lost.example");
    assert_null(take(&table));
    close_table(&table);
}

static void test_a_domain_in_trouble_does_not_fill_the_hand(void **state)
{
    struct table table = open_table(limits_of(2));

    (void)state;
    (void)add(&table, "lost.example");
    for (int i = 0; i < MAIL_QUEUE_SHUNNED_MAX; i++)
        (void)add(&table, "lost.example");
    assert_false(mail_queue_shuns(table.queue, SLICE_LITERAL("x@lost.example")));
    assert_true(end(&table, take(&table), DOMAIN_LOST));
    assert_true(mail_queue_shuns(table.queue, SLICE_LITERAL("x@lost.example")));
    assert_false(mail_queue_shuns(table.queue, SLICE_LITERAL("x@good.example")));
    close_table(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_purpose_has_its_lane),
        cmocka_unit_test(test_no_lane_starves),
        cmocka_unit_test(test_the_urgent_goes_first_whenever_it_came),
        cmocka_unit_test(test_domains_take_turns),
        cmocka_unit_test(test_one_domain_alone_may_have_every_lane_and_beside_others_not),
        cmocka_unit_test(test_domains_that_have_not_worked_leave_a_lane_to_those_that_have),
        cmocka_unit_test(test_a_domains_connections_are_bounded),
        cmocka_unit_test(test_a_domains_rate_is_held_and_the_others_go_on),
        cmocka_unit_test(test_a_domain_that_defers_is_left_in_peace_alone),
        cmocka_unit_test(test_a_loss_breaks_a_domain_at_once),
        cmocka_unit_test(test_a_domain_in_trouble_does_not_fill_the_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

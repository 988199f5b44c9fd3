/* The queue: what is claimed before it is sent, and that nothing is lost in it. */
#include "queue_table.h"

/* ---- claims -------------------------------------------------------------------------------------
 */

static void test_what_is_not_fresh_is_claimed_before_it_is_sent(void **state)
{
    struct table table = open_table(limits_of(4));

    (void)state;
    struct delivery *swept = add_as(&table, MAIL_VERIFY, "a.example", false);
    assert_null(take(&table));
    assert_ptr_equal(mail_queue_take_unclaimed(table.queue, table.now), swept);
    assert_null(mail_queue_take_unclaimed(table.queue, table.now));
    assert_null(take(&table));
    mail_queue_claimed(table.queue, swept, CLAIM_AGAIN, CLAIMED_MS, table.now);
    assert_ptr_equal(mail_queue_take_unclaimed(table.queue, table.now), swept);
    mail_queue_claimed(table.queue, swept, CLAIM_GOOD, CLAIMED_MS, table.now);
    assert_ptr_equal(take(&table), swept);
    close_table(&table);
}

static void test_what_waited_is_claimed_and_a_claim_that_grew_old_again(void **state)
{
    struct table table = open_table(limits_of(4));

    (void)state;
    struct delivery *fresh = add(&table, "a.example");
    table.now += MAIL_QUEUE_CLAIM_S * NS_PER_S;
    assert_null(take(&table));
    assert_ptr_equal(mail_queue_take_unclaimed(table.queue, table.now), fresh);
    mail_queue_claimed(table.queue, fresh, CLAIM_GOOD, CLAIMED_MS, table.now);
    table.now += MAIL_QUEUE_CLAIMED_S * NS_PER_S;
    assert_null(take(&table));
    assert_ptr_equal(mail_queue_take_unclaimed(table.queue, table.now), fresh);
    mail_queue_claimed(table.queue, fresh, CLAIM_GOOD, CLAIMED_MS, table.now);
    table.now += MAIL_QUEUE_CLAIMED_S * NS_PER_S - 1;
    assert_ptr_equal(take(&table), fresh);
    close_table(&table);
}

static void test_after_a_doubt_nothing_goes_that_was_not_claimed_since(void **state)
{
    struct table table = open_table(limits_of(4));

    (void)state;
    struct delivery *fresh = add(&table, "a.example");
    struct delivery *swept = add_as(&table, MAIL_VERIFY, "b.example", false);
    assert_ptr_equal(mail_queue_take_unclaimed(table.queue, table.now), swept);
    mail_queue_doubt(table.queue);
    mail_queue_claimed(table.queue, swept, CLAIM_GOOD, CLAIMED_MS, table.now);
    assert_null(take(&table));
    for (int i = 0; i < 2; i++) {
        struct delivery *claimed = mail_queue_take_unclaimed(table.queue, table.now);
        assert_true(claimed == fresh || claimed == swept);
        mail_queue_claimed(table.queue, claimed, CLAIM_GOOD, CLAIMED_MS, table.now);
    }
    assert_non_null(take(&table));
    assert_non_null(take(&table));
    close_table(&table);
}

static void test_few_letters_are_claimed_ahead_and_the_urgent_first(void **state)
{
    struct table table = open_table(limits_of(4));
    unsigned claimed = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        (void)add_as(&table, MAIL_VERIFY, "a.example", false);
    struct delivery *reset = add_as(&table, MAIL_RESET_PASSWORD, "a.example", false);
    assert_ptr_equal(mail_queue_take_unclaimed(table.queue, table.now), reset);
    while (mail_queue_take_unclaimed(table.queue, table.now) != NULL)
        claimed++;
    assert_in_range(claimed, 2, 64);
    close_table(&table);
}

static void test_what_is_gone_is_no_longer_in_the_queue(void **state)
{
    struct table table = open_table(limits_of(4));

    (void)state;
    struct delivery *gone = add_as(&table, MAIL_VERIFY, "a.example", false);
    assert_ptr_equal(mail_queue_take_unclaimed(table.queue, table.now), gone);
    mail_queue_claimed(table.queue, gone, CLAIM_GONE, CLAIMED_MS, table.now);
    hand_release(&gone, 0);
    struct delivery *removed = add(&table, "a.example");
    mail_queue_remove(table.queue, removed, table.now);
    hand_release(&removed, 0);
    assert_null(take(&table));
    assert_null(mail_queue_take_unclaimed(table.queue, table.now));
    close_table(&table);
}

static void test_a_stale_connection_costs_a_letter_not_its_turn(void **state)
{
    struct table table = open_table(limits_of(4));

    (void)state;
    struct delivery *first = add(&table, "a.example");
    (void)add(&table, "a.example");
    assert_ptr_equal(take(&table), first);
    (void)mail_queue_end(table.queue, first, DOMAIN_UNTOUCHED, table.now, 0);
    hand_move(first, DELIVERY_WAITING);
    mail_queue_put_back(table.queue, first, true, table.now);
    assert_ptr_equal(take(&table), first);
    close_table(&table);
}

/* ---- many ---------------------------------------------------------------------------------------
 */

static void test_memory_of_domains_is_bounded_and_time_forgets_them(void **state)
{
    struct table table = open_table(limits_of(4));
    char name[64];

    (void)state;
    for (unsigned i = 0; i < 30000; i++) {
        snprintf(name, sizeof(name), "d%u.example", i);
        (void)add(&table, name);
        (void)end(&table, take(&table), DOMAIN_WORKS);
        assert_true(mail_queue_domain_count(table.queue) <= 4096 + 1);
    }
    for (int i = 0; i < 100; i++) {
        table.now += 1000 * NS_PER_S;
        assert_null(take(&table));
    }
    assert_int_equal(mail_queue_domain_count(table.queue), 0);
    close_table(&table);
}

/* Whatever happens to them, every letter comes out once, and no count is left behind. */
static void test_any_order_of_events_loses_no_letter(void **state)
{
    struct mail_queue_limits limits = limits_of(6);
    struct delivery *under_way[64], *claiming[64];
    size_t sending = 0, asked = 0, left = 2000;
    uint64_t random = 88172645463325252ULL;
    char name[32];

    (void)state;
    limits.domain_rate = (struct config_rate){100, 1};
    struct table table = open_table(limits);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "d%u.example", i % 37);
        (void)add_as(&table, (enum mail_purpose)(1 + i % 9), name, i % 3 == 0);
    }
    for (unsigned steps = 0; left > 0; steps++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        assert_true(steps < 3000000);
        table.now += random % (NS_PER_S / 4);
        struct delivery *taken;
        if (sending < 6 && (taken = take(&table)) != NULL)
            under_way[sending++] = taken;
        if (asked < 64 && (taken = mail_queue_take_unclaimed(table.queue, table.now)) != NULL)
            claiming[asked++] = taken;
        if (asked > 0 && random % 3 == 0) {
            struct delivery *answered = claiming[--asked];
            enum mail_queue_claim claim = random % 2 == 0 ? CLAIM_AGAIN : CLAIM_GOOD;
            if (random / 256 % 8 == 0)
                claim = CLAIM_GONE;
            mail_queue_claimed(table.queue, answered, claim, CLAIMED_MS, table.now);
            if (claim == CLAIM_GONE) {
                hand_release(&answered, 0);
                left--;
            }
        }
        if (sending > 0 && random % 5 < 2) {
            struct delivery *ended = under_way[--sending];
            enum domain_word word = (enum domain_word)((random >> 16) % 4);
            (void)mail_queue_end(table.queue, ended, word, table.now, (uint32_t)random);
            if (word == DOMAIN_UNTOUCHED) {
                hand_move(ended, DELIVERY_WAITING);
                mail_queue_put_back(table.queue, ended, random % 2 == 0, table.now);
            } else {
                hand_release(&ended, 0);
                left--;
            }
        }
    }
    assert_int_equal(hand_count(table.hand), 0);
    table.now += 10000 * NS_PER_S;
    assert_null(take(&table));
    assert_int_equal(mail_queue_next_at(table.queue), UINT64_MAX);
    close_table(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_fresh_is_claimed_before_it_is_sent),
        cmocka_unit_test(test_what_waited_is_claimed_and_a_claim_that_grew_old_again),
        cmocka_unit_test(test_after_a_doubt_nothing_goes_that_was_not_claimed_since),
        cmocka_unit_test(test_few_letters_are_claimed_ahead_and_the_urgent_first),
        cmocka_unit_test(test_what_is_gone_is_no_longer_in_the_queue),
        cmocka_unit_test(test_a_stale_connection_costs_a_letter_not_its_turn),
        cmocka_unit_test(test_memory_of_domains_is_bounded_and_time_forgets_them),
        cmocka_unit_test(test_any_order_of_events_loses_no_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

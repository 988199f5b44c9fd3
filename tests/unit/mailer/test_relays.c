/* Relays: circuits, paces, and who gets the next letter; on a clock of its own. */
#include "mailer/relays.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct config_rate no_rate = {.count = 0, .period_s = 1};

/* ---- circuit ------------------------------------------------------------------------------------
 */

static void test_trouble_halves_what_is_allowed_and_then_pauses(void **state)
{
    struct circuit circuit;

    (void)state;
    circuit_init(&circuit, 4, 4, 10, 900);
    assert_int_equal(circuit_room(&circuit, 0, 0), 4);
    assert_false(circuit_on_trouble(&circuit, 0, 0));
    assert_int_equal(circuit_room(&circuit, 0, 0), 2);
    assert_int_equal(circuit_room(&circuit, 2, 0), 0);
    assert_false(circuit_on_trouble(&circuit, 0, 0));
    assert_int_equal(circuit_room(&circuit, 0, 0), 1);
    assert_true(circuit_on_trouble(&circuit, 0, 0));
    assert_int_equal(circuit_room(&circuit, 0, 7499 * NS_PER_MS), 0);
    assert_int_equal(circuit_room(&circuit, 0, 7500 * NS_PER_MS), 1);
    assert_int_equal(circuit_room(&circuit, 1, 7500 * NS_PER_MS), 0);
}

static void test_attempts_that_began_before_the_pause_do_not_prolong_it(void **state)
{
    struct circuit circuit;

    (void)state;
    circuit_init(&circuit, 1, 1, 10, 900);
    assert_true(circuit_on_trouble(&circuit, 1, 0));
    mono_ns resume_at = circuit.resume_at;
    assert_false(circuit_on_trouble(&circuit, 2, 0xffff));
    assert_int_equal(circuit.resume_at, resume_at);
}

static void test_the_pause_grows_to_a_minute_and_no_further(void **state)
{
    struct circuit circuit;
    mono_ns now = 1;

    (void)state;
    circuit_init(&circuit, 1, 1, 10, 900);
    for (int i = 0; i < 50; i++) {
        assert_true(circuit_on_trouble(&circuit, now, 0xffff));
        assert_true(circuit.resume_at - now <= CIRCUIT_PAUSE_MAX_S * 1250 * NS_PER_MS);
        now = circuit.resume_at;
    }
    circuit_init(&circuit, 1, 1, 1, 2);
    for (int i = 0; i < 5; i++) {
        assert_true(circuit_on_trouble(&circuit, now, 0xffff));
        assert_true(circuit.resume_at - now <= 2500 * NS_PER_MS);
        now = circuit.resume_at;
    }
}

static void test_what_works_again_is_trusted_step_by_step(void **state)
{
    struct circuit circuit;

    (void)state;
    circuit_init(&circuit, 4, 4, 10, 900);
    while (!circuit_on_trouble(&circuit, 5, 0))
        continue;
    assert_true(circuit_is_broken(&circuit));
    assert_int_equal(circuit_on_success(&circuit, 8), 3);
    assert_int_equal(circuit_room(&circuit, 0, 8), 2);
    assert_int_equal(circuit_on_success(&circuit, 9), 0);
    assert_int_equal(circuit_room(&circuit, 0, 9), 2); /* as many as are allowed make one more */
    (void)circuit_on_success(&circuit, 9);
    assert_int_equal(circuit_room(&circuit, 0, 9), 3);
    for (int i = 0; i < 10; i++)
        (void)circuit_on_success(&circuit, 9);
    assert_int_equal(circuit_room(&circuit, 0, 9), 4);
}

/* ---- pace ---------------------------------------------------------------------------------------
 */

/* Sends whatever the pace lets through for so long; the clock moves a millisecond at a time. */
static unsigned sent_in(struct pace *pace, mono_ns from, mono_ns length)
{
    unsigned sent = 0;

    for (mono_ns now = from; now < from + length; now += NS_PER_MS) {
        while (sent < 100000 && pace_next_at(pace, now) <= now) {
            pace_take(pace, now);
            sent++;
        }
    }
    return sent;
}

static void test_a_rate_holds_over_any_time(void **state)
{
    static const struct config_rate rates[] = {{1, 1}, {10, 1}, {600, 60}, {1, 10}, {1000, 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        struct pace pace;
        double a_second = (double)rates[i].count / rates[i].period_s;
        double share = a_second > 1 ? a_second : 1;
        pace_init(&pace, rates[i]);
        unsigned sent = sent_in(&pace, 1000 * NS_PER_S, 30 * NS_PER_S);
        assert_true(sent <= 30 * a_second + share);
        assert_true(sent >= 30 * a_second - 1);
        /* an idle hour does not save up more than a second's share */
        sent = sent_in(&pace, 5000 * NS_PER_S, NS_PER_MS);
        assert_true(sent >= 1 && sent <= share + 1);
    }
}

static void test_a_rate_says_when_the_next_one_may_go(void **state)
{
    struct pace pace;
    mono_ns now = 1000 * NS_PER_S;

    (void)state;
    pace_init(&pace, (struct config_rate){1, 10});
    assert_true(pace_next_at(&pace, now) <= now);
    pace_take(&pace, now);
    assert_int_equal(pace_next_at(&pace, now), now + 10 * NS_PER_S);
    pace_init(&pace, no_rate);
    for (int i = 0; i < 1000; i++) {
        pace_take(&pace, now);
        assert_true(pace_next_at(&pace, now) <= now);
    }
}

static void test_after_an_outage_letters_come_slowly_and_then_freely(void **state)
{
    struct pace pace;
    mono_ns now = 1000 * NS_PER_S;
    unsigned before = 0;

    (void)state;
    pace_init(&pace, no_rate);
    pace_warm_up(&pace, now, 86400 * NS_PER_S);
    for (unsigned second = 1; second <= PACE_WARM_MAX_S; second++) {
        unsigned sent = sent_in(&pace, now, NS_PER_S);
        assert_in_range(sent, PACE_WARM_RATE * second * 8 / 10, PACE_WARM_RATE * second + 200);
        assert_true(sent >= before);
        before = sent;
        now += NS_PER_S;
    }
    assert_int_equal(sent_in(&pace, now, NS_PER_MS), 100000);
}

static void test_a_warm_up_is_as_long_as_its_outage_and_never_above_the_rate(void **state)
{
    struct pace pace;
    mono_ns now = 1000 * NS_PER_S;

    (void)state;
    pace_init(&pace, no_rate);
    pace_warm_up(&pace, now, 2 * NS_PER_S);
    (void)sent_in(&pace, now, 2 * NS_PER_S);
    assert_int_equal(sent_in(&pace, now + 2 * NS_PER_S, NS_PER_MS), 100000);

    pace_init(&pace, (struct config_rate){5, 1});
    pace_warm_up(&pace, now, 60 * NS_PER_S);
    assert_in_range(sent_in(&pace, now, 60 * NS_PER_S), 295, 306);
}

/* ---- choice -------------------------------------------------------------------------------------
 */

static struct relays two(unsigned order, unsigned other_order, unsigned weight,
                         unsigned other_weight)
{
    struct relays relays = {0};

    relays_add(&relays, "smtp", 4, order, weight, no_rate, 10, 900);
    relays_add(&relays, "smtp2", 4, other_order, other_weight, no_rate, 10, 900);
    return relays;
}

static void break_it(struct relay *relay, mono_ns now)
{
    while (!circuit_is_broken(&relay->circuit))
        assert_true(relay_failed(relay, 0, now, 0));
}

static void test_weights_are_shares_and_evenly_spread(void **state)
{
    struct relays relays = two(1, 1, 3, 1);
    unsigned counts[2] = {0};
    unsigned in_a_row = 0;

    (void)state;
    for (int i = 0; i < 4000; i++) {
        unsigned relay = relays_choose(&relays, RELAY_NONE, 1);
        in_a_row = relay == 0 ? in_a_row + 1 : 0;
        assert_true(in_a_row <= 3);
        counts[relay]++;
    }
    assert_int_equal(counts[0], 3000);
    assert_int_equal(counts[1], 1000);
}

static void test_a_busy_relay_keeps_its_letters_and_a_broken_one_hands_them_over(void **state)
{
    struct relays relays = two(1, 2, 1, 1);

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(relays_choose(&relays, RELAY_NONE, 1), 0);
        relay_begin(&relays.relay[0], 1);
    }
    assert_false(relays_have_room(&relays, 1));
    assert_int_equal(relays_choose(&relays, RELAY_NONE, 1), RELAY_NONE);
    for (int i = 0; i < 4; i++)
        relay_end(&relays.relay[0]);
    break_it(&relays.relay[0], 1);
    assert_true(relays_work(&relays, 1));
    assert_int_equal(relays_choose(&relays, RELAY_NONE, 1), 1);
}

static void test_a_broken_relay_gets_one_probe_and_returns_with_it(void **state)
{
    struct relays relays = two(1, 2, 1, 1);
    mono_ns now = NS_PER_S;

    (void)state;
    break_it(&relays.relay[0], now);
    now = relays.relay[0].circuit.resume_at;
    assert_int_equal(relays_choose(&relays, RELAY_NONE, now), 0); /* the probe */
    relay_begin(&relays.relay[0], now);
    for (int i = 0; i < 10; i++) /* all others do not wait for it */
        assert_int_equal(relays_choose(&relays, RELAY_NONE, now), 1);
    relay_end(&relays.relay[0]);
    assert_true(relay_took(&relays.relay[0], now) > 0);
    now += 100 * NS_PER_S;
    assert_int_equal(relays_choose(&relays, RELAY_NONE, now), 0);
}

static void test_a_letter_goes_to_another_relay_than_the_one_that_failed_with_it(void **state)
{
    struct relays relays = two(1, 2, 1, 1);

    (void)state;
    assert_int_equal(relays_choose(&relays, 0, 1), 1);
    assert_int_equal(relays_choose(&relays, 1, 1), 0);
    break_it(&relays.relay[1], 1);
    assert_int_equal(relays_choose(&relays, 0, 1), 0); /* better than none */
}

static void test_with_all_relays_broken_time_is_told(void **state)
{
    struct relays relays = two(1, 1, 1, 1);
    mono_ns now = NS_PER_S;

    (void)state;
    assert_int_equal(relays_next_at(&relays, now), UINT64_MAX);
    break_it(&relays.relay[0], now);
    break_it(&relays.relay[1], now + 1);
    assert_false(relays_work(&relays, now + 1));
    assert_false(relays_have_room(&relays, now + 1));
    assert_int_equal(relays_next_at(&relays, now + 1), relays.relay[0].circuit.resume_at);
}

static void test_a_relays_rate_is_held(void **state)
{
    struct relays relays = {0};
    unsigned sent = 0;

    (void)state;
    relays_add(&relays, "smtp", 4, 1, 1, (struct config_rate){10, 1}, 10, 900);
    for (mono_ns now = NS_PER_S; now < 11 * NS_PER_S; now += NS_PER_MS) {
        while (relays_choose(&relays, RELAY_NONE, now) == 0) {
            relay_begin(&relays.relay[0], now);
            relay_end(&relays.relay[0]);
            sent++;
        }
        assert_true(relays_next_at(&relays, now) > now);
    }
    assert_in_range(sent, 100, 110);
}

/* What fails with letters of one domain alone is not the relay's fault. */
static void test_a_loss_counts_against_the_relay_when_two_domains_meet_it(void **state)
{
    struct relays relays = two(1, 1, 1, 1);
    struct relay *relay = &relays.relay[0];

    (void)state;
    for (int i = 0; i < 20; i++)
        assert_false(relay_failed(relay, 7, 1, 0));
    assert_int_equal(relay->circuit.allowed, 4);
    assert_true(relay_failed(relay, 8, 1, 0));
    assert_int_equal(relay->circuit.allowed, 2);
    (void)relay_took(relay, 1);
    assert_false(relay_failed(relay, 8, 1, 0)); /* it works: it begins again */
    assert_true(relay_failed(relay, 0, 1, 0));  /* a loss that is about no domain */
}

/* A day's outage of the only relay: the tries stay few, and it comes back by one of them. */
static void test_a_day_without_the_relay_costs_a_try_a_minute(void **state)
{
    struct relays relays = {0};
    const mono_ns day = 86400 * NS_PER_S;
    unsigned tries = 0;
    mono_ns now = NS_PER_S;

    (void)state;
    relays_add(&relays, "smtp", 4, 1, 1, no_rate, 10, 900);
    for (; now < day; now += NS_PER_S / 10) {
        while (relays_choose(&relays, RELAY_NONE, now) == 0) {
            assert_true(relay_failed(&relays.relay[0], 0, now, 0x7fff));
            tries++;
        }
    }
    assert_in_range(tries, 24 * 60 * 9 / 10, 24 * 60 * 11 / 10);
    now = relays.relay[0].circuit.resume_at;
    assert_int_equal(relays_choose(&relays, RELAY_NONE, now), 0);
    mono_ns broken = relay_took(&relays.relay[0], now);
    assert_true(broken > day - 120 * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trouble_halves_what_is_allowed_and_then_pauses),
        cmocka_unit_test(test_attempts_that_began_before_the_pause_do_not_prolong_it),
        cmocka_unit_test(test_the_pause_grows_to_a_minute_and_no_further),
        cmocka_unit_test(test_what_works_again_is_trusted_step_by_step),
        cmocka_unit_test(test_a_rate_holds_over_any_time),
        cmocka_unit_test(test_a_rate_says_when_the_next_one_may_go),
        cmocka_unit_test(test_after_an_outage_letters_come_slowly_and_then_freely),
        cmocka_unit_test(test_a_warm_up_is_as_long_as_its_outage_and_never_above_the_rate),
        cmocka_unit_test(test_weights_are_shares_and_evenly_spread),
        cmocka_unit_test(test_a_busy_relay_keeps_its_letters_and_a_broken_one_hands_them_over),
        cmocka_unit_test(test_a_broken_relay_gets_one_probe_and_returns_with_it),
        cmocka_unit_test(test_a_letter_goes_to_another_relay_than_the_one_that_failed_with_it),
        cmocka_unit_test(test_with_all_relays_broken_time_is_told),
        cmocka_unit_test(test_a_relays_rate_is_held),
        cmocka_unit_test(test_a_loss_counts_against_the_relay_when_two_domains_meet_it),
        cmocka_unit_test(test_a_day_without_the_relay_costs_a_try_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

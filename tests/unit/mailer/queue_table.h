/* A queue with its hand, on a clock of its own. */
#ifndef TEST_QUEUE_TABLE_H
#define TEST_QUEUE_TABLE_H

#include "mailer/hand.h"
#include "mailer/mail_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define CLAIMED_MS (MAIL_QUEUE_CLAIMED_S * 1000)
#define START      (1000 * NS_PER_S)

static const struct config_rate no_rate = {.count = 0, .period_s = 1};

struct table {
    struct hand *hand;
    struct mail_queue *queue;
    uint32_t jobs;
    mono_ns now;
};

static inline struct mail_queue_limits limits_of(unsigned lanes)
{
    return (struct mail_queue_limits){.letters_max = 20000,
                                      .lanes = lanes,
                                      .by_domain = true,
                                      .domain_rate = no_rate,
                                      .first_s = 10,
                                      .max_s = 900};
}

static inline struct table open_table(struct mail_queue_limits limits)
{
    static const uint64_t key[2] = {1, 2};

    return (struct table){
        .hand = hand_new(20000, 1024), .queue = mail_queue_new(&limits, key), .now = START};
}

static inline void close_table(struct table *table)
{
    mail_queue_free(&table->queue);
    hand_free(&table->hand);
}

static inline struct delivery *add_as(struct table *table, enum mail_purpose purpose,
                                      const char *domain, bool is_fresh)
{
    char to[300];
    uint32_t number = ++table->jobs;

    snprintf(to, sizeof(to), "p%u@%s", (unsigned)number, domain);
    struct mail_job job = {.purpose = (uint8_t)purpose,
                           .to = slice_of_text(to),
                           .username = SLICE_LITERAL("anna"),
                           .created = 1,
                           .expires = 2};
    memcpy(job.job_id.bytes, &number, sizeof(number));
    assert_int_equal(hand_take(table->hand, &job, HAND_SEEN_IN_LANE, 0, table->now), HAND_TAKEN);
    struct delivery *delivery = hand_last(table->hand, DELIVERY_WAITING);
    mail_queue_add(table->queue, delivery, is_fresh, table->now);
    return delivery;
}

static inline struct delivery *add(struct table *table, const char *domain)
{
    return add_as(table, MAIL_VERIFY, domain, true);
}

static inline struct delivery *take(struct table *table)
{
    struct delivery *delivery = mail_queue_take(table->queue, table->now);

    if (delivery != NULL)
        hand_move(delivery, DELIVERY_SENDING);
    return delivery;
}

static inline bool end(struct table *table, struct delivery *delivery, enum domain_word word)
{
    bool pauses = mail_queue_end(table->queue, delivery, word, table->now, 0);

    hand_release(&delivery, 0);
    return pauses;
}

static inline const char *domain_of(const struct delivery *delivery)
{
    return strchr(delivery->to, '@') + 1;
}

/* Something has gone through to that domain, often enough that it may have all it can. */
static inline void prove(struct table *table, const char *domain)
{
    for (int i = 0; i < 200; i++) {
        struct delivery *delivery = add(table, domain);
        assert_ptr_equal(take(table), delivery);
        assert_false(end(table, delivery, DOMAIN_WORKS));
    }
}

#endif

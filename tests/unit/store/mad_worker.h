/* A worker without the client's manners: every byte of an ask is the test's. */
#ifndef TESTS_STORE_MAD_WORKER_H
#define TESTS_STORE_MAD_WORKER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_rig.h"

static inline int make(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));

    rig_init(rig);
    *state = rig;
    return 0;
}

static inline int start(void **state)
{
    make(state);
    rig_start(*state, NULL);
    return 0;
}

static inline int end(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

/* ---- a worker without the client's manners: every byte of an ask is this test's
 * ------------------ */

static inline void push_ask(struct rig *rig, const struct ask_head *head,
                            enum store_request request, struct slice message)
{
    struct lane lane = lane_open(rig->segment, rig->slot, LANE_ASK);
    uint8_t bytes[LANE_RECORD_MAX_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct ask_head full = *head;

    full.epoch = full.epoch ? full.epoch : rig->epoch;
    full.request = (uint8_t)request;
    ask_head_pack(&packer, &full);
    pack_raw(&packer, message.at, message.len);
    assert_false(packer.overflow);
    assert_true(lane_push(&lane, bytes, packer.len));
}

static inline void push_signup(struct rig *rig, const struct ask_head *head, uint64_t number)
{
    uint8_t bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(number);

    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    push_ask(rig, head, STORE_ACCOUNT_CREATE, packer_slice(&packer));
}

/* The next answer within ms; false when there is none. */
static inline bool next_answer(struct rig *rig, int ms, struct answer_head *head_out)
{
    struct lane lane = lane_open(rig->segment, rig->slot, LANE_ANSWER);
    uint8_t bytes[LANE_RECORD_MAX_BYTES];
    struct unpacker unpacker;
    size_t len;

    for (int i = 0; i <= ms; i++) {
        if (lane_take(&lane, bytes, &len) == LANE_RECORD) {
            unpacker = unpacker_over(slice_of(bytes, len));
            assert_true(answer_head_unpack(&unpacker, head_out));
            return true;
        }
        usleep(1000);
    }
    return false;
}

static inline enum store_status answer_to(struct rig *rig, uint64_t sequence)
{
    struct answer_head head;

    assert_true(next_answer(rig, 5000, &head));
    assert_int_equal(head.sequence, sequence);
    return (enum store_status)head.status;
}

#endif

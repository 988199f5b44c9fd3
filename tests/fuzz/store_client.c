/* The asking side of the store's lanes against a store that dies, answers out of turn, twice, to
 * questions that nobody asked, or not at all.
 *
 * Shape of an input: moves, a byte each with what it needs behind it (script.h).
 * What must hold: every ask that was accepted is answered exactly once, at the latest when no store
 * comes any more; asks reach a store in order, marked as repeats when another store has seen them,
 * and no answer that somebody waits for is called acknowledged. */
#include <stdlib.h>

#include "gatepost/lane.h"
#include "gatepost/log.h"
#include "gatepost/store_client.h"
#include "script.h"

#define ASKS_MAX  300
#define MOVES_MAX 600

enum move {
    MOVE_ASK,
    MOVE_POLL,
    MOVE_ANSWER, /* the store takes an ask and answers it */
    MOVE_TAKE,   /* it takes an ask and does not */
    MOVE_OTHER,  /* it answers any sequence */
    MOVE_DIES,
    MOVE_LIVES, /* a life sign: full lanes mean work, not death */
    MOVE_HEADS, /* any bytes as heads of records */
    MOVES
};

struct asked {
    unsigned told;
    uint64_t epoch; /* of the last store that took it, 0 for none */
};

static struct {
    struct segment *segment;
    uint32_t slot;
    struct store_client *client;
    struct lane asks;
    struct lane answers;
    mono_ns now;
    uint64_t epoch;
    uint64_t last_sequence; /* that a store of this epoch took */
    size_t count;
    size_t waiting;
    struct asked asked[ASKS_MAX]; /* by sequence, from 1 */
} scene;

static void set_up(void)
{
    struct err err;

    log_init("fuzz", LOG_LEVEL_ERROR);
    scene.segment = segment_create(1, &err);
    BUG_ON(!scene.segment || !seat_take_worker(scene.segment, &scene.slot));
    life_enter(scene.segment, segment_store_slot(scene.segment), LIFE_SERVING);
}

static void on_answer(void *context, enum store_status status, struct slice payload)
{
    struct asked *asked = context;

    BUG_ON(asked < scene.asked || asked >= scene.asked + scene.count);
    BUG_ON(asked->told++ > 0 || status >= STORE_STATUS_COUNT);
    BUG_ON(payload.len > LANE_RECORD_MAX_BYTES);
    scene.waiting--;
}

static void ask(struct script *script)
{
    const uint8_t request = script_u8(script);
    const size_t len = script_u8(script) * 60U;
    const mono_ns deadline = scene.now + script_u8(script) * NS_PER_MS;
    static const uint8_t zeros[255 * 60];

    if (scene.count == ASKS_MAX)
        return;
    struct asked *asked = &scene.asked[scene.count++];
    *asked = (struct asked){0};
    if (store_ask(scene.client, (enum store_request)(request % 12 + 1), slice_of(zeros, len),
                  deadline, on_answer, asked))
        scene.waiting++;
    else
        scene.count--;
}

static bool someone_waits_below(uint64_t sequence)
{
    for (size_t i = 0; i + 1 < sequence && i < scene.count; i++) {
        if (scene.asked[i].told == 0)
            return true;
    }
    return false;
}

/* Returns false when no ask of this epoch was there. */
static bool take(uint64_t *sequence_out)
{
    static uint8_t record[LANE_RECORD_MAX_BYTES];
    struct ask_head head;
    size_t len;

    if (lane_take(&scene.asks, record, &len) != LANE_RECORD)
        return false;
    struct unpacker unpacker = unpacker_over(slice_of(record, len));
    BUG_ON(!ask_head_unpack(&unpacker, &head));
    BUG_ON(head.sequence == 0 || head.sequence > scene.count || head.acknowledged > head.sequence);
    BUG_ON(someone_waits_below(head.acknowledged));
    if (head.epoch != scene.epoch)
        return false;
    struct asked *asked = &scene.asked[head.sequence - 1];
    BUG_ON(head.sequence <= scene.last_sequence || asked->epoch == scene.epoch);
    BUG_ON(asked->epoch != 0 && !head.repeat);
    asked->epoch = scene.epoch;
    scene.last_sequence = head.sequence;
    *sequence_out = head.sequence;
    return true;
}

static void answer(uint64_t sequence, struct script *script)
{
    uint8_t bytes[512];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct slice payload = script_bytes(script, 255);

    answer_head_pack(&packer,
                     &(struct answer_head){.sequence = sequence,
                                           .status = script_u8(script) % STORE_STATUS_COUNT});
    pack_raw(&packer, payload.at, payload.len);
    (void)!lane_push(&scene.answers, bytes, packer.len);
}

static void try_heads(struct slice bytes)
{
    struct unpacker unpacker = unpacker_over(bytes);
    struct answer_head answer_head;
    struct ask_head ask_head;

    if (answer_head_unpack(&unpacker, &answer_head))
        BUG_ON(answer_head.status >= STORE_STATUS_COUNT);
    unpacker = unpacker_over(bytes);
    if (ask_head_unpack(&unpacker, &ask_head))
        BUG_ON(bytes.len < ASK_HEAD_BYTES + ask_head.about.len ||
               (ask_head.about.len > 0 && !request_id_is_safe(ask_head.about)));
}

static void replace_store(void)
{
    board_set(scene.segment, BOARD_STORE_EPOCH, ++scene.epoch);
    scene.last_sequence = 0;
}

static void make_move(struct script *script)
{
    uint64_t sequence;

    switch ((enum move)(script_u8(script) % MOVES)) {
    case MOVE_ASK:
        ask(script);
        break;
    case MOVE_POLL:
        scene.now += script_u8(script) * NS_PER_MS;
        store_client_poll(scene.client, scene.now);
        break;
    case MOVE_ANSWER:
        if (take(&sequence))
            answer(sequence, script);
        break;
    case MOVE_TAKE:
        (void)!take(&sequence);
        break;
    case MOVE_OTHER:
        answer(script_u8(script), script);
        break;
    case MOVE_DIES:
        replace_store();
        break;
    case MOVE_LIVES:
        life_sign(scene.segment, segment_store_slot(scene.segment));
        break;
    case MOVE_HEADS:
        try_heads(script_bytes(script, 255));
        break;
    case MOVES:
        break;
    }
    BUG_ON(store_client_pending(scene.client) != scene.waiting);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {data, size};

    if (!scene.segment)
        set_up();
    scene.asks = lane_open(scene.segment, scene.slot, LANE_ASK);
    scene.answers = lane_open(scene.segment, scene.slot, LANE_ANSWER);
    lane_discard(&scene.asks);
    lane_discard(&scene.answers);
    scene.count = scene.waiting = 0;
    scene.now = NS_PER_S;
    scene.epoch = scene.last_sequence = 0;
    board_set(scene.segment, BOARD_STORE_CONDEMNED, 0);
    if (script_u8(&script) & 1)
        replace_store(); /* else the first store is still to come */
    else
        board_set(scene.segment, BOARD_STORE_EPOCH, 0);
    scene.client = store_client_new(scene.segment, scene.slot);
    for (unsigned i = 0; i < MOVES_MAX && script.len > 0; i++)
        make_move(&script);
    board_set(scene.segment, BOARD_STORE_CONDEMNED, 1);
    store_client_poll(scene.client, scene.now);
    BUG_ON(scene.waiting != 0 || store_client_pending(scene.client) != 0);
    for (size_t i = 0; i < scene.count; i++)
        BUG_ON(scene.asked[i].told != 1);
    store_client_free(&scene.client);
    return 0;
}

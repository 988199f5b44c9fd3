/* What comes in: every ask lane in turn, a bounded share of each.
 *
 * A lookup is answered at once from what is committed; it overtakes writes. A write waits in line
 * for a batch, unless it is known here already how it must end: a repeat that a predecessor
 * answered, a write that was in work at two deaths, a full disk. Asks of another epoch are dropped
 * without a word: their sender sends them again. Nothing in a record is trusted. */
#include <stdlib.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "requests.h"
#include "store.h"

#define LANE_SHARE       32U /* records of one lane before the next one's turn */
#define SEAT_WAITING_MAX 512U
#define LINE_BYTES_MAX   (16U << 20)

static void put_head(uint8_t *record, uint64_t sequence, enum store_status status)
{
    struct packer packer = packer_over(record, ANSWER_HEAD_BYTES);

    answer_head_pack(&packer,
                     &(struct answer_head){.sequence = sequence, .status = (uint8_t)status});
    BUG_ON(packer.overflow || packer.len != ANSWER_HEAD_BYTES);
}

/* An answer without a message of its own, or with a stored one. payload may not be in
 * store->answer. */
void answer_plain(struct store *store, uint32_t slot, uint64_t sequence, enum store_status status,
                  struct slice payload)
{
    put_head(store->answer, sequence, status);
    BUG_ON(payload.len > sizeof(store->answer) - ANSWER_HEAD_BYTES);
    if (payload.len > 0)
        memcpy(store->answer + ANSWER_HEAD_BYTES, payload.at, payload.len);
    seat_answer(store, slot, store->answer, ANSWER_HEAD_BYTES + payload.len);
}

/* An answer that must not leave before the last commit is on disk. */
static void hold(struct store *store, uint32_t slot, size_t len)
{
    struct parcel *parcel = xcalloc(1, sizeof(*parcel) + len);

    parcel->slot = slot;
    parcel->generation = store->seats[slot].generation;
    parcel->commit = store->commits;
    parcel->len = len;
    memcpy(parcel->bytes, store->answer, len);
    parcel_append(&store->held, parcel);
}

static void look_up(struct store *store, uint32_t slot, const struct ask_head *head,
                    struct slice packed)
{
    struct call call = {
        .env = &store->env,
        .roles = store->seats[slot].roles,
        .now = clock_wall_ms(),
        .packed = packed,
        .answer = packer_over(store->answer + ANSWER_HEAD_BYTES,
                              sizeof(store->answer) - ANSWER_HEAD_BYTES),
    };
    enum store_status status = request_carry_out(&call, head->request);

    metric_count(METRIC_STORE_READS);
    if (call.failure != 0)
        status = STORE_BUSY;
    if (status == STORE_REFUSED)
        seat_report(store, slot, "a lookup that makes no sense");
    if (call.failure != 0 || status == STORE_REFUSED)
        call.answer.len = 0;
    BUG_ON(call.answer.overflow);
    put_head(store->answer, head->sequence, status);
    if (call.durable && store->flush.flushed < store->commits)
        hold(store, slot, ANSWER_HEAD_BYTES + call.answer.len);
    else
        seat_answer(store, slot, store->answer, ANSWER_HEAD_BYTES + call.answer.len);
}

static bool is_suspect(const struct store *store, const struct seat *seat,
                       const struct ask_head *head)
{
    return store->suspect_incarnation != 0 &&
           store->suspect_incarnation == seat->shelf.incarnation &&
           store->suspect_sequence == head->sequence;
}

static void take_write(struct store *store, uint32_t slot, const struct ask_head *head,
                       struct slice packed)
{
    struct seat *seat = &store->seats[slot];
    enum store_status status;
    struct slice payload;

    if (is_suspect(store, seat, head)) {
        log_error("store.request_poison", "slot=%u sequence=%llu ask=%s", slot,
                  (unsigned long long)head->sequence, request_name(head->request));
        answer_plain(store, slot, head->sequence, STORE_POISON, (struct slice){0});
    } else if (head->repeat && shelf_look(&seat->shelf, head->sequence, &status, &payload)) {
        answer_plain(store, slot, head->sequence, status, payload);
    } else if (!disk_allows(store, head->request)) {
        answer_plain(store, slot, head->sequence, STORE_BUSY, (struct slice){0});
    } else {
        seat->waiting++;
        line_append(store, slot, seat->generation, head, packed);
    }
}

static void refuse(struct store *store, uint32_t slot, uint64_t sequence, const char *why)
{
    seat_report(store, slot, why);
    answer_plain(store, slot, sequence, STORE_REFUSED, (struct slice){0});
}

static void take_headed(struct store *store, uint32_t slot, const struct ask_head *of_ask,
                        struct slice packed)
{
    struct seat *seat = &store->seats[slot];
    const struct ask_head head = *of_ask;

    if (head.epoch != store->heritage->generation)
        return;
    FAULT_ON("s.taken", packed);
    if (head.repeat)
        metric_count(METRIC_STORE_RESENT);
    if (head.acknowledged > seat->acknowledged)
        seat->acknowledged = head.acknowledged;
    if (head.sequence == 0 || head.sequence == UINT64_MAX) {
        refuse(store, slot, head.sequence, "an ask without a sequence");
        return;
    }
    const enum request_kind kind = request_kind(head.request);

    if (kind != REQUEST_UNKNOWN && !request_is_for(head.request, seat->roles)) {
        refuse(store, slot, head.sequence, "a request that is not for this seat");
        return;
    }
    switch (kind) {
    case REQUEST_READ:
        look_up(store, slot, &head, packed);
        break;
    case REQUEST_WRITE:
        take_write(store, slot, &head, packed);
        break;
    case REQUEST_UNKNOWN:
        refuse(store, slot, head.sequence, "an unknown request");
        break;
    }
}

/* What is logged meanwhile names the request that it is asked for. */
static void take_ask(struct store *store, uint32_t slot, size_t len)
{
    struct unpacker unpacker = unpacker_over(slice_of(store->record, len));
    struct ask_head head;
    char about[REQUEST_ID_BYTES];

    if (!ask_head_unpack(&unpacker, &head)) {
        seat_report(store, slot, "an ask without a head");
        return;
    }
    BUG_ON(!slice_to_text(head.about, about, sizeof(about)));
    log_about(about);
    take_headed(store, slot, &head, slice_of(unpacker.bytes, unpacker.len));
    log_about("");
}

static bool may_read(const struct store *store, const struct seat *seat)
{
    return seat->open && !seat->deaf && !seat->backlog.first && seat->waiting < SEAT_WAITING_MAX &&
           store->line.bytes < LINE_BYTES_MAX;
}

static bool take_share(struct store *store, uint32_t slot)
{
    struct seat *seat = &store->seats[slot];
    uint32_t taken = 0;
    size_t len;

    for (; taken < LANE_SHARE && may_read(store, seat); taken++) {
        enum lane_read read = lane_take(&seat->asks, store->record, &len);

        if (read == LANE_EMPTY)
            break;
        if (read == LANE_BROKEN) {
            seat->deaf = true;
            seat_report(store, slot, "a broken lane");
            break;
        }
        take_ask(store, slot, len);
    }
    return taken > 0;
}

bool intake(struct store *store)
{
    bool any = false;

    for (uint32_t slot = 0; slot < store->seat_count; slot++)
        any |= take_share(store, slot);
    return any;
}

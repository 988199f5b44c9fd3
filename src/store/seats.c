/* Who asks: tenants of the seats, their lanes, answers on their way to them.
 *
 * Invariant: nothing is pushed to a lane, or taken from it, after the store said that it has closed
 * that tenant; what was in work for it is carried out or dropped, but never answered. */
#include <stdlib.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "store.h"

void parcel_append(struct parcel_queue *queue, struct parcel *parcel)
{
    parcel->next = NULL;
    if (queue->last)
        queue->last->next = parcel;
    else
        queue->first = parcel;
    queue->last = parcel;
    queue->count++;
    queue->bytes += parcel->len;
}

struct parcel *parcel_take(struct parcel_queue *queue)
{
    struct parcel *parcel = queue->first;

    if (!parcel)
        return NULL;
    queue->first = parcel->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    queue->bytes -= parcel->len;
    return parcel;
}

void parcel_drop_all(struct parcel_queue *queue)
{
    struct parcel *parcel;

    while ((parcel = parcel_take(queue)))
        free(parcel);
}

void line_append(struct store *store, uint32_t slot, uint64_t generation,
                 const struct ask_head *head, struct slice packed)
{
    struct parcel *parcel = xcalloc(1, sizeof(*parcel) + packed.len + head->about.len + 1);

    parcel->slot = slot;
    parcel->generation = generation;
    parcel->head = *head;
    parcel->about = (char *)parcel->bytes + packed.len;
    BUG_ON(!slice_to_text(head->about, parcel->about, head->about.len + 1));
    parcel->head.about = slice_of_text(parcel->about);
    parcel->came = clock_mono_ns();
    parcel->len = packed.len;
    if (packed.len > 0)
        memcpy(parcel->bytes, packed.at, packed.len);
    parcel_append(&store->line, parcel);
}

struct seat *seat_of(struct store *store, uint32_t slot, uint64_t generation)
{
    struct seat *seat = &store->seats[slot];

    return seat->open && seat->generation == generation ? seat : NULL;
}

static void open_seat(struct store *store, uint32_t slot, const struct seat_view *view)
{
    struct seat *seat = &store->seats[slot];

    seat->open = true;
    seat->deaf = seat->reported = false;
    seat->roles = view->roles;
    seat->generation = view->generation;
    seat->acknowledged = 0;
    seat->waiting = 0;
    seat->asks = lane_open(store->segment, slot, LANE_ASK);
    seat->answers = lane_open(store->segment, slot, LANE_ANSWER);
    shelf_init(&seat->shelf, view->incarnation);
    draft_begin(&seat->draft);
}

/* Its stored answers go with the next batch. */
static void leave_seat(struct store *store, uint32_t slot)
{
    struct seat *seat = &store->seats[slot];

    if (!seat->open)
        return;
    seat->open = false;
    parcel_drop_all(&seat->backlog);
    if (seat->shelf.count == 0) {
        shelf_fini(&seat->shelf);
        return;
    }
    store->doomed = xrealloc(store->doomed, (store->doomed_count + 1) * sizeof(*store->doomed));
    store->doomed[store->doomed_count++] = seat->shelf;
    memset(&seat->shelf, 0, sizeof(seat->shelf));
}

/* What a dead mailer had to say of its letters is still true, and unheard it would have its
 * successor send them again. A settled row stays settled, so it does not matter which store was
 * told. Everything else in the lane was a question, and nobody waits for the answer. */
static void take_last_words(struct store *store, uint32_t slot, uint64_t generation)
{
    struct lane asks = lane_open(store->segment, slot, LANE_ASK);
    size_t len;

    while (lane_take(&asks, store->record, &len) == LANE_RECORD) {
        struct unpacker unpacker = unpacker_over(slice_of(store->record, len));
        struct ask_head head;

        if (ask_head_unpack(&unpacker, &head) && head.request == STORE_OUTBOX_SETTLE)
            line_append(store, slot, generation, &head, slice_of(unpacker.bytes, unpacker.len));
    }
    lane_discard(&asks);
}

static bool has_last_words(const struct store *store, uint32_t slot, uint64_t generation)
{
    for (const struct parcel *parcel = store->line.first; parcel; parcel = parcel->next) {
        if (parcel->slot == slot && parcel->generation == generation &&
            parcel->head.request == STORE_OUTBOX_SETTLE)
            return true;
    }
    return false;
}

/* Returns true when it is closed: its last words are carried out by then, and a successor that
 * reads the outbox sees what they changed. */
static bool close_dead(struct store *store, uint32_t slot, const struct seat_view *view)
{
    const uint64_t generation = view->generation;
    struct seat *seat = &store->seats[slot];

    leave_seat(store, slot);
    if (seat->parted != generation) {
        seat->parted = generation;
        if (view->roles & SEAT_MAILER)
            take_last_words(store, slot, generation);
    }
    if (has_last_words(store, slot, generation))
        return false;
    seat->closed = generation;
    FAULT("s.before_close");
    seat_close(store->segment, slot, generation, SEAT_CLOSED_BY_STORE);
    return true;
}

bool seats_look(struct store *store)
{
    bool changed = false;

    for (uint32_t slot = 0; slot < store->seat_count; slot++) {
        struct seat *seat = &store->seats[slot];
        struct seat_view view = seat_look(store->segment, slot);

        switch (view.state) {
        case SEAT_LIVE:
            if (seat->open && seat->generation == view.generation)
                break;
            leave_seat(store, slot);
            open_seat(store, slot, &view);
            changed = true;
            break;
        case SEAT_DEAD:
            if (seat->closed == view.generation)
                break;
            changed |= close_dead(store, slot, &view);
            break;
        case SEAT_FREE:
            leave_seat(store, slot);
            break;
        }
    }
    return changed;
}

void seats_free(struct store *store)
{
    for (uint32_t slot = 0; slot < store->seat_count; slot++) {
        parcel_drop_all(&store->seats[slot].backlog);
        shelf_fini(&store->seats[slot].shelf);
    }
    for (size_t i = 0; i < store->doomed_count; i++)
        shelf_fini(&store->doomed[i]);
    free(store->doomed);
    free(store->seats);
}

void seat_report(struct store *store, uint32_t slot, const char *why)
{
    struct seat *seat = &store->seats[slot];

    metric_count(METRIC_STORE_REFUSED);
    if (seat->reported)
        return;
    seat->reported = true;
    log_warning("store.request_refused", "slot=%u generation=%llu reason=\"%s\"", slot,
                (unsigned long long)seat->generation, why);
    proc_send(store->heritage->control_fd, MESSAGE_SEAT_BROKEN, slot, seat->generation, -1);
}

/* Pushes, or keeps until there is room; meanwhile the seat's asks are not read. */
void seat_answer(struct store *store, uint32_t slot, const void *record, size_t len)
{
    struct seat *seat = &store->seats[slot];
    struct parcel *parcel;

    if (!seat->backlog.first && lane_push(&seat->answers, record, len))
        return;
    parcel = xcalloc(1, sizeof(*parcel) + len);
    parcel->len = len;
    memcpy(parcel->bytes, record, len);
    parcel_append(&seat->backlog, parcel);
}

bool seats_push_backlogs(struct store *store)
{
    bool pushed = false;

    for (uint32_t slot = 0; slot < store->seat_count; slot++) {
        struct seat *seat = &store->seats[slot];

        while (seat->open && seat->backlog.first &&
               lane_push(&seat->answers, seat->backlog.first->bytes, seat->backlog.first->len)) {
            free(parcel_take(&seat->backlog));
            pushed = true;
        }
    }
    return pushed;
}

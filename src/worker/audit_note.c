/* See audit_note.h. The store's answer is of no account: it only makes room for the next note. */
#include "audit_note.h"

#include "gatepost/metrics.h"

#define ASK_BYTES          256
#define THROTTLED_EVERY_NS NS_PER_S

static void on_noted(void *context, enum store_status status, struct slice payload)
{
    struct worker *worker = context;

    (void)payload;
    worker->audit_notes--;
    if (status != STORE_OK)
        metric_count(METRIC_AUDIT_DROPPED);
}

void audit_note_throttled(struct request *request, const struct uuid *user_id, const char *limit)
{
    struct worker *worker = request->worker;
    mono_ns now = clock_mono_ns();

    if (worker->throttle_noted != 0 && now - worker->throttle_noted < THROTTLED_EVERY_NS)
        return;
    worker->throttle_noted = now;
    audit_note(request, AUDIT_THROTTLED, user_id, limit);
}

void audit_note(struct request *request, enum audit_event event, const struct uuid *user_id,
                const char *detail)
{
    struct worker *worker = request->worker;
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    audit_note_ask_pack(&packer, &(struct audit_note_ask){.event = (uint8_t)event,
                                                          .user_id = *user_id,
                                                          .peer = slice_of_text(request->peer),
                                                          .detail = slice_of_text(detail)});
    BUG_ON(packer.overflow);
    if (worker->audit_notes >= AUDIT_NOTES_MAX ||
        !store_ask(worker->store, STORE_AUDIT_NOTE, packer_slice(&packer),
                   clock_mono_ns() + STORE_WAIT_NS, on_noted, worker))
        metric_count(METRIC_AUDIT_DROPPED);
    else
        worker->audit_notes++;
}

/* Sweeps of the outbox.
 *
 * When: at the start, on order, mail.sweep_s after a lane was found full (when the rows that it did
 * not announce are old enough), and every mail.sweep_s. One page is under way at a time. With the
 * hand full a sweep holds its cursor and goes on when half of it is done. Of a domain in trouble a
 * part of the letters is taken, and the others are passed over: they do not fill the hand.
 *
 * An ordinary sweep leaves out rows younger than mail.sweep_s: their lane is about to announce
 * them. It reads rows that are due. The first one, and one after the clock was set back, reads all
 * and takes those as well whose due time is further ahead than any wait we ever choose. */
#include "sweep.h"

#include <stdlib.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "job.h"

enum sweep_state { SWEEP_IDLE, SWEEP_READY, SWEEP_ASKED };

struct sweep {
    struct mailer *mailer;
    enum sweep_state state;
    bool any_age;  /* of the one under way */
    bool all_rows; /* of the one under way: not only what is due */
    bool wants_any_age;
    bool wants_all_rows;
    mono_ns next_at;
    mono_ns after_full_at; /* an extra sweep, or 0 */
    uint64_t lane_full_seen;
    int64_t clock_offset_ms; /* wall less monotonic, at the last sweep */
    uint64_t rows_read;
    uint64_t passed_over; /* rows of domains in trouble, for which there is no place now */
    mono_ns asked_at;     /* the page that is under way */
    uint64_t busy_ns;     /* pages were under way for so long, in this sweep */
    wall_ms after_due;    /* cursor */
    struct uuid after_job;
};

struct sweep *sweep_open(struct mailer *mailer)
{
    struct sweep *sweep = xcalloc(1, sizeof(*sweep));
    sweep->mailer = mailer;
    sweep->wants_any_age = true;
    sweep->wants_all_rows = true;
    sweep->lane_full_seen = board_get(mailer->segment, BOARD_MAIL_LANE_FULL);
    sweep->clock_offset_ms = clock_offset_ms();
    return sweep;
}

void sweep_close(struct sweep **sweep)
{
    free(*sweep);
    *sweep = NULL;
}

void sweep_order(struct sweep *sweep)
{
    sweep->wants_any_age = true;
    sweep->next_at = 0;
}

static uint64_t sweep_ns(const struct sweep *sweep)
{
    return (uint64_t)sweep->mailer->config->mail_sweep_s * NS_PER_S;
}

static bool is_wanted(const struct sweep *sweep, const struct outbox_row *row, wall_ms now)
{
    const struct config *config = sweep->mailer->config;
    bool young = row->created <= now && wall_add(row->created, config->mail_sweep_s * 1000) > now;

    if (young && !sweep->any_age)
        return false;
    /* Twice the longest wait: only a clock that was set back explains it. */
    return row->due <= now || row->due > now + 2 * config->mail_retry_max_s * 1000;
}

/* Returns false when the sweep has to hold before this row. */
static bool take_row(struct sweep *sweep, const struct outbox_row *row, wall_ms now)
{
    struct mailer *mailer = sweep->mailer;
    struct mail_job job;

    if (!is_wanted(sweep, row, now))
        return true;
    if (!job_read(row->job, &job) || !uuid_equal(&job.job_id, &row->job_id))
        return settle_nonsense(mailer, &row->job_id);
    switch (
        dispatch_take(mailer, &job, slice_of(NULL, 0), HAND_SEEN_IN_OUTBOX, row->tries, row->due)) {
    case TAKEN:
        return true;
    case TAKEN_LATER:
        sweep->passed_over++;
        return true;
    case TAKEN_FULL:
        break;
    }
    return false;
}

/* Returns false when the sweep holds. */
static bool take_page(struct sweep *sweep, struct slice rows)
{
    struct unpacker unpacker = unpacker_over(rows);
    wall_ms now = clock_wall_ms();

    while (!unpacker_done(&unpacker)) {
        struct outbox_row row;
        struct slice packed = unpack_slice(&unpacker, UINT16_MAX);
        if (unpacker.bad || !outbox_row_unpack(packed, &row)) {
            log_error("outbox.unreadable", "why=row");
            return true;
        }
        if (!take_row(sweep, &row, now))
            return false;
        sweep->after_due = row.due;
        sweep->after_job = row.job_id;
        sweep->rows_read++;
    }
    return true;
}

static void end(struct sweep *sweep, uint64_t wait_ns)
{
    sweep->state = SWEEP_IDLE;
    /* An order that came meanwhile stays due at once. */
    if (sweep->next_at != 0)
        sweep->next_at = clock_mono_ns() + wait_ns;
}

/* Rows that were passed over are read in vain again: not for more than a fifth of the time. What a
 * sweep held for is none of it: that may be the outage of a day. */
static uint64_t pause_ns(const struct sweep *sweep)
{
    if (sweep->passed_over == 0 || 4 * sweep->busy_ns < sweep_ns(sweep))
        return sweep_ns(sweep);
    return 4 * sweep->busy_ns;
}

static void on_page(void *context, enum store_status status, struct slice payload)
{
    struct sweep *sweep = context;
    struct outbox_page_answer page;

    if (status != STORE_OK || !outbox_page_answer_unpack(payload, &page)) {
        if (status != STORE_AWAY && status != STORE_BUSY)
            log_error("outbox.unreadable", "status=%d", (int)status);
        sweep->wants_any_age |= sweep->any_age;
        sweep->wants_all_rows |= sweep->all_rows;
        end(sweep, STORE_PAUSE_MS * NS_PER_MS);
        return;
    }
    sweep->state = SWEEP_READY;
    sweep->busy_ns += clock_mono_ns() - sweep->asked_at;
    FAULT("m.page_came");
    /* A page that moves nothing on would be asked for again at once, for ever. */
    uint64_t rows_before = sweep->rows_read;
    if (take_page(sweep, page.rows) && (!page.more || sweep->rows_read == rows_before))
        end(sweep, pause_ns(sweep));
}

static void begin(struct sweep *sweep, mono_ns now)
{
    int64_t offset_ms = clock_offset_ms();
    if (offset_ms < sweep->clock_offset_ms - CLOCK_JUMP_MS)
        sweep->wants_all_rows = true;
    sweep->clock_offset_ms = offset_ms;

    sweep->state = SWEEP_READY;
    sweep->busy_ns = 0;
    sweep->passed_over = 0;
    sweep->any_age = sweep->wants_any_age;
    sweep->all_rows = sweep->wants_all_rows;
    sweep->wants_any_age = false;
    sweep->wants_all_rows = false;
    sweep->next_at = now + sweep_ns(sweep);
    if (now >= sweep->after_full_at)
        sweep->after_full_at = 0;
    sweep->after_due = INT64_MIN;
    memset(&sweep->after_job, 0, sizeof(sweep->after_job));
    metric_count(METRIC_MAIL_SWEEPS);
}

static void ask_page(struct sweep *sweep, mono_ns now)
{
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct outbox_page_ask ask = {
        .after_due = sweep->after_due,
        .after_job = sweep->after_job,
        .due_before = sweep->all_rows ? INT64_MAX : clock_wall_ms() + 1,
    };

    outbox_page_ask_pack(&packer, &ask);
    BUG_ON(packer.overflow);
    if (store_ask(sweep->mailer->store, STORE_OUTBOX_PAGE, packer_slice(&packer),
                  now + SETTLE_ASK_S * NS_PER_S, on_page, sweep)) {
        sweep->state = SWEEP_ASKED;
        sweep->asked_at = now;
    }
}

void sweep_note_full(struct sweep *sweep, mono_ns now)
{
    if (sweep->after_full_at == 0)
        sweep->after_full_at = now + sweep_ns(sweep);
}

static void notice_full_lanes(struct sweep *sweep, mono_ns now)
{
    uint64_t lane_full = board_get(sweep->mailer->segment, BOARD_MAIL_LANE_FULL);
    if (lane_full == sweep->lane_full_seen)
        return;
    sweep->lane_full_seen = lane_full;
    sweep_note_full(sweep, now);
}

void sweep_turn(struct sweep *sweep, mono_ns now)
{
    notice_full_lanes(sweep, now);
    if (sweep->state == SWEEP_ASKED || sweep->mailer->stopping ||
        hand_count(sweep->mailer->hand) > HAND_MAX / 2)
        return;
    bool extra = sweep->after_full_at != 0 && now >= sweep->after_full_at;
    if (sweep->state == SWEEP_IDLE && (now >= sweep->next_at || extra))
        begin(sweep, now);
    if (sweep->state == SWEEP_READY)
        ask_page(sweep, now);
}

/* Lanes in, deliveries out.
 *
 * Invariant: a lane is read only while its seat is LIVE, or DEAD and not yet closed by us; after
 * seat_close it is not touched until the seat has another generation. A tenant that wrote nonsense
 * is reported once and what it writes later is thrown away: its rows are in the outbox. */
#include "intake.h"

#include <stdlib.h>

#include "gatepost/fault.h"
#include "gatepost/lane.h"
#include "gatepost/log.h"
#include "job.h"
#include "sweep.h"

#define RECORDS_A_TURN 4096 /* of one lane: as many as it can hold, were they small */

struct seat {
    uint64_t generation; /* of the tenant that lane belongs to; 0: none yet */
    bool closed;         /* we told the segment that we are done with it */
    bool broken;         /* reported; nothing more is taken from it */
    struct lane lane;
};

struct intake {
    struct mailer *mailer;
    wall_ms opened_at;
    uint32_t seat_count;
    struct seat seats[]; /* by slot; the mailer's own is not used */
};

static void report_broken(struct intake *intake, uint32_t slot, const char *why)
{
    struct seat *seat = &intake->seats[slot];
    if (seat->broken)
        return;
    seat->broken = true;
    log_warning("seat.broken", "slot=%u generation=%llu why=%s", (unsigned)slot,
                (unsigned long long)seat->generation, why);
    proc_send(intake->mailer->heritage->control_fd, MESSAGE_SEAT_BROKEN, slot, seat->generation,
              -1);
}

/* Jobs from before this mailer may have been settled by its predecessor: the sweep at the start
 * has them if not, and the later ones find those whose worker was slow. */
static bool is_before_us(const struct intake *intake, const struct mail_job *job)
{
    return job->created < intake->opened_at;
}

/* The id of the request, then the job. Returns false when the record is nonsense. A job for which
 * there is no room is left to the sweep. */
static bool take_record(struct intake *intake, struct slice record, mono_ns now)
{
    struct unpacker unpacker = unpacker_over(record);
    struct slice request = unpack_slice(&unpacker, REQUEST_ID_BYTES - 1);
    struct mail_job job;
    if (unpacker.bad || !job_read(slice_of(unpacker.bytes, unpacker.len), &job))
        return false;
    if (is_before_us(intake, &job) || intake->mailer->stopping)
        return true;
    FAULT("m.before_claim");
    if (dispatch_take(intake->mailer, &job, request, HAND_SEEN_IN_LANE, 0, job.created) ==
        TAKEN_FULL)
        sweep_note_full(intake->mailer->sweep, now);
    FAULT("m.claimed");
    return true;
}

static void read_lane(struct intake *intake, uint32_t slot, mono_ns now)
{
    struct seat *seat = &intake->seats[slot];
    uint8_t record[LANE_RECORD_MAX_BYTES];
    size_t len;

    for (int i = 0; i < RECORDS_A_TURN && !seat->broken; i++) {
        switch (lane_take(&seat->lane, record, &len)) {
        case LANE_EMPTY:
            return;
        case LANE_RECORD:
            if (!take_record(intake, slice_of(record, len), now))
                report_broken(intake, slot, "job");
            break;
        case LANE_BROKEN:
            report_broken(intake, slot, "lane");
            break;
        }
    }
    if (seat->broken)
        lane_discard(&seat->lane);
}

/* Takes up a seat's present tenant. Returns false when there is none to read from. */
static bool is_readable(struct intake *intake, uint32_t slot, struct seat_view *view_out)
{
    struct seat *seat = &intake->seats[slot];
    struct seat_view view = seat_look(intake->mailer->segment, slot);

    if (view.state == SEAT_FREE)
        return false;
    if (view.generation != seat->generation) {
        *seat = (struct seat){
            .generation = view.generation,
            .lane = lane_open(intake->mailer->segment, slot, LANE_MAIL),
        };
    }
    *view_out = view;
    return !seat->closed;
}

/* The state was read before the lane: a tenant that was dead then writes nothing any more, so the
 * lane's end is its end. */
static void close_if_dead(struct intake *intake, uint32_t slot, const struct seat_view *view)
{
    struct seat *seat = &intake->seats[slot];

    if (view->state != SEAT_DEAD || (!seat->broken && lane_has_record(&seat->lane)))
        return;
    seat->closed = true;
    FAULT("m.before_close");
    seat_close(intake->mailer->segment, slot, view->generation, SEAT_CLOSED_BY_MAILER);
}

struct intake *intake_open(struct mailer *mailer)
{
    uint32_t seat_count = segment_seats(mailer->segment);
    struct intake *intake = xcalloc(1, sizeof(*intake) + seat_count * sizeof(struct seat));
    struct seat_view view;

    intake->mailer = mailer;
    intake->seat_count = seat_count;
    intake->opened_at = clock_wall_ms();
    for (uint32_t slot = SLOT_MAILER + 1; slot < seat_count; slot++) {
        if (!is_readable(intake, slot, &view))
            continue;
        lane_discard(&intake->seats[slot].lane);
        close_if_dead(intake, slot, &view);
    }
    return intake;
}

void intake_close(struct intake **intake)
{
    free(*intake);
    *intake = NULL;
}

void intake_turn(struct intake *intake, mono_ns now)
{
    struct seat_view view;
    for (uint32_t slot = SLOT_MAILER + 1; slot < intake->seat_count; slot++) {
        if (!is_readable(intake, slot, &view))
            continue;
        read_lane(intake, slot, now);
        close_if_dead(intake, slot, &view);
    }
}

bool intake_has_record(const struct intake *intake)
{
    for (uint32_t slot = SLOT_MAILER + 1; slot < intake->seat_count; slot++) {
        const struct seat *seat = &intake->seats[slot];
        if (seat->generation != 0 && !seat->closed && !seat->broken && lane_has_record(&seat->lane))
            return true;
    }
    return false;
}

/* The outbox row is the truth; this is the fast path. */
#include "letter.h"

#include "gatepost/metrics.h"

void letter_announce(struct worker *worker, struct slice packed_job)
{
    if (packed_job.len > 0 && lane_push(&worker->mail_lane, packed_job.at, packed_job.len))
        return;
    board_add(worker->segment, BOARD_MAIL_LANE_FULL, 1);
    metric_count(METRIC_MAIL_LANE_FULL);
}

/* The outbox row is the truth; this is the fast path. */
#include "letter.h"

#include "gatepost/fault.h"
#include "gatepost/metrics.h"

uint32_t letters_max(const struct config *config)
{
    return config->limits_enabled ? config->limits_letters.count : 0;
}

void letter_announce(struct worker *worker, struct slice packed_job)
{
    FAULT("w.before_push");
    if (packed_job.len > 0 && lane_push(&worker->mail_lane, packed_job.at, packed_job.len)) {
        FAULT("w.pushed");
        return;
    }
    board_add(worker->segment, BOARD_MAIL_LANE_FULL, 1);
    metric_count(METRIC_MAIL_LANE_FULL);
}

void letters_announce(struct worker *worker, struct slice packed_answer)
{
    struct letters_answer letters;

    if (!letters_answer_unpack(packed_answer, &letters))
        return;
    if (letters.first.len > 0)
        letter_announce(worker, letters.first);
    if (letters.second.len > 0)
        letter_announce(worker, letters.second);
}

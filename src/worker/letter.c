/* The outbox row is the truth; this is the fast path. */
#include "letter.h"

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/mail_purpose.h"
#include "gatepost/metrics.h"

/* A job is less than half of it. */
#define LETTER_RECORD_MAX_BYTES 4096

uint32_t letters_max(const struct config *config)
{
    return config->limits_enabled ? config->limits_letters.count : 0;
}

static void tell(const struct request *request, const struct mail_job *job)
{
    char id[UUID_TEXT_BYTES];

    uuid_format(&job->job_id, id);
    log_info("letter.announced", "request=%s job=%s purpose=%s", request->id, id,
             mail_purpose_name(job->purpose));
}

static bool push(const struct request *request, struct slice packed_job)
{
    uint8_t record[LETTER_RECORD_MAX_BYTES];
    struct packer packer = packer_over(record, sizeof(record));

    pack_slice(&packer, slice_of_text(request->id));
    pack_raw(&packer, packed_job.at, packed_job.len);
    return !packer.overflow && lane_push(&request->worker->mail_lane, record, packer.len);
}

void letter_announce(const struct request *request, struct slice packed_job)
{
    struct segment *segment = request->worker->segment;
    struct mail_job job;

    FAULT("w.before_push");
    if (mail_job_unpack(packed_job, &job)) {
        tell(request, &job);
        if (push(request, packed_job)) {
            FAULT("w.pushed");
            return;
        }
    }
    board_add(segment, BOARD_MAIL_LANE_FULL, 1);
    metric_count(METRIC_MAIL_LANE_FULL);
}

void letters_announce(const struct request *request, struct slice packed_answer)
{
    struct letters_answer letters;

    if (!letters_answer_unpack(packed_answer, &letters))
        return;
    if (letters.first.len > 0)
        letter_announce(request, letters.first);
    if (letters.second.len > 0)
        letter_announce(request, letters.second);
}

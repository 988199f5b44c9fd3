/* What makes bytes a job. A worker that was taken over writes what it likes into its lane, so
 * nothing that could reach an SMTP command, a header or a log field may pass here. */
#include "job.h"

#include "gatepost/email.h"
#include "gatepost/encoding.h"

#define WALL_MAX 253370764800000LL /* the year 9999, in ms: Date has four digits for it */

static bool is_presentable(struct slice text)
{
    if (!utf8_valid(text))
        return false;
    while (text.len > 0) {
        uint32_t point = utf8_next(&text);
        bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
        bool line_end = point == 0x2028 || point == 0x2029;
        if (control || line_end)
            return false;
    }
    return true;
}

static bool is_language_tag(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-'))
            return false;
    }
    return true;
}

static bool is_time(wall_ms when)
{
    return when >= 0 && when < WALL_MAX;
}

bool job_read(struct slice packed, struct mail_job *job_out)
{
    struct mail_job job;

    if (!mail_job_unpack(packed, &job) || mail_purpose_name(job.purpose) == NULL ||
        !email_is_canonical(job.to) || !is_presentable(job.username) ||
        !is_language_tag(job.language) || !is_time(job.created) || !is_time(job.expires))
        return false;
    *job_out = job;
    return true;
}

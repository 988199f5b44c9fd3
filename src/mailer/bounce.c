/* Which letter a report is about. */
#include "bounce.h"

#include <strings.h>

#include "return_path.h"

const char *bounce_domain(const struct bounce_rules *rules)
{
    return strchr(rules->config->mail_from, '@') + 1;
}

static bool is_address(struct slice address, const char *of)
{
    return address.len == strlen(of) && strncasecmp(address.at, of, address.len) == 0;
}

bool bounce_is_ours(const struct bounce_rules *rules, struct slice address)
{
    struct uuid job_id;

    return is_address(address, rules->config->mail_from) ||
           is_address(address, rules->config->mail_return_path) ||
           return_path_read(rules->mail_key, address, &job_id);
}

enum bounce_match bounce_find_job(const struct bounce_rules *rules, struct slice recipient,
                                  const struct report *report, struct uuid *job_id_out)
{
    if (return_path_read(rules->mail_key, recipient, job_id_out))
        return BOUNCE_BY_RETURN_PATH;
    for (size_t i = 0; i < report->address_count; i++) {
        if (return_path_read(rules->mail_key, slice_of_text(report->addresses[i]), job_id_out))
            return BOUNCE_BY_RETURN_PATH;
    }
    if (!report->has_job)
        return BOUNCE_UNMATCHED;
    *job_id_out = report->job_id;
    return BOUNCE_BY_MESSAGE_ID;
}

static enum bounce_kind kind_of(enum report_kind kind)
{
    switch (kind) {
    case REPORT_HARD:
        return BOUNCE_HARD;
    case REPORT_SOFT:
        return BOUNCE_SOFT;
    case REPORT_COMPLAINT:
        return BOUNCE_COMPLAINT;
    case REPORT_NONE:
    case REPORT_HARMLESS:
        break;
    }
    BUG_ON("a report that nothing follows from");
    return BOUNCE_SOFT;
}

struct bounce_note_ask bounce_note(const struct report *report, const struct uuid *job_id,
                                   wall_ms now)
{
    return (struct bounce_note_ask){
        .job_id = *job_id,
        .kind = (uint8_t)kind_of(report->kind),
        .recipient = slice_of_text(report->recipient),
        .detail = slice_of_text(report->detail),
        .now = now,
    };
}

struct bounce_note_ask bounce_note_of_another(const struct report *report,
                                              const struct uuid *job_id, wall_ms now)
{
    struct bounce_note_ask note = bounce_note(report, job_id, now);

    note.kind = BOUNCE_SOFT;
    note.recipient = slice_of_text("");
    return note;
}

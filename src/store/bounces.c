/* What comes back of letters that a relay had taken: bounce_note.
 *
 * A report is whatever somebody sent to the bounce address: who could make it up knew the letter's
 * id, which its reader and the relays know, and what he can bring about is that this one address
 * gets no letters. The same report twice (its bringer was not sure that it had arrived) changes
 * nothing the second time. */
#include "gatepost/email.h"
#include "gatepost/metrics.h"

#include "audit.h"
#include "bounces.h"
#include "history.h"
#include "outbox.h"
#include "requests.h"
#include "suppressions.h"
#include "users.h"

static enum letter_event event_of(uint8_t kind)
{
    switch ((enum bounce_kind)kind) {
    case BOUNCE_HARD:
        return LETTER_BOUNCED;
    case BOUNCE_SOFT:
        return LETTER_DELAYED;
    case BOUNCE_COMPLAINT:
        return LETTER_COMPLAINED;
    }
    BUG_ON("a kind that was looked at does not exist");
    return LETTER_EVENTS;
}

/* Is it what the letter's history ends with? */
static bool is_known(const struct letter_row *letter, enum letter_event event, struct slice detail)
{
    struct letter_try last;

    return history_last(letter->history, &last) && last.event == event &&
           slice_equal(last.reply, history_reply(detail));
}

static void count(enum letter_event event)
{
    if (event == LETTER_BOUNCED)
        metric_count(METRIC_BOUNCES_HARD);
    else if (event == LETTER_DELAYED)
        metric_count(METRIC_BOUNCES_SOFT);
    else
        metric_count(METRIC_BOUNCES_COMPLAINT);
}

static void tell_trail(struct call *call, enum audit_event event, struct slice email_key,
                       const struct uuid *job_id)
{
    struct uuid user_id;
    char job[UUID_TEXT_BYTES];

    if (!user_find(call, TABLE_USERS_BY_EMAIL, email_key, &user_id))
        user_id = (struct uuid){{0}};
    uuid_format(job_id, job);
    audit_add_detail(call, event, &user_id, (struct slice){0}, AUDIT_DONE, slice_of_text(job));
}

void bounce_suppress(struct call *call, enum bounce_kind kind, const struct uuid *job_id,
                     struct slice to, struct slice detail)
{
    const bool complained = kind == BOUNCE_COMPLAINT;
    char key[EMAIL_MAX_BYTES];

    if (suppression_put(call, &(struct suppression_row){
                                  .address = to,
                                  .reason = complained ? SUPPRESSION_COMPLAINT : SUPPRESSION_BOUNCE,
                                  .detail = detail,
                                  .since = call->now,
                                  .job_id = *job_id,
                              }))
        tell_trail(call, complained ? AUDIT_MAIL_COMPLAINT : AUDIT_MAIL_BOUNCED,
                   email_key_of(to, key), job_id);
}

enum store_status bounce_note_on_request(struct call *call)
{
    struct bounce_note_ask ask;
    struct row storage;
    struct letter_row letter;
    struct mail_job job;
    char to_key[EMAIL_MAX_BYTES];
    char recipient_key[EMAIL_MAX_BYTES];

    if (!bounce_note_ask_unpack(call->packed, &ask) || ask.kind > BOUNCE_COMPLAINT)
        return STORE_REFUSED;
    if (!letter_load(call, &ask.job_id, &storage, &letter) || !mail_job_unpack(letter.job, &job))
        return STORE_NOT_FOUND;
    struct slice email_key = email_key_of(job.to, to_key);
    if (ask.recipient.len > 0 &&
        !slice_equal(email_key_of(ask.recipient, recipient_key), email_key))
        return STORE_NOT_FOUND;
    const enum letter_event event = event_of(ask.kind);
    if (is_known(&letter, event, ask.detail))
        return STORE_OK;
    letter_note(call, &ask.job_id, &letter, event, ask.detail);
    if (event != LETTER_DELAYED)
        bounce_suppress(call, (enum bounce_kind)ask.kind, &ask.job_id, job.to, ask.detail);
    count(event);
    return STORE_OK;
}

/* The word to the store about a report, and what the peer is answered.
 *
 * Whatever the store has heard of, or nobody can do anything about, is taken off the peer's hands:
 * an MTA would keep it in its queue for days. Only a store that is away makes it try again. */
#include "note.h"

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "lmtp_server.h"

static const char *const kinds[] = {
    [REPORT_NONE] = "none", [REPORT_HARMLESS] = "harmless",   [REPORT_SOFT] = "soft",
    [REPORT_HARD] = "hard", [REPORT_COMPLAINT] = "complaint",
};
static const char *const matches[] = {
    [BOUNCE_UNMATCHED] = "nothing",
    [BOUNCE_BY_RETURN_PATH] = "return_path",
    [BOUNCE_BY_MESSAGE_ID] = "message_id",
};

/* Never with an address: what the report says in full is the store's, and at level debug here. */
static void log_note(const char *event, const struct note *note, bool is_soft)
{
    const struct report *report = &note->report;
    char id[UUID_TEXT_BYTES] = "-", said[2 * REPORT_DETAIL_BYTES];

    if (note->match != BOUNCE_UNMATCHED)
        uuid_format(&note->job_id, id);
    log_info(event, "kind=%s job=%s status=%s matched=%s",
             kinds[is_soft ? REPORT_SOFT : report->kind], id,
             report->status[0] != '\0' ? report->status : "-", matches[note->match]);
    log_debug("mail.report", "job=%s recipient=%s said=%s", id, report->recipient,
              log_quoted(slice_of_text(report->detail), said, sizeof(said)));
}

static bool ask(struct note *note);

static void on_answer(void *context, enum store_status status, struct slice payload)
{
    struct note *note = context;
    enum lmtp_answer answer = LMTP_ANSWER_IGNORED;

    (void)payload;
    switch (status) {
    case STORE_OK:
        answer = LMTP_ANSWER_NOTED;
        log_note("mail.bounced", note, note->asked_again);
        break;
    case STORE_NOT_FOUND:
        if (note->report.recipient[0] != '\0' && !note->asked_again) {
            note->asked_again = true;
            if (ask(note))
                return;
            answer = LMTP_ANSWER_TRY_AGAIN;
            break;
        }
        log_note("mail.report_unmatched", note, false);
        metric_count(METRIC_REPORTS_IGNORED);
        break;
    case STORE_BUSY:
    case STORE_AWAY:
        answer = LMTP_ANSWER_TRY_AGAIN;
        break;
    case STORE_DUPLICATE:
    case STORE_SPENT:
    case STORE_REFUSED:
    case STORE_POISON:
    case STORE_STATUS_COUNT:
        log_error("mail.report_refused", "status=%d", (int)status);
        break;
    }
    note->on_answer(note, answer);
}

static bool ask(struct note *note)
{
    uint8_t bytes[EMAIL_MAX_BYTES + REPORT_DETAIL_BYTES + 64];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const wall_ms now = clock_wall_ms();
    const struct bounce_note_ask message =
        note->asked_again ? bounce_note_of_another(&note->report, &note->job_id, now)
                          : bounce_note(&note->report, &note->job_id, now);

    bounce_note_ask_pack(&packer, &message);
    BUG_ON(packer.overflow);
    FAULT("m.bounce_asked");
    return store_ask(note->store, STORE_BOUNCE_NOTE, packer_slice(&packer),
                     clock_mono_ns() + LMTP_NOTE_S * NS_PER_S, on_answer, note);
}

bool note_begin(struct note *note, struct store_client *store, const struct bounce_rules *rules,
                struct slice recipient, const struct report *report)
{
    note->store = store;
    note->asked_again = false;
    note->report = *report;
    note->match = BOUNCE_UNMATCHED;
    note->answer = LMTP_ANSWER_IGNORED;
    if (report->kind != REPORT_NONE && report->kind != REPORT_HARMLESS)
        note->match = bounce_find_job(rules, recipient, report, &note->job_id);
    if (note->match == BOUNCE_UNMATCHED) {
        log_note("mail.report_ignored", note, false);
        metric_count(METRIC_REPORTS_IGNORED);
        return false;
    }
    note->answer = LMTP_ANSWER_TRY_AGAIN;
    return ask(note);
}

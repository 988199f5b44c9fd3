/* The insides of reports: groups of fields, and text that says what fields would.
 *
 * A letter of ours has one recipient, yet a report may name several (an alias with many behind it).
 * The worst of them is taken; whether it is the letter's own address is for the store to say. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "bounce_class.h"
#include "gatepost/encoding.h"
#include "report.h"

/* One failure, whoever names it. */
struct failure {
    enum report_kind kind;
    const char *recipient; /* canonical, or "" */
    struct status_code status;
    struct slice said; /* by the other side */
};

/* Behind what is there: printable ASCII, one blank for any, as much as fits. */
static void add_detail(struct report *report, struct slice text)
{
    size_t len = strlen(report->detail);

    for (size_t i = 0; i < text.len && len < sizeof(report->detail) - 1; i++) {
        char byte = text.at[i];
        bool blank = byte == '\r' || byte == '\n' || byte == '\t' || byte == ' ';
        if (blank && (len == 0 || report->detail[len - 1] == ' '))
            continue;
        report->detail[len++] = blank ? ' ' : byte > ' ' && byte <= '~' ? byte : '?';
    }
    report->detail[len] = '\0';
}

/* code: what stands for it in short. */
static void take_failure(struct report *report, const struct failure *failure, const char *code)
{
    if (failure->kind <= report->kind)
        return;
    report->kind = failure->kind;
    snprintf(report->recipient, sizeof(report->recipient), "%s", failure->recipient);
    snprintf(report->status, sizeof(report->status), "%s", code);
    report->detail[0] = '\0';
    add_detail(report, slice_of_text(code));
    add_detail(report, SLICE_LITERAL(" "));
    add_detail(report, failure->said);
}

static void take_status_failure(struct report *report, const struct failure *failure)
{
    const struct status_code *status = &failure->status;
    char code[REPORT_STATUS_BYTES] = "";

    if (status->class != 0)
        snprintf(code, sizeof(code), "%u.%u.%u", status->class % 10, status->subject % 1000,
                 status->detail % 1000);
    take_failure(report, failure, code);
}

/* What failed for good, by its number or by what was said. */
static enum report_kind kind_of_failed(struct status_code *status, struct slice said)
{
    struct status_code code;

    /* A status without a subject says less than the other side's own, where there is one. */
    if ((status->class == 0 || status->subject == 0) && status_code_find(said, &code) &&
        code.class != 2)
        *status = code;
    unsigned smtp_code = smtp_code_find(said);
    if (status->class == 0)
        *status = (struct status_code){.class = smtp_code >= 400 && smtp_code < 500 ? 4 : 5};
    return bounce_is_hard(status, smtp_code) ? REPORT_HARD : REPORT_SOFT;
}

/* ---- addresses ------------------------------------------------------------------------------ */

void report_take_address(const char *value, char address_out[EMAIL_MAX_BYTES + 1])
{
    const char *semicolon = strchr(value, ';');
    struct email email;

    address_out[0] = '\0';
    if (semicolon != NULL) {
        size_t len = (size_t)(semicolon - value);
        bool mails = (len == 6 && strncasecmp(value, "rfc822", 6) == 0) ||
                     (len == 5 && strncasecmp(value, "utf-8", 5) == 0); /* RFC 6533 */
        if (!mails)
            return;
        value = semicolon + 1;
    }
    struct slice text = slice_of_text(value + strspn(value, " \t<"));
    while (text.len > 0 && strchr(" \t>", text.at[text.len - 1]) != NULL)
        text.len--;
    if (text.len > 0 && utf8_valid(text) && email_parse(text, &email))
        memcpy(address_out, email.address, sizeof(email.address));
}

/* ---- RFC 3464 section 2.3 ------------------------------------------------------------------- */

struct recipient_group {
    bool is_one; /* else it is the group about the message */
    char action[16];
    struct status_code status;
    char original[EMAIL_MAX_BYTES + 1];
    char final[EMAIL_MAX_BYTES + 1];
    char said[MIME_VALUE_MAX_BYTES];
};

static void take_group_field(struct recipient_group *group, const struct mime_field *field)
{
    const char *value = field->value;

    if (strcmp(field->name, "original-recipient") == 0) {
        report_take_address(value, group->original);
        group->is_one = true;
    } else if (strcmp(field->name, "final-recipient") == 0) {
        report_take_address(value, group->final);
        group->is_one = true;
    } else if (strcmp(field->name, "action") == 0) {
        snprintf(group->action, sizeof(group->action), "%.*s", (int)strcspn(value, " \t;("), value);
        group->is_one = true;
    } else if (strcmp(field->name, "status") == 0) {
        group->is_one |= status_code_find(slice_of_text(value), &group->status);
    } else if (strcmp(field->name, "diagnostic-code") == 0) {
        const char *semicolon = strchr(value, ';');
        bool is_typed = semicolon != NULL && strcspn(value, " \t") >= (size_t)(semicolon - value);
        value = is_typed ? semicolon + 1 : value;
        value += strspn(value, " \t");
        memcpy(group->said, value, strlen(value) + 1);
    }
}

static void take_group(struct report *report, const struct recipient_group *group)
{
    struct failure failure = {
        .kind = REPORT_HARMLESS,
        .recipient = group->original[0] != '\0' ? group->original : group->final,
        .status = group->status,
        .said = slice_of_text(group->said),
    };

    if (!group->is_one)
        return;
    if (strcasecmp(group->action, "failed") == 0)
        failure.kind = kind_of_failed(&failure.status, failure.said);
    else if (strcasecmp(group->action, "delayed") == 0 ||
             (group->action[0] == '\0' && group->status.class > 2))
        failure.kind = REPORT_SOFT;
    take_status_failure(report, &failure);
}

void report_read_status(struct report *report, struct slice fields)
{
    while (fields.len > 0) {
        struct recipient_group group = {.is_one = false};
        struct mime_field field;
        while (mime_take_field(&fields, &field))
            take_group_field(&group, &field);
        take_group(report, &group);
    }
}

/* ---- RFC 5965 section 3 --------------------------------------------------------------------- */

/* The registry "Feedback Report Type Values" (IANA). not-spam is praise; auth-failure (RFC 6591)
 * and dmarc are about signatures; "other" says nothing that an address should suffer for. */
static bool is_complaint(const char *type)
{
    static const char *const types[] = {"abuse", "fraud", "virus", "opt-out", "opt-out-list"};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strcasecmp(type, types[i]) == 0)
            return true;
    }
    return false;
}

/* The recipient it names is left aside: most are blacked out, and whoever the letter came to in the
 * end, it went to one address. */
void report_read_feedback(struct report *report, struct slice fields)
{
    struct mime_field field;
    char type[REPORT_STATUS_BYTES] = "", agent[64] = "";

    while (mime_take_field(&fields, &field)) {
        if (strcmp(field.name, "feedback-type") == 0)
            snprintf(type, sizeof(type), "%.*s", (int)strcspn(field.value, " \t;("), field.value);
        else if (strcmp(field.name, "user-agent") == 0)
            snprintf(agent, sizeof(agent), "%.*s", 63, field.value);
        else if (strcmp(field.name, "original-mail-from") == 0 &&
                 report->address_count < REPORT_ADDRESSES_MAX)
            report_take_address(field.value, report->addresses[report->address_count++]);
    }
    const struct failure failure = {
        .kind = is_complaint(type) ? REPORT_COMPLAINT : REPORT_HARMLESS,
        .recipient = "",
        .said = slice_of_text(agent),
    };
    take_failure(report, &failure, failure.kind == REPORT_COMPLAINT ? type : "");
}

/* ---- free text ------------------------------------------------------------------------------ */

static void take_text(struct report *report, const char *recipient, struct slice text)
{
    struct failure failure = {.recipient = recipient, .said = text};

    failure.kind = kind_of_failed(&failure.status, text);
    take_status_failure(report, &failure);
}

void report_read_failed(struct report *report, const char *recipient, struct slice text)
{
    if (text.len > REPORT_TEXT_MAX_BYTES)
        text.len = REPORT_TEXT_MAX_BYTES;
    take_text(report, recipient, text);
}

/* Up to the next empty line; moves the text past it. */
static struct slice take_paragraph(struct slice *text)
{
    struct slice paragraph = slice_of(text->at, 0);

    while (text->len > 0) {
        struct slice line = mime_take_line(text);
        if (line.len == 0 && paragraph.len > 0)
            break;
        if (line.len == 0)
            paragraph.at = text->at; /* empty lines in front */
        else
            paragraph.len = (size_t)(line.at + line.len - paragraph.at);
    }
    return paragraph;
}

/* Source: D. J. Bernstein, "The qmail-send Bounce Message Format (QSBMF)". */
void report_read_qmail(struct report *report, struct slice text)
{
    if (text.len > REPORT_TEXT_MAX_BYTES)
        text.len = REPORT_TEXT_MAX_BYTES;
    while (text.len > 0) {
        struct slice paragraph = take_paragraph(&text);
        char value[MIME_VALUE_MAX_BYTES], recipient[EMAIL_MAX_BYTES + 1];
        if (paragraph.len == 0 || paragraph.at[0] == '-')
            return; /* the break: behind it is the letter */
        if (paragraph.at[0] != '<')
            continue;
        struct slice line = mime_take_line(&paragraph);
        if (line.len < 3 || line.at[line.len - 1] != ':' || line.at[line.len - 2] != '>')
            continue;
        line.len--;
        if (!slice_to_text(line, value, sizeof(value)))
            continue;
        report_take_address(value, recipient);
        take_text(report, recipient, paragraph);
    }
}

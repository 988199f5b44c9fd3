/* From a message to what it reports.
 *
 * Story: the message's own header (who it came to, what it answers), then its leaves in order: text
 * that may be a bounce by itself, fields that are one, and the returned letter, whose Message-ID
 * and return path tell which it was. Fields win over text, and the returned letter over references:
 * both are what the standards want, the others what was done before them. */
#include "report.h"

#include <stdlib.h>
#include <strings.h>

#include "redact.h"

struct reading {
    struct report *report;
    const char *domain;
    char *scratch; /* for what is encoded; made when it is needed */
    size_t scratch_bytes;
    char failed[EMAIL_MAX_BYTES + 1]; /* X-Failed-Recipients */
    bool has_failed;
    bool saw_text;     /* the first text is looked at */
    bool is_from_text; /* what the report says so far */
    bool job_returned; /* job_id is the returned letter's own */
};

/* ---- which letter --------------------------------------------------------------------------- */

/* A Message-ID that our letters may have: "<uuid@domain>". The first one counts. */
static void take_message_id(struct reading *reading, struct slice text, bool is_returned)
{
    struct report *report = reading->report;
    size_t domain_len = strlen(reading->domain);

    if (report->has_job && (reading->job_returned || !is_returned))
        return;
    while (text.len > 0) {
        const char *open = memchr(text.at, '<', text.len);
        struct uuid id;
        if (open == NULL)
            return;
        text = slice_of(open + 1, text.len - (size_t)(open + 1 - text.at));
        if (text.len < UUID_TEXT_BYTES + domain_len + 1 || text.at[UUID_TEXT_BYTES - 1] != '@' ||
            strncasecmp(text.at + UUID_TEXT_BYTES, reading->domain, domain_len) != 0 ||
            text.at[UUID_TEXT_BYTES + domain_len] != '>' ||
            !uuid_parse(slice_of(text.at, UUID_TEXT_BYTES - 1), &id))
            continue;
        report->has_job = true;
        report->job_id = id;
        reading->job_returned = is_returned;
        return;
    }
}

/* Every address of the value, as it stands there. */
static void take_addresses(struct report *report, const char *value)
{
    static const char around[] = " \t<>,;:\"()[]";

    while (*value != '\0' && report->address_count < REPORT_ADDRESSES_MAX) {
        value += strspn(value, around);
        size_t len = strcspn(value, around);
        if (len > 0 && len < REPORT_ADDRESS_BYTES && memchr(value, '@', len) != NULL) {
            char *address = report->addresses[report->address_count++];
            memcpy(address, value, len);
            address[len] = '\0';
        }
        value += len;
    }
}

/* ---- fields of headers ---------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* Of the message: to whom it came, in the words of several MTAs; what it answers. */
static void take_outer_field(struct reading *reading, const struct mime_field *field)
{
    static const char *const recipients[] = {
        "delivered-to", "x-delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to",
    };
    static const char *const references[] = {
        "in-reply-to",
        "references",
        "original-message-id",
        "x-original-message-id",
    };

    if (is_one_of(field->name, recipients, ARRAY_LEN(recipients)))
        take_addresses(reading->report, field->value);
    else if (is_one_of(field->name, references, ARRAY_LEN(references)))
        take_message_id(reading, slice_of_text(field->value), false);
    else if (strcmp(field->name, "x-failed-recipients") == 0 && !reading->has_failed) {
        char first[MIME_VALUE_MAX_BYTES];
        size_t len = strcspn(field->value, ", \t");
        memcpy(first, field->value, len);
        first[len] = '\0';
        report_take_address(first, reading->failed);
        reading->has_failed = true;
    }
}

static void take_returned_field(struct reading *reading, const struct mime_field *field)
{
    if (strcmp(field->name, "message-id") == 0)
        take_message_id(reading, slice_of_text(field->value), true);
    else if (strcmp(field->name, "return-path") == 0)
        take_addresses(reading->report, field->value);
}

static void read_returned(struct reading *reading, struct slice letter)
{
    struct mime_field field;

    while (mime_take_field(&letter, &field))
        take_returned_field(reading, &field);
}

/* A letter that stands in the text: the two of its fields that matter, wherever they are. */
static void find_returned(struct reading *reading, struct slice text)
{
    while (text.len > 0) {
        struct slice line = mime_take_line(&text);
        struct mime_field field;
        bool may_be = line.len > 11 && (strncasecmp(line.at, "message-id:", 11) == 0 ||
                                        strncasecmp(line.at, "return-path", 11) == 0);
        if (may_be && mime_take_field(&line, &field))
            take_returned_field(reading, &field);
    }
}

/* ---- leaves --------------------------------------------------------------------------------- */

static struct slice decoded(struct reading *reading, const struct mime_heading *heading,
                            struct slice body)
{
    if (heading->encoding != MIME_PLAIN && reading->scratch_bytes < body.len) {
        reading->scratch = xrealloc(reading->scratch, body.len);
        reading->scratch_bytes = body.len;
    }
    return mime_decode(heading->encoding, body, reading->scratch);
}

static void read_text(struct reading *reading, struct slice text)
{
    static const char qmail[] = "Hi. This is the"; /* QSBMF: a reader may rely on it */

    if (reading->saw_text || reading->report->kind != REPORT_NONE)
        return;
    reading->saw_text = true;
    struct slice begin = text;
    while (begin.len > 0 && strchr("\r\n ", begin.at[0]) != NULL)
        begin = slice_of(begin.at + 1, begin.len - 1);
    if (begin.len >= sizeof(qmail) - 1 && memcmp(begin.at, qmail, sizeof(qmail) - 1) == 0)
        report_read_qmail(reading->report, begin);
    else if (reading->has_failed)
        report_read_failed(reading->report, reading->failed, text);
    if (reading->report->kind == REPORT_NONE)
        return;
    reading->is_from_text = true;
    find_returned(reading, text);
}

/* Fields are better than what a text seemed to say. */
static void forget_text(struct reading *reading)
{
    if (!reading->is_from_text)
        return;
    reading->is_from_text = false;
    reading->report->kind = REPORT_NONE;
    reading->report->recipient[0] = '\0';
}

static void on_leaf(void *context, const struct mime_heading *heading, struct slice body)
{
    static const char *const status[] = {"message/delivery-status",
                                         "message/global-delivery-status"};
    static const char *const returned[] = {"message/rfc822", "text/rfc822-headers",
                                           "message/rfc822-headers", "message/global",
                                           "message/global-headers"};
    struct reading *reading = context;

    if (is_one_of(heading->type, status, ARRAY_LEN(status))) {
        forget_text(reading);
        report_read_status(reading->report, decoded(reading, heading, body));
    } else if (strcmp(heading->type, "message/feedback-report") == 0) {
        forget_text(reading);
        report_read_feedback(reading->report, decoded(reading, heading, body));
    } else if (is_one_of(heading->type, returned, ARRAY_LEN(returned))) {
        read_returned(reading, decoded(reading, heading, body));
    } else if (strcmp(heading->type, "text/plain") == 0) {
        read_text(reading, decoded(reading, heading, body));
    }
}

void report_read(struct slice message, const char *domain, struct report *report_out)
{
    struct reading reading = {.report = report_out, .domain = domain};
    struct mime_heading heading;
    struct mime_field field;

    *report_out = (struct report){.kind = REPORT_NONE};
    mime_heading_init(&heading);
    while (mime_take_field(&message, &field)) {
        mime_heading_take(&heading, &field);
        take_outer_field(&reading, &field);
    }
    mime_walk(&heading, message, on_leaf, &reading);
    free(reading.scratch);
    redact_tokens(report_out->detail, strlen(report_out->detail));
}

/* Composing: a letter's parts filled, its headers, and both as one message.
 *
 * Nothing that somebody chose reaches a header but the address, which was checked: a subject cannot
 * name more than site, address and times. */
#include "gatepost/letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gatepost/bytes.h"
#include "headers.h"
#include "mime.h"
#include "set.h"

/* The largest text of one part; of a subject. */
#define PART_MAX_BYTES    LETTER_MAX_BYTES
#define SUBJECT_ALL_BYTES 900

/* "Mon, 23 Nov 2026 14:51:47 +0000". C locale names whatever the process's locale is. */
static void format_date(wall_ms when, char *text_out, size_t text_bytes)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(when / 1000);
    struct tm date;

    gmtime_r(&seconds, &date);
    snprintf(text_out, text_bytes, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[date.tm_wday],
             date.tm_mday, months[date.tm_mon], date.tm_year + 1900, date.tm_hour, date.tm_min,
             date.tm_sec);
}

/* "https://id.example.org:8443" -> "id.example.org" */
static struct slice host_of(const char *url)
{
    const char *start = strstr(url, "://");
    start = start == NULL ? url : start + 3;
    if (*start == '[')
        return slice_of(start, strcspn(start, "]/") + (strchr(start, ']') != NULL));
    return slice_of(start, strcspn(start, ":/"));
}

/* A letter's templates and values. */
struct filling {
    const struct template *parts; /* by enum part */
    struct slice values[VALUE_COUNT];
    char when[DATE_BYTES];
    char until[DATE_BYTES];
};

static void filling_init(struct filling *filling, const struct letter_head *head,
                         const struct letter *letter)
{
    const struct letter_language *language = letter_set_language(head->letters, letter->language);

    filling->parts = language->parts[letter->purpose];
    date_write(letter->created, language->tag, filling->when);
    date_write(letter->expires, language->tag, filling->until);
    filling->values[VALUE_NONE] = slice_of(NULL, 0);
    filling->values[VALUE_NAME] = slice_of_text(letter->name);
    filling->values[VALUE_TO] = slice_of_text(letter->to);
    filling->values[VALUE_SITE] = host_of(head->public_url);
    filling->values[VALUE_WHEN] = slice_of_text(filling->when);
    filling->values[VALUE_UNTIL] = slice_of_text(filling->until);
    filling->values[VALUE_LINK] = slice_of_text(letter->link);
}

static void fill_part(struct packer *out, enum part part, const struct filling *filling)
{
    template_fill(&filling->parts[part], filling->values, out);
    mime_raw(out, "\n");
}

static void write_headers(struct packer *out, const struct letter_head *head,
                          const struct letter *letter, struct slice subject, const char *boundary)
{
    char id[UUID_TEXT_BYTES], text[320];

    headers_write_sender(out, head);
    mime_header(out, "To", slice_of_text(letter->to));
    mime_header(out, "Subject", subject);
    format_date(letter->created, text, sizeof(text));
    mime_header(out, "Date", slice_of_text(text));
    uuid_format(&letter->id, id);
    snprintf(text, sizeof(text), "<%s@%s>", id, strchr(head->from, '@') + 1);
    mime_header(out, "Message-ID", slice_of_text(text));
    headers_write_handling(out, head, letter->purpose);
    mime_header(out, "MIME-Version", SLICE_LITERAL("1.0"));
    snprintf(text, sizeof(text), "multipart/alternative; boundary=\"%s\"", boundary);
    mime_header(out, "Content-Type", slice_of_text(text));
    mime_raw(out, "\r\n");
}

static void write_part(struct packer *out, const char *boundary, const char *type, enum part part,
                       const struct filling *filling)
{
    char text[PART_MAX_BYTES];
    struct packer filled = packer_over(text, sizeof(text));

    fill_part(&filled, part, filling);
    out->overflow |= filled.overflow;
    if (!out->overflow) {
        mime_raw(out, "--");
        mime_raw(out, boundary);
        mime_raw(out, "\r\n");
        mime_part(out, type, packer_slice(&filled));
        mime_raw(out, "\r\n");
    }
    secret_wipe(text, filled.overflow ? sizeof(text) : filled.len); /* it held a link that works */
}

static void write_message(struct packer *out, const struct letter_head *head,
                          const struct letter *letter, const struct filling *filling)
{
    char id[UUID_TEXT_BYTES], boundary[UUID_TEXT_BYTES + 2], subject[SUBJECT_ALL_BYTES];
    struct packer filled = packer_over(subject, sizeof(subject));

    /* "=_" cannot occur in quoted-printable (RFC 2045 section 6.7), and the id is the job's own. */
    uuid_format(&letter->id, id);
    snprintf(boundary, sizeof(boundary), "=_%s", id);
    template_fill(&filling->parts[PART_SUBJECT], filling->values, &filled);
    out->overflow |= filled.overflow;
    if (out->overflow)
        return;
    write_headers(out, head, letter, packer_slice(&filled), boundary);
    write_part(out, boundary, "text/plain", PART_TEXT, filling);
    write_part(out, boundary, "text/html", PART_HTML, filling);
    mime_raw(out, "--");
    mime_raw(out, boundary);
    mime_raw(out, "--\r\n");
}

bool letter_compose(const struct letter_head *head, const struct letter *letter,
                    enum letter_form form, char *text_out, size_t text_bytes, size_t *len_out)
{
    struct packer out = packer_over(text_out, text_bytes);
    struct filling filling;

    BUG_ON(mail_purpose_name(letter->purpose) == NULL);
    filling_init(&filling, head, letter);
    switch (form) {
    case LETTER_MESSAGE:
        write_message(&out, head, letter, &filling);
        break;
    case LETTER_TEXT:
        fill_part(&out, PART_TEXT, &filling);
        break;
    case LETTER_HTML:
        fill_part(&out, PART_HTML, &filling);
        break;
    }
    *len_out = out.len;
    return !out.overflow;
}

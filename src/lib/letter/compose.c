/* Composing: link, words with their placeholders filled, headers, two parts.
 *
 * Nothing from a job reaches a header but the address, which was checked, and the id. The name goes
 * into the bodies only, never to a line's start, so it can be neither header nor boundary. */
#include "gatepost/letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gatepost/bytes.h"
#include "mime.h"
#include "words.h"

#define WORDS_MAX_BYTES 16384

struct filling {
    const struct letter_words *words;
    struct slice name, link, site;
    char when[64];
    char until[64];
    bool html; /* escape what is filled in */
};

/* "Mon, 23 Nov 2026 14:51:47 +0000". C locale names whatever the process's locale is. */
static void format_date(wall_ms when, bool for_people, char *text_out, size_t text_bytes)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(when / 1000);
    struct tm date;

    gmtime_r(&seconds, &date);
    if (for_people)
        snprintf(text_out, text_bytes, "%d %s %d, %02d:%02d UTC", date.tm_mday, months[date.tm_mon],
                 date.tm_year + 1900, date.tm_hour, date.tm_min);
    else
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

/* A placeholder that stands for words with placeholders of their own, or NULL. */
static const char *words_of(const struct filling *filling, struct slice placeholder)
{
    if (slice_equal(placeholder, SLICE_LITERAL("subject")))
        return filling->words->subject;
    if (slice_equal(placeholder, SLICE_LITERAL("lead")))
        return filling->words->lead;
    if (slice_equal(placeholder, SLICE_LITERAL("button")))
        return filling->words->button;
    if (slice_equal(placeholder, SLICE_LITERAL("small")))
        return filling->words->small;
    return NULL;
}

static struct slice value_of(const struct filling *filling, struct slice placeholder)
{
    if (slice_equal(placeholder, SLICE_LITERAL("name")))
        return filling->name;
    if (slice_equal(placeholder, SLICE_LITERAL("link")))
        return filling->link;
    if (slice_equal(placeholder, SLICE_LITERAL("site")))
        return filling->site;
    if (slice_equal(placeholder, SLICE_LITERAL("when")))
        return slice_of_text(filling->when);
    if (slice_equal(placeholder, SLICE_LITERAL("until")))
        return slice_of_text(filling->until);
    BUG_ON("a placeholder that does not exist");
    return slice_of(NULL, 0);
}

/* The text with its placeholders filled, twice where a frame holds words. CSS in the HTML is
 * inline, so a brace is always one. */
static void fill(struct packer *out, const char *text, const struct filling *filling)
{
    while (*text != '\0') {
        size_t plain = strcspn(text, "{");
        pack_raw(out, text, plain);
        text += plain;
        if (*text == '\0')
            break;
        size_t len = strcspn(text, "}");
        struct slice placeholder = slice_of(text + 1, len - 1);
        const char *inner = words_of(filling, placeholder);
        if (inner != NULL) {
            fill(out, inner, filling);
        } else {
            struct slice value = value_of(filling, placeholder);
            if (filling->html)
                mime_html_escape(out, value);
            else if (value.len > 0)
                pack_raw(out, value.at, value.len);
        }
        text += len + 1;
    }
}

static void write_headers(struct packer *out, const struct letter_head *head,
                          const struct letter *letter, struct slice subject, const char *boundary)
{
    char id[UUID_TEXT_BYTES], text[320];

    mime_header(out, "From", slice_of_text(head->from));
    mime_header(out, "To", slice_of_text(letter->to));
    mime_header(out, "Subject", subject);
    format_date(letter->created, false, text, sizeof(text));
    mime_header(out, "Date", slice_of_text(text));
    uuid_format(&letter->id, id);
    snprintf(text, sizeof(text), "<%s@%s>", id, strchr(head->from, '@') + 1);
    mime_header(out, "Message-ID", slice_of_text(text));
    mime_header(out, "Auto-Submitted", SLICE_LITERAL("auto-generated"));
    mime_header(out, "MIME-Version", SLICE_LITERAL("1.0"));
    snprintf(text, sizeof(text), "multipart/alternative; boundary=\"%s\"", boundary);
    mime_header(out, "Content-Type", slice_of_text(text));
    mime_raw(out, "\r\n");
}

static void fill_part(struct packer *out, const struct letter_frame *frame,
                      const struct filling *filling)
{
    fill(out, frame->before, filling);
    if (filling->words->button != NULL)
        fill(out, frame->link, filling);
    fill(out, frame->after, filling);
}

static void write_part(struct packer *out, const char *boundary, const char *type,
                       const struct letter_frame *frame, const struct filling *filling)
{
    char text[WORDS_MAX_BYTES];
    struct packer filled = packer_over(text, sizeof(text));

    fill_part(&filled, frame, filling);
    out->overflow |= filled.overflow;
    if (!out->overflow) {
        mime_raw(out, "--");
        mime_raw(out, boundary);
        mime_raw(out, "\r\n");
        mime_part(out, type, packer_slice(&filled));
        mime_raw(out, "\r\n");
    }
    secret_wipe(text, sizeof(text)); /* it held a link that works */
}

static void write_message(struct packer *out, const struct letter_head *head,
                          const struct letter *letter, struct filling *filling)
{
    char id[UUID_TEXT_BYTES], boundary[UUID_TEXT_BYTES + 2], subject[512];
    struct packer filled = packer_over(subject, sizeof(subject));

    /* "=_" cannot occur in quoted-printable (RFC 2045 section 6.7), and the id is the job's own. */
    uuid_format(&letter->id, id);
    snprintf(boundary, sizeof(boundary), "=_%s", id);
    fill(&filled, filling->words->subject, filling);
    out->overflow |= filled.overflow;
    if (out->overflow)
        return;
    write_headers(out, head, letter, packer_slice(&filled), boundary);
    write_part(out, boundary, "text/plain", &letter_frames.text, filling);
    filling->html = true;
    write_part(out, boundary, "text/html", &letter_frames.html, filling);
    mime_raw(out, "--");
    mime_raw(out, boundary);
    mime_raw(out, "--\r\n");
}

bool letter_compose(const struct letter_head *head, const struct letter *letter,
                    enum letter_form form, char *text_out, size_t text_bytes, size_t *len_out)
{
    struct packer out = packer_over(text_out, text_bytes);
    struct filling filling = {
        .words = letter_words_of(letter->purpose),
        .name = slice_of_text(letter->name),
        .link = slice_of_text(letter->link),
        .site = host_of(head->public_url),
        .html = form == LETTER_HTML,
    };

    format_date(letter->created, true, filling.when, sizeof(filling.when));
    format_date(letter->expires, true, filling.until, sizeof(filling.until));
    if (form == LETTER_MESSAGE)
        write_message(&out, head, letter, &filling);
    else
        fill_part(&out, form == LETTER_HTML ? &letter_frames.html : &letter_frames.text, &filling);
    *len_out = out.len;
    return !out.overflow;
}

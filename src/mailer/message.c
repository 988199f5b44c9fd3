/* Composing: link, words with their placeholders filled, headers, two parts.
 *
 * Nothing from a job reaches a header but the address, which was checked, and the id. The name goes
 * into the bodies only, never to a line's start, so it can be neither header nor boundary. */
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gatepost/encoding.h"
#include "gatepost/proof_token.h"
#include "mime.h"

#define LINK_MAX_BYTES  1024
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

static bool write_link(const struct letter_head *head, const struct delivery *delivery,
                       const char *path, char link_out[LINK_MAX_BYTES])
{
    char token[PROOF_TOKEN_TEXT_BYTES];
    proof_token_make(head->mail_key, delivery->purpose, &delivery->proof_id, token);
    int len = snprintf(link_out, LINK_MAX_BYTES, "%s%s?token=%s", head->public_url, path, token);
    secret_wipe(token, sizeof(token));
    return len > 0 && len < LINK_MAX_BYTES;
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

static void write_headers(struct packer *letter, const struct letter_head *head,
                          const struct delivery *delivery, struct slice subject,
                          const char *boundary)
{
    char id[UUID_TEXT_BYTES], text[320];

    mime_header(letter, "From", slice_of_text(head->from));
    mime_header(letter, "To", slice_of_text(delivery->to));
    mime_header(letter, "Subject", subject);
    format_date(delivery->created, false, text, sizeof(text));
    mime_header(letter, "Date", slice_of_text(text));
    uuid_format(&delivery->job_id, id);
    snprintf(text, sizeof(text), "<%s@%s>", id, strchr(head->from, '@') + 1);
    mime_header(letter, "Message-ID", slice_of_text(text));
    mime_header(letter, "Auto-Submitted", SLICE_LITERAL("auto-generated"));
    mime_header(letter, "MIME-Version", SLICE_LITERAL("1.0"));
    snprintf(text, sizeof(text), "multipart/alternative; boundary=\"%s\"", boundary);
    mime_header(letter, "Content-Type", slice_of_text(text));
    mime_raw(letter, "\r\n");
}

static void write_part(struct packer *letter, const char *boundary, const char *type,
                       const struct letter_frame *frame, const struct filling *filling)
{
    char text[WORDS_MAX_BYTES];
    struct packer filled = packer_over(text, sizeof(text));

    fill(&filled, frame->before, filling);
    if (filling->words->button != NULL)
        fill(&filled, frame->link, filling);
    fill(&filled, frame->after, filling);
    letter->overflow |= filled.overflow;
    if (!letter->overflow) {
        mime_raw(letter, "--");
        mime_raw(letter, boundary);
        mime_raw(letter, "\r\n");
        mime_part(letter, type, packer_slice(&filled));
        mime_raw(letter, "\r\n");
    }
    secret_wipe(text, sizeof(text)); /* it held a link that works */
}

static void write_letter(struct packer *letter, const struct letter_head *head,
                         const struct delivery *delivery, struct filling *filling)
{
    char id[UUID_TEXT_BYTES], boundary[UUID_TEXT_BYTES + 2], subject[512];
    struct packer filled = packer_over(subject, sizeof(subject));

    /* "=_" cannot occur in quoted-printable (RFC 2045 section 6.7), and the id is the job's own. */
    uuid_format(&delivery->job_id, id);
    snprintf(boundary, sizeof(boundary), "=_%s", id);
    fill(&filled, filling->words->subject, filling);
    letter->overflow |= filled.overflow;
    if (letter->overflow)
        return;
    write_headers(letter, head, delivery, packer_slice(&filled), boundary);
    write_part(letter, boundary, "text/plain", &letter_frames.text, filling);
    filling->html = true;
    write_part(letter, boundary, "text/html", &letter_frames.html, filling);
    mime_raw(letter, "--");
    mime_raw(letter, boundary);
    mime_raw(letter, "--\r\n");
}

enum compose_result message_compose(const struct letter_head *head, const struct delivery *delivery,
                                    wall_ms now, char *letter_out, size_t letter_bytes,
                                    size_t *len_out)
{
    const struct letter_words *words = letter_words_of(delivery->purpose);
    struct packer letter = packer_over(letter_out, letter_bytes);
    char link[LINK_MAX_BYTES] = "";

    if (words == NULL || (words->button != NULL && !write_link(head, delivery, words->path, link)))
        return COMPOSE_IMPOSSIBLE;
    if (delivery->expires <= now)
        return COMPOSE_EXPIRED;
    struct filling filling = {
        .words = words,
        .name = slice_of_text(delivery->username),
        .link = slice_of_text(link),
        .site = host_of(head->public_url),
    };
    format_date(delivery->created, true, filling.when, sizeof(filling.when));
    format_date(delivery->expires, true, filling.until, sizeof(filling.until));
    write_letter(&letter, head, delivery, &filling);
    secret_wipe(link, sizeof(link));
    if (letter.overflow)
        return COMPOSE_IMPOSSIBLE;
    *len_out = letter.len;
    return COMPOSED;
}

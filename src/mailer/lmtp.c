/* The LMTP conversation.
 *
 * A line ends with CRLF; one that ends with a bare LF is refused, so that what a peer means by a
 * line is what this means by one. A message ends with CRLF.CRLF and nothing else (RFC 5321 section
 * 4.1.1.4; what a laxer end leads to is SMTP smuggling).
 * Invariant: `out` has room for a reply whenever a command is carried out: lmtp_feed stops before
 * it has not. */
#include "lmtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define ANSWERS_ROOM (LMTP_RECIPIENTS_MAX * LMTP_REPLY_MAX_BYTES) /* the replies to one dot */

_Static_assert(LMTP_OUT_BYTES >= 2 * ANSWERS_ROOM, "one dot's replies, and what stood before");

static void reply(struct lmtp *lmtp, const char *text)
{
    size_t len = strlen(text);

    BUG_ON(len > LMTP_REPLY_MAX_BYTES - 2 || lmtp->out_len + len + 2 > sizeof(lmtp->out));
    memcpy(lmtp->out + lmtp->out_len, text, len);
    memcpy(lmtp->out + lmtp->out_len + len, "\r\n", 2);
    lmtp->out_len += len + 2;
}

static void close_with(struct lmtp *lmtp, const char *text)
{
    reply(lmtp, text);
    lmtp->state = LMTP_CLOSED;
}

/* A refusal that counts: who only makes mistakes is sent away. */
static void refuse(struct lmtp *lmtp, const char *text)
{
    if (++lmtp->errors >= LMTP_ERRORS_MAX)
        close_with(lmtp, "421 4.7.0 too many errors");
    else
        reply(lmtp, text);
}

static void forget_message(struct lmtp *lmtp)
{
    free(lmtp->message);
    lmtp->message = NULL;
    lmtp->message_len = lmtp->message_bytes = 0;
    lmtp->message_is_too_large = false;
}

static void forget_transaction(struct lmtp *lmtp)
{
    forget_message(lmtp);
    lmtp->has_sender = false;
    lmtp->recipient_count = 0;
}

void lmtp_init(struct lmtp *lmtp)
{
    *lmtp = (struct lmtp){.state = LMTP_COMMANDS};
    reply(lmtp, "220 gatepost LMTP");
}

void lmtp_fini(struct lmtp *lmtp)
{
    forget_transaction(lmtp);
    lmtp->state = LMTP_CLOSED;
}

void lmtp_dismiss(struct lmtp *lmtp, const char *why)
{
    char text[LMTP_REPLY_MAX_BYTES - 2];

    if (lmtp->state == LMTP_CLOSED)
        return;
    forget_transaction(lmtp);
    lmtp->state = LMTP_CLOSED;
    if (lmtp->out_len + LMTP_REPLY_MAX_BYTES > sizeof(lmtp->out))
        return; /* the peer does not read */
    snprintf(text, sizeof(text), "421 4.3.2 %s", why);
    reply(lmtp, text);
}

void lmtp_sent(struct lmtp *lmtp, size_t len)
{
    BUG_ON(len > lmtp->out_len);
    lmtp->out_len -= len;
    memmove(lmtp->out, lmtp->out + len, lmtp->out_len);
}

/* ---- commands ------------------------------------------------------------------------------- */

/* Does the text begin so, in any case? Then the beginning is taken off. */
static bool take_word(struct slice *text, const char *word)
{
    size_t len = strlen(word);

    if (text->len < len || strncasecmp(text->at, word, len) != 0)
        return false;
    *text = slice_of(text->at + len, text->len - len);
    return true;
}

/* "<address>" or "<>" off the front. Only printable ASCII without blanks, and at most
 * EMAIL_MAX_BYTES: no address of ours is anything else, so no quoting is looked into. */
static bool take_path(struct slice *text, char address_out[EMAIL_MAX_BYTES + 1])
{
    const char *end = text->len > 0 ? memchr(text->at, '>', text->len) : NULL;

    if (end == NULL || text->at[0] != '<')
        return false;
    struct slice address = slice_of(text->at + 1, (size_t)(end - text->at) - 1);
    for (size_t i = 0; i < address.len; i++) {
        if (address.at[i] <= ' ' || address.at[i] > '~' || address.at[i] == '<')
            return false;
    }
    if (!slice_to_text(address, address_out, EMAIL_MAX_BYTES + 1))
        return false;
    *text = slice_of(end + 1, text->len - address.len - 2);
    return true;
}

/* The parameters of MAIL: those of the extensions that LHLO offers. False: one is not. */
static bool read_parameters(struct slice text, bool *too_large_out)
{
    *too_large_out = false;
    while (text.len > 0) {
        if (!take_word(&text, " "))
            return false;
        const char *end = memchr(text.at, ' ', text.len);
        struct slice one = slice_of(text.at, end != NULL ? (size_t)(end - text.at) : text.len);
        text = slice_of(text.at + one.len, text.len - one.len);
        if (take_word(&one, "SIZE=")) {
            size_t size = 0;
            if (one.len == 0 || one.len > 18)
                return false;
            for (size_t i = 0; i < one.len; i++) {
                if (one.at[i] < '0' || one.at[i] > '9')
                    return false;
                size = size * 10 + (size_t)(one.at[i] - '0');
            }
            *too_large_out = size > LMTP_MESSAGE_MAX_BYTES;
        } else if (take_word(&one, "BODY=")) {
            if (!((take_word(&one, "7BIT") || take_word(&one, "8BITMIME")) && one.len == 0))
                return false;
        } else if (one.len > 0 && !(take_word(&one, "SMTPUTF8") && one.len == 0)) {
            return false;
        }
    }
    return true;
}

static void on_hello(struct lmtp *lmtp)
{
    forget_transaction(lmtp);
    lmtp->has_hello = true;
    reply(lmtp, "250-gatepost\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n"
                "250-SMTPUTF8\r\n250 SIZE 262144");
    _Static_assert(LMTP_MESSAGE_MAX_BYTES == 262144, "the line above says so");
}

/* Whoever sends: reports have no sender, and one that has is read all the same. */
static void on_mail(struct lmtp *lmtp, struct slice words)
{
    char sender[EMAIL_MAX_BYTES + 1];
    bool too_large;

    if (!lmtp->has_hello || lmtp->has_sender) {
        refuse(lmtp, "503 5.5.1 bad sequence of commands");
    } else if (!take_path(&words, sender)) {
        refuse(lmtp, "501 5.1.7 no address");
    } else if (!read_parameters(words, &too_large)) {
        refuse(lmtp, "555 5.5.4 parameter not offered");
    } else if (too_large) {
        reply(lmtp, "552 5.3.4 message too big");
    } else {
        lmtp->has_sender = true;
        reply(lmtp, "250 2.1.0 OK");
    }
}

static enum lmtp_step on_rcpt(struct lmtp *lmtp, struct slice words)
{
    if (!lmtp->has_sender) {
        refuse(lmtp, "503 5.5.1 bad sequence of commands");
    } else if (lmtp->recipient_count == LMTP_RECIPIENTS_MAX) {
        refuse(lmtp, "452 4.5.3 too many recipients");
    } else if (!take_path(&words, lmtp->address) || lmtp->address[0] == '\0') {
        refuse(lmtp, "501 5.1.3 no address");
    } else if (words.len > 0) {
        refuse(lmtp, "555 5.5.4 parameter not offered");
    } else {
        return LMTP_STEP_RECIPIENT;
    }
    return LMTP_STEP_WAIT;
}

void lmtp_recipient(struct lmtp *lmtp, bool is_ours)
{
    if (!is_ours) {
        refuse(lmtp, "550 5.1.1 no address of this server's letters");
        return;
    }
    size_t len = strlen(lmtp->address) + 1;
    memcpy(lmtp->recipients[lmtp->recipient_count], lmtp->address, len);
    lmtp->answers[lmtp->recipient_count++] = LMTP_ANSWER_NONE;
    reply(lmtp, "250 2.1.5 OK");
}

static void on_data(struct lmtp *lmtp)
{
    if (lmtp->recipient_count == 0) {
        refuse(lmtp, "503 5.5.1 no valid recipients"); /* RFC 2033 section 4.2 */
        return;
    }
    lmtp->state = LMTP_DATA;
    lmtp->dot = 2; /* as behind a CRLF: an empty message ends at once */
    reply(lmtp, "354 end with CRLF.CRLF");
}

static enum lmtp_step on_command(struct lmtp *lmtp, struct slice line)
{
    struct slice rest = line;

    if (take_word(&rest, "LHLO ") && rest.len > 0) {
        on_hello(lmtp);
    } else if (take_word(&rest, "MAIL FROM:")) {
        on_mail(lmtp, rest);
    } else if (take_word(&rest, "RCPT TO:")) {
        return on_rcpt(lmtp, rest);
    } else if (take_word(&rest, "DATA") && rest.len == 0) {
        on_data(lmtp);
    } else if (take_word(&rest, "RSET") && rest.len == 0) {
        forget_transaction(lmtp);
        reply(lmtp, "250 2.0.0 OK");
    } else if (take_word(&rest, "NOOP") && (rest.len == 0 || rest.at[0] == ' ')) {
        reply(lmtp, "250 2.0.0 OK");
    } else if (take_word(&rest, "VRFY ")) {
        reply(lmtp, "252 2.5.0 send a message and see");
    } else if (take_word(&rest, "QUIT") && rest.len == 0) {
        close_with(lmtp, "221 2.0.0 bye");
    } else {
        refuse(lmtp, "500 5.5.1 no such command"); /* HELO and EHLO too: RFC 2033 section 4.1 */
    }
    return LMTP_STEP_WAIT;
}

/* Bytes up to a line's end, and the command when it is whole. */
static enum lmtp_step take_line(struct lmtp *lmtp, struct slice *bytes)
{
    const char *end = memchr(bytes->at, '\n', bytes->len);
    size_t len = end != NULL ? (size_t)(end - bytes->at) + 1 : bytes->len;
    size_t room = sizeof(lmtp->line) - lmtp->line_len;
    size_t kept = len < room ? len : room;

    memcpy(lmtp->line + lmtp->line_len, bytes->at, kept);
    lmtp->line_len += kept;
    lmtp->line_is_too_long |= kept < len;
    *bytes = slice_of(bytes->at + len, bytes->len - len);
    if (end == NULL)
        return LMTP_STEP_WAIT;
    struct slice line = slice_of(lmtp->line, lmtp->line_len);
    bool is_too_long = lmtp->line_is_too_long;
    lmtp->line_len = 0;
    lmtp->line_is_too_long = false;
    if (is_too_long) {
        refuse(lmtp, "500 5.5.2 line too long");
        return LMTP_STEP_WAIT;
    }
    if (line.len < 2 || line.at[line.len - 2] != '\r' || memchr(line.at, '\0', line.len) != NULL) {
        refuse(lmtp, "500 5.5.2 a line ends with CRLF");
        return LMTP_STEP_WAIT;
    }
    line.len -= 2;
    return on_command(lmtp, line);
}

/* ---- the message ---------------------------------------------------------------------------- */

static void keep(struct lmtp *lmtp, const char *bytes, size_t len)
{
    if (lmtp->message_is_too_large || len > LMTP_MESSAGE_MAX_BYTES - lmtp->message_len) {
        lmtp->message_is_too_large = true;
        return;
    }
    if (lmtp->message_len + len > lmtp->message_bytes) {
        size_t more = lmtp->message_bytes == 0 ? 16384 : 2 * lmtp->message_bytes;
        while (more < lmtp->message_len + len)
            more *= 2;
        lmtp->message = xrealloc(lmtp->message, more);
        lmtp->message_bytes = more;
    }
    if (len > 0)
        memcpy(lmtp->message + lmtp->message_len, bytes, len);
    lmtp->message_len += len;
}

/* What the peer's CRLF.CRLF has of it so far: 1 CR, 2 CRLF, 3 CRLF., 4 CRLF.CR. The dot at 3 is
 * not kept: either it ends the message or it was stuffed. Returns true at the end. */
static bool take_byte(struct lmtp *lmtp, char byte)
{
    if (lmtp->dot == 4 && byte == '\n')
        return true;
    if (lmtp->dot == 2 && byte == '.') {
        lmtp->dot = 3;
        return false;
    }
    if (lmtp->dot == 3 && byte == '\r') {
        lmtp->dot = 4;
        return false;
    }
    if (lmtp->dot == 4) /* CRLF.CR and something else: the CR was text */
        keep(lmtp, "\r", 1);
    if (byte == '\n' && lmtp->dot == 1)
        lmtp->dot = 2;
    else
        lmtp->dot = byte == '\r' ? 1 : 0;
    keep(lmtp, &byte, 1);
    return false;
}

static enum lmtp_step take_message(struct lmtp *lmtp, struct slice *bytes)
{
    while (bytes->len > 0) {
        if (lmtp->dot == 0) { /* up to the next CR nothing can happen */
            const char *next = memchr(bytes->at, '\r', bytes->len);
            size_t plain = next != NULL ? (size_t)(next - bytes->at) : bytes->len;
            keep(lmtp, bytes->at, plain);
            *bytes = slice_of(bytes->at + plain, bytes->len - plain);
            if (bytes->len == 0)
                return LMTP_STEP_WAIT;
        }
        char byte = *bytes->at;
        *bytes = slice_of(bytes->at + 1, bytes->len - 1);
        if (!take_byte(lmtp, byte))
            continue;
        if (lmtp->message_is_too_large) {
            for (size_t i = 0; i < lmtp->recipient_count; i++)
                reply(lmtp, "552 5.3.4 message too big");
            forget_transaction(lmtp);
            lmtp->state = LMTP_COMMANDS;
            return LMTP_STEP_WAIT;
        }
        lmtp->state = LMTP_ANSWERING;
        return LMTP_STEP_MESSAGE;
    }
    return LMTP_STEP_WAIT;
}

void lmtp_answer(struct lmtp *lmtp, size_t recipient, enum lmtp_answer answer)
{
    static const char *const texts[LMTP_ANSWERS] = {
        [LMTP_ANSWER_NOTED] = "250 2.0.0 noted",
        [LMTP_ANSWER_IGNORED] = "250 2.0.0 nothing to note",
        [LMTP_ANSWER_TRY_AGAIN] = "451 4.3.0 try again later",
    };

    BUG_ON(lmtp->state != LMTP_ANSWERING || recipient >= lmtp->recipient_count ||
           lmtp->answers[recipient] != LMTP_ANSWER_NONE || answer == LMTP_ANSWER_NONE);
    lmtp->answers[recipient] = answer;
    for (size_t i = 0; i < lmtp->recipient_count; i++) {
        if (lmtp->answers[i] == LMTP_ANSWER_NONE)
            return;
    }
    for (size_t i = 0; i < lmtp->recipient_count; i++)
        reply(lmtp, texts[lmtp->answers[i]]);
    lmtp->errors = 0;
    forget_transaction(lmtp);
    lmtp->state = LMTP_COMMANDS;
}

enum lmtp_step lmtp_feed(struct lmtp *lmtp, struct slice *bytes)
{
    while (lmtp->state != LMTP_CLOSED && bytes->len > 0) {
        enum lmtp_step step = LMTP_STEP_WAIT;
        if (lmtp->state == LMTP_ANSWERING || lmtp->out_len + ANSWERS_ROOM > sizeof(lmtp->out))
            return LMTP_STEP_WAIT;
        if (lmtp->state == LMTP_DATA)
            step = take_message(lmtp, bytes);
        else
            step = take_line(lmtp, bytes);
        if (step != LMTP_STEP_WAIT)
            return step;
    }
    return lmtp->state == LMTP_CLOSED ? LMTP_STEP_CLOSE : LMTP_STEP_WAIT;
}

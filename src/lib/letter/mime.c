/* The encodings of a letter. Only CRLF ends a line; no bare CR or LF ever comes out of here. */
#include "mime.h"

#include <stdio.h>

#include "gatepost/encoding.h"

#define ENCODED_WORD_BYTES 45 /* of text in one word: 60 of base64, 75 with what is around it */
#define ENCODED_LINE_BYTES 76 /* RFC 2047 section 2: of a line with a word in it */
#define ENCODED_FRAME      12 /* =?UTF-8?B? and ?= */
#define HEADER_LINE_BYTES  78 /* RFC 5322 section 2.1.1: what a line should have at most */
#define QUOTED_LINE_BYTES  75 /* and the '=' of a soft line break: RFC 2045 has 76 */

void mime_raw(struct packer *letter, const char *text)
{
    pack_raw(letter, text, strlen(text));
}

static bool is_printable_ascii(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < 0x20 || value.at[i] > 0x7e)
            return false;
    }
    return true;
}

static bool has_control(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.at[i] < 0x20 || value.at[i] == 0x7f)
            return true;
    }
    return false;
}

/* How much of the value fits in one encoded-word behind so many bytes of its line, without cutting
 * a character. */
static size_t word_length(struct slice value, size_t column)
{
    size_t room = (ENCODED_LINE_BYTES - ENCODED_FRAME - column) / 4 * 3;

    BUG_ON(column >= ENCODED_LINE_BYTES - ENCODED_FRAME - 8); /* names are short, and ours */
    if (room > ENCODED_WORD_BYTES)
        room = ENCODED_WORD_BYTES;
    if (value.len <= room)
        return value.len;
    size_t len = room;
    while (len > 1 && ((unsigned char)value.at[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static void pack_encoded_words(struct packer *letter, struct slice value, size_t column)
{
    char base64[BASE64_TEXT_BYTES(ENCODED_WORD_BYTES)];

    while (value.len > 0) {
        size_t len = word_length(value, column);
        base64_encode(value.at, len, base64);
        mime_raw(letter, "=?UTF-8?B?");
        mime_raw(letter, base64);
        mime_raw(letter, "?=");
        value.at += len;
        value.len -= len;
        if (value.len > 0)
            mime_raw(letter, "\r\n ");
        column = 1;
    }
}

/* Blanks and the word behind them at a time; a fold is put before blanks, never before blanks
 * alone: a line of nothing else would be one too many (RFC 5322 section 3.2.2). */
static void pack_folded(struct packer *letter, struct slice value, size_t column)
{
    while (value.len > 0) {
        size_t blanks = 0, len;
        while (blanks < value.len && value.at[blanks] == ' ')
            blanks++;
        for (len = blanks; len < value.len && value.at[len] != ' ';)
            len++;
        if (blanks > 0 && len > blanks && column + len > HEADER_LINE_BYTES) {
            mime_raw(letter, "\r\n");
            column = 0;
        }
        pack_raw(letter, value.at, len);
        column += len;
        value = slice_of(value.at + len, value.len - len);
    }
}

static bool fits_in_header(const char *name, struct slice value)
{
    return !has_control(value) && strlen(name) + 2 + value.len <= MIME_LINE_MAX_BYTES &&
           utf8_valid(value);
}

void mime_header(struct packer *letter, const char *name, struct slice value)
{
    size_t column = strlen(name) + 2;

    if (!fits_in_header(name, value)) {
        letter->overflow = true;
        return;
    }
    mime_raw(letter, name);
    mime_raw(letter, ": ");
    if (is_printable_ascii(value))
        pack_folded(letter, value, column);
    else
        pack_encoded_words(letter, value, column);
    mime_raw(letter, "\r\n");
}

/* A phrase of words that need no quotes (RFC 5322 section 3.2.3, without the odd ones). */
static bool is_plain_phrase(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != ' ' && c != '-')
            return false;
    }
    return true;
}

static void pack_quoted(struct packer *out, struct slice text)
{
    pack_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\')
            pack_u8(out, '\\');
        pack_u8(out, (uint8_t)text.at[i]);
    }
    pack_u8(out, '"');
}

void mime_address_header(struct packer *letter, const char *name, struct slice display_name,
                         struct slice address)
{
    char text[MIME_LINE_MAX_BYTES];
    struct packer value = packer_over(text, sizeof(text));

    if (display_name.len == 0) {
        mime_header(letter, name, address);
        return;
    }
    if (!is_printable_ascii(address) || !fits_in_header(name, display_name)) {
        letter->overflow = true;
        return;
    }
    if (!is_printable_ascii(display_name)) {
        mime_raw(letter, name);
        mime_raw(letter, ": ");
        pack_encoded_words(letter, display_name, strlen(name) + 2);
        mime_raw(letter, "\r\n <");
        pack_raw(letter, address.at, address.len);
        mime_raw(letter, ">\r\n");
        return;
    }
    if (is_plain_phrase(display_name))
        pack_raw(&value, display_name.at, display_name.len);
    else
        pack_quoted(&value, display_name);
    mime_raw(&value, " <");
    pack_raw(&value, address.at, address.len);
    mime_raw(&value, ">");
    letter->overflow |= value.overflow;
    if (!value.overflow)
        mime_header(letter, name, packer_slice(&value));
}

/* Can it go as it is? ASCII, no controls but LF, no long lines, no space at a line's end. */
static bool is_seven_bit(struct slice text)
{
    size_t line_len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte == '\n') {
            line_len = 0;
            continue;
        }
        if (byte < 0x20 || byte > 0x7e || ++line_len > MIME_LINE_MAX_BYTES)
            return false;
    }
    return true;
}

static void pack_lines(struct packer *letter, struct slice text)
{
    while (text.len > 0) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.at) : text.len;
        size_t taken = len + (end != NULL);

        pack_raw(letter, text.at, len);
        pack_raw(letter, "\r\n", 2);
        text = slice_of(text.at + taken, text.len - taken);
    }
}

/* A dot at a line's start is quoted too: nothing on the way can take it for the letter's end. */
static bool goes_unquoted(struct slice text, size_t i, size_t line_len)
{
    unsigned char byte = (unsigned char)text.at[i];

    if (byte == ' ')
        return i + 1 < text.len && text.at[i + 1] != '\n';
    if (byte == '.' && line_len == 0)
        return false;
    return byte > 0x20 && byte < 0x7f && byte != '=';
}

/* By runs of what goes as it is: byte by byte it cost as much as all the rest of a letter. */
static void pack_quoted_printable(struct packer *letter, struct slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t line_len = 0;

    for (size_t i = 0; i < text.len;) {
        size_t run = 0;
        while (i + run < text.len && line_len + run < QUOTED_LINE_BYTES &&
               goes_unquoted(text, i + run, line_len + run))
            run++;
        pack_raw(letter, text.at + i, run);
        line_len += run;
        i += run;
        if (i == text.len)
            break;
        unsigned char byte = (unsigned char)text.at[i];
        if (byte == '\n') {
            pack_raw(letter, "\r\n", 2);
            line_len = 0;
            i++;
        } else if (goes_unquoted(text, i, line_len) || line_len + 3 > QUOTED_LINE_BYTES) {
            pack_raw(letter, "=\r\n", 3);
            line_len = 0;
        } else {
            pack_raw(letter, (const char[]){'=', digits[byte >> 4], digits[byte & 15]}, 3);
            line_len += 3;
            i++;
        }
    }
    if (line_len > 0)
        mime_raw(letter, "\r\n");
}

void mime_part(struct packer *letter, const char *type, struct slice text)
{
    bool seven_bit = is_seven_bit(text);

    mime_raw(letter, "Content-Type: ");
    mime_raw(letter, type);
    mime_raw(letter, "; charset=utf-8\r\nContent-Transfer-Encoding: ");
    mime_raw(letter, seven_bit ? "7bit\r\n\r\n" : "quoted-printable\r\n\r\n");
    if (seven_bit)
        pack_lines(letter, text);
    else
        pack_quoted_printable(letter, text);
}

void mime_html_escape(struct packer *text, struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        switch (value.at[i]) {
        case '&':
            mime_raw(text, "&amp;");
            break;
        case '<':
            mime_raw(text, "&lt;");
            break;
        case '>':
            mime_raw(text, "&gt;");
            break;
        case '"':
            mime_raw(text, "&quot;");
            break;
        case '\'':
            mime_raw(text, "&#39;");
            break;
        default:
            pack_u8(text, (uint8_t)value.at[i]);
        }
    }
}

/* The encodings of a letter. Only CRLF ends a line; no bare CR or LF ever comes out of here. */
#include "mime.h"

#include <stdio.h>

#include "gatepost/encoding.h"

#define ENCODED_WORD_BYTES 45 /* of text in one word: 60 of base64, 75 with what is around it */
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

/* How much of the value fits in one encoded-word without cutting a character. */
static size_t word_length(struct slice value)
{
    if (value.len <= ENCODED_WORD_BYTES)
        return value.len;
    size_t len = ENCODED_WORD_BYTES;
    while (len > 1 && ((unsigned char)value.at[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static void pack_encoded_words(struct packer *letter, struct slice value)
{
    char base64[BASE64_TEXT_BYTES(ENCODED_WORD_BYTES)];

    while (value.len > 0) {
        size_t len = word_length(value);
        base64_encode(value.at, len, base64);
        mime_raw(letter, "=?UTF-8?B?");
        mime_raw(letter, base64);
        mime_raw(letter, "?=");
        value.at += len;
        value.len -= len;
        if (value.len > 0)
            mime_raw(letter, "\r\n ");
    }
}

void mime_header(struct packer *letter, const char *name, struct slice value)
{
    if (has_control(value) || strlen(name) + 2 + value.len > MIME_LINE_MAX_BYTES ||
        !utf8_valid(value)) {
        letter->overflow = true;
        return;
    }
    mime_raw(letter, name);
    mime_raw(letter, ": ");
    if (is_printable_ascii(value))
        pack_raw(letter, value.at, value.len);
    else
        pack_encoded_words(letter, value);
    mime_raw(letter, "\r\n");
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
    size_t start = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] != '\n')
            continue;
        pack_raw(letter, text.at + start, i - start);
        mime_raw(letter, "\r\n");
        start = i + 1;
    }
    if (start < text.len) {
        pack_raw(letter, text.at + start, text.len - start);
        mime_raw(letter, "\r\n");
    }
}

/* A dot at a line's start is quoted too: nothing on the way can take it for the letter's end. */
static bool goes_unquoted(unsigned char byte, size_t line_len, bool is_last_of_line)
{
    if (byte == ' ')
        return !is_last_of_line;
    if (byte == '.' && line_len == 0)
        return false;
    return byte > 0x20 && byte < 0x7f && byte != '=';
}

static void pack_quoted_printable(struct packer *letter, struct slice text)
{
    size_t line_len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        char form[4] = {(char)byte, '\0'};
        if (byte == '\n') {
            mime_raw(letter, "\r\n");
            line_len = 0;
            continue;
        }
        bool is_last = i + 1 == text.len || text.at[i + 1] == '\n';
        if (!goes_unquoted(byte, line_len, is_last))
            snprintf(form, sizeof(form), "=%02X", byte);
        size_t form_len = strlen(form);
        if (line_len + form_len > QUOTED_LINE_BYTES) {
            mime_raw(letter, "=\r\n");
            line_len = 0;
            if (byte == '.')
                memcpy(form, "=2E", sizeof("=2E"));
            form_len = strlen(form);
        }
        pack_raw(letter, form, form_len);
        line_len += form_len;
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

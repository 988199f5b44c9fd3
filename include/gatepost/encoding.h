/* Text forms of bytes: base64url without padding (RFC 4648 section 5), base64, hex. */
#ifndef GATEPOST_ENCODING_H
#define GATEPOST_ENCODING_H

#include "gatepost/base.h"

/* Room for the text of n bytes, with the NUL. */
#define BASE64URL_TEXT_BYTES(n) (((n)*4 + 2) / 3 + 1)
#define BASE64_TEXT_BYTES(n)    (((n) + 2) / 3 * 4 + 1)
#define HEX_TEXT_BYTES(n)       ((n)*2 + 1)

/* Each writes a NUL-terminated text; the array has the room named above. */
void base64url_encode(const void *bytes, size_t len, char *text_out);
void base64_encode(const void *bytes, size_t len, char *text_out);
void hex_encode(const void *bytes, size_t len, char *text_out);

/* The value of a hex digit in either case, or -1. */
int hex_digit(char c);

/* Strict: exact alphabet, no padding, no spare bits set, at most bytes_max bytes.
 * Returns false with nothing promised about bytes_out. */
MUST_USE bool base64url_decode(struct slice text, void *bytes_out, size_t bytes_max,
                               size_t *len_out);

/* With padding, as Django writes its hashes; same strictness. */
MUST_USE bool base64_decode(struct slice text, void *bytes_out, size_t bytes_max, size_t *len_out);

/* Hex in either case. */
MUST_USE bool hex_decode(struct slice text, void *bytes_out, size_t bytes_max, size_t *len_out);

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
MUST_USE bool utf8_valid(struct slice text);

/* Room for any text of n bytes after utf8_repair. */
#define UTF8_REPAIRED_BYTES(n) ((n)*3)

/* Copies the text; every byte that belongs to no good sequence becomes U+FFFD.
 * Returns the length. text_out: room as above, no NUL at its end. */
size_t utf8_repair(struct slice text, char *text_out);

/* Code points in valid UTF-8. */
size_t utf8_count(struct slice text);

/* Reads one code point of valid UTF-8 and moves the slice past it; slice->len > 0. */
uint32_t utf8_next(struct slice *text);

/* Text without the characters that Python's str.strip() takes away. text: valid UTF-8. */
struct slice text_trimmed(struct slice text);

#endif

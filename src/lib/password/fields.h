/* Pieces of a stored form, read strictly: each can be spelled in one way only. */
#ifndef GATEPOST_PASSWORD_FIELDS_H
#define GATEPOST_PASSWORD_FIELDS_H

#include "gatepost/base.h"

/* Cuts off what stands before the next separator, and the separator. */
MUST_USE bool field_cut(struct slice *text, char separator, struct slice *field_out);

/* Cuts off the literal, which must stand there. */
MUST_USE bool field_skip(struct slice *text, const char *literal);

/* Decimal digits: 1 to UINT32_MAX without sign, space or leading zero. */
MUST_USE bool field_number(struct slice text, uint32_t *number_out);

/* Base64 without padding, of `plus` for the 62nd character: '+' in PHC strings, '.' in passlib's
 * ab64. Both end with '/'. */
MUST_USE bool field_base64(struct slice text, char plus, void *bytes_out, size_t bytes_max,
                           uint32_t *len_out);

/* Characters of ./0-9A-Za-z alone, which crypt(3) writes. */
MUST_USE bool field_is_crypt64(struct slice text);

/* The value of such a character in crypt(3)'s order ("./0-9A-Za-z"), or -1. */
int field_crypt64_digit(char c);

#endif

/* The "relaxed" forms of RFC 6376 section 3.4. Private to this folder. */
#ifndef DKIM_CANON_H
#define DKIM_CANON_H

#include "gatepost/bytes.h"

#define DKIM_DIGEST_BYTES 32

/* Takes the next header field, with its folds and without its last line end. False at the empty
 * line, which is taken too: the body is left. */
MUST_USE bool canon_next_field(struct slice *letter, struct slice *field_out);

/* The name before the colon. */
struct slice canon_field_name(struct slice field);

/* Section 3.4.2: lower-case name, colon, value on one line with single blanks. No line end. */
void canon_pack_field(struct packer *out, struct slice field);

/* Section 3.4.4, hashed. */
void canon_digest_body(struct slice body, uint8_t digest_out[DKIM_DIGEST_BYTES]);

#endif

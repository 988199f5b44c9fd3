/* Reading messages that others wrote: lines, header fields, parts, their encodings.
 *
 * Everything here is hostile. Nothing is refused and nothing recurses: what makes no sense is
 * skipped, what is too deep, too long or too much is left out. CRLF and bare LF both end a line
 * (pipes give the latter). Source: RFC 5322 section 2.2, RFC 2045, RFC 2046 section 5.1. */
#ifndef MAILER_MIME_READ_H
#define MAILER_MIME_READ_H

#include "gatepost/base.h"

#define MIME_VALUE_MAX_BYTES    1024 /* of a field, unfolded; the rest is left out */
#define MIME_BOUNDARY_MAX_BYTES 70   /* RFC 2046 section 5.1.1 */
#define MIME_DEPTH_MAX          4    /* multiparts in each other; deeper ones are leaves */
#define MIME_PARTS_MAX          64   /* of one message */

/* The next line without its end; moves the text past it. text->len > 0. */
struct slice mime_take_line(struct slice *text);

struct mime_field {
    char name[48];                    /* lower case; a longer one is cut, and is nothing we know */
    char value[MIME_VALUE_MAX_BYTES]; /* unfolded, trimmed; control characters are blanks */
};

/* The next field of a block of fields; moves the block past it. Lines that are no field are
 * skipped. False at the empty line that ends the block, which the block is then past, or when
 * nothing is left. */
MUST_USE bool mime_take_field(struct slice *block, struct mime_field *field_out);

enum mime_encoding { MIME_PLAIN, MIME_BASE64, MIME_QUOTED };

/* What a part's header says about its body. */
struct mime_heading {
    char type[64]; /* lower case, without parameters; "text/plain" where there is none */
    char boundary[MIME_BOUNDARY_MAX_BYTES + 1]; /* "": no multipart */
    enum mime_encoding encoding;
};

void mime_heading_init(struct mime_heading *heading);
/* Takes what the field says, if it is one of the two that say something. */
void mime_heading_take(struct mime_heading *heading, const struct mime_field *field);

/* Called for each leaf: a part that is no multipart, in order. body: borrowed, still encoded.
 * Messages inside of a message are leaves. */
typedef void (*mime_leaf_fn)(void *context, const struct mime_heading *heading, struct slice body);

/* heading, body: of the message. */
void mime_walk(const struct mime_heading *heading, struct slice body, mime_leaf_fn leaf,
               void *context);

/* The body's bytes, as lenient as readers of mail are: the body itself, or `scratch`, which has
 * room for body.len bytes. */
struct slice mime_decode(enum mime_encoding encoding, struct slice body, char *scratch);

#endif

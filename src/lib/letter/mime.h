/* Writing letters: headers and bodies in the forms of RFC 5322, 2045 and 2047.
 *
 * Everything is written into a packer, whose overflow is looked at once at the end. */
#ifndef MAILER_MIME_H
#define MAILER_MIME_H

#include "gatepost/bytes.h"

#define MIME_LINE_MAX_BYTES 998 /* RFC 5322 section 2.1.1, without the CRLF */

/* Text that is ours: ASCII with CRLF where it has line ends. */
void mime_raw(struct packer *letter, const char *text);

/* "Name: value" CRLF. A value with anything but printable ASCII becomes encoded-words in UTF-8,
 * folded; printable ASCII is folded at its blanks where a line would
 * be longer than 78. A value with a control character (CR, LF, NUL) sets overflow: no such letter
 * is made. */
void mime_header(struct packer *letter, const char *name, struct slice value);

/* "Name: display name <address>" CRLF; without a display name the bare address. The name is quoted
 * or encoded as it needs to be (RFC 5322 section 3.4, RFC 2047 section 5); the rest as mime_header.
 */
void mime_address_header(struct packer *letter, const char *name, struct slice display_name,
                         struct slice address);

/* A body part with its own headers: `text` is UTF-8 with LF line ends. Plain 7bit where every
 * line is ASCII and short enough, so that a link stays whole for whoever reads the source, else
 * quoted-printable. type: "text/plain". */
void mime_part(struct packer *letter, const char *type, struct slice text);

/* Escapes & < > " ' for HTML text and attributes. */
void mime_html_escape(struct packer *text, struct slice value);

#endif

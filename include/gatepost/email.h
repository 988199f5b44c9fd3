/* E-mail addresses: the strict addr-spec that relays and people agree on.
 *
 * Accepted: ASCII dot-atom local part of at most 64 octets; domain of letters, digits, hyphens, or
 * an internationalised one, turned into its A-labels (IDNA 2008, libidn2); 254 octets in all.
 * `localhost` is a domain, in lower case as in Django; other names need a dot and a top-level label
 * of two characters or more that is no number. Refused: quoted local parts, comments, IP literals,
 * a trailing dot, anything that could reach an SMTP command line (RFC 5321, 5322). */
#ifndef GATEPOST_EMAIL_H
#define GATEPOST_EMAIL_H

#include "gatepost/base.h"

#define EMAIL_MAX_BYTES 254

struct email {
    char address[EMAIL_MAX_BYTES + 1]; /* local part as given, domain as A-labels */
    char key[EMAIL_MAX_BYTES + 1];     /* lower-cased: what uniqueness is decided on */
};

/* text: already trimmed, valid UTF-8. Returns false when it is no address we can mail to. */
MUST_USE bool email_parse(struct slice text, struct email *email_out);

/* The key of an address that email_parse gave. Returns a slice of key_out. */
static inline struct slice email_key_of(struct slice address, char key_out[EMAIL_MAX_BYTES])
{
    BUG_ON(address.len > EMAIL_MAX_BYTES);
    for (size_t i = 0; i < address.len; i++) {
        const char c = address.at[i];
        key_out[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    return slice_of(key_out, address.len);
}

/* Is it a form that email_parse gives? What the mailer asks of an address out of shared memory. */
MUST_USE bool email_is_canonical(struct slice address);

#endif

/* The commands of a transaction, and what its letter asks of a relay. Pure. */
#ifndef MAILER_SMTP_COMMAND_H
#define MAILER_SMTP_COMMAND_H

#include "gatepost/err.h"
#include "smtp_reply.h"

#define SMTP_COMMANDS_MAX_BYTES 1024

struct smtp_needs {
    size_t len;    /* of the letter as RFC 1870 counts it: with CRLFs, without stuffed dots */
    bool eightbit; /* a byte beyond ASCII in it */
    bool utf8;     /* one in an address or in the header (RFC 6531 section 3.4) */
};

struct smtp_envelope {
    const char *from;
    const char *to;
    struct smtp_needs needs;
};

struct smtp_needs smtp_needs_of(const char *from, const char *to, struct slice letter);

/* Whether the relay takes such a letter. Returns false with a sentence for the operator: it would
 * have to be changed on its way, or be refused after it was sent whole. */
MUST_USE bool smtp_offers_suffice(const struct smtp_offers *offers, const struct smtp_needs *needs,
                                  struct err *why);

/* The command that the dialogue is at; with PIPELINING all up to DATA. The addresses hold nothing
 * that ends a command (email_is_canonical). Returns its length. */
size_t smtp_command_write(const struct smtp_dialogue *dialogue,
                          const struct smtp_envelope *envelope,
                          char commands_out[SMTP_COMMANDS_MAX_BYTES]);

/* The letter as it goes over the wire: a dot before each line that begins with one, and the lone
 * dot at the end (RFC 5321 section 4.5.2). The letter ends with CRLF. Returns the length, at most
 * twice the letter's and 3. */
size_t smtp_letter_stuff(struct slice letter, char *wire_out);

#endif

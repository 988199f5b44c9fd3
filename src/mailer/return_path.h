/* The return path of a letter (RFC 5321 section 4.4): where reports about it go.
 *
 * With mail.return_path each letter has one of its own (VERP), <base>+<job><mac>@<domain>, so that
 * a report that says nothing else tells which letter it is about, and nobody can make one up for a
 * letter that was not sent: the MAC is under the mail key. */
#ifndef MAILER_RETURN_PATH_H
#define MAILER_RETURN_PATH_H

#include "gatepost/secret.h"
#include "gatepost/uuid.h"

#define RETURN_PATH_ID_LEN     26 /* 128 bits in base32 */
#define RETURN_PATH_MAC_LEN    16 /* 80 bits */
#define RETURN_PATH_TEXT_BYTES 255

/* Borrowed; of the configuration. */
struct return_path {
    const char *base;              /* mail.return_path: an address, "<>", or "" for mail.from */
    const char *from;              /* mail.from */
    const struct secret *mail_key; /* of the MAC */
};

/* What stands between the angle brackets of MAIL FROM: "" is the null return path.
 * Shape: the local part is lower case behind the '+' and at most 64 octets, which the configuration
 * sees to. Cost: 2 us with a base. */
void return_path_make(const struct return_path *path, const struct uuid *job_id,
                      char text_out[RETURN_PATH_TEXT_BYTES]);

/* The letter's job, out of an address that return_path_make gave, in any case (relays on the way
 * may fold it) and at any domain (an alias may have renamed it). False for every other address. */
MUST_USE bool return_path_read(const struct secret *mail_key, struct slice address,
                               struct uuid *job_id_out);

#endif

/* A certificate chain and its private key: what is shown to a peer that wants to know who asks. */
#ifndef GATEPOST_IDENTITY_H
#define GATEPOST_IDENTITY_H

#include "gatepost/secret.h"

#define IDENTITY_FILE_MAX_BYTES 65536

/* Both PEM. Owner: whoever loaded it; identity_fini. */
struct identity {
    struct secret chain;
    struct secret key;
};

/* Errors: missing, unreadable, too large, no PEM, a key that others may read or that is encrypted,
 * a key that is not the certificate's. */
MUST_USE bool identity_load(const char *chain_path, const char *key_path,
                            struct identity *identity_out, struct err *err);

void identity_fini(struct identity *identity);

#endif

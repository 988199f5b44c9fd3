/* Keys and certificates as PEM has them (RFC 7468). What is under a passphrase is refused: there is
 * nobody to ask. */
#ifndef GATEPOST_PEM_H
#define GATEPOST_PEM_H

#include "gatepost/secret.h"

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */
struct x509_st;     /* its X509 */

/* The first one in the text, or NULL. Owner: the caller; EVP_PKEY_free, X509_free. */
MUST_USE struct evp_pkey_st *pem_private_key(const struct secret *text);
MUST_USE struct x509_st *pem_certificate(const struct secret *text);

#endif

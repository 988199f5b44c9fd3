/* The TLS that every TCP listener speaks when there is a certificate. */
#ifndef WORKER_TLS_H
#define WORKER_TLS_H

#include <openssl/types.h>

#include "gatepost/config.h"

/* Reads certificate and key, before privileges are dropped. Returns NULL with TLS not configured;
 * dies with EXIT_TLS when the files cannot be used.
 * TLS 1.2 and 1.3, ephemeral keys and AEAD alone, no renegotiation, no compression, no resumption.
 * Source: RFC 9325; RFC 9113 section 9.2; security.md H9. */
SSL_CTX *tls_load(const struct config *config);

/* When the certificate that clients are shown ends, in seconds since 1970; 0 without one. */
uint64_t tls_certificate_end_s(const SSL_CTX *tls);

#endif

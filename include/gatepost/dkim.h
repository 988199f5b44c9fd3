/* Signing letters for a domain: DKIM (RFC 6376), relaxed/relaxed, by rsa-sha256 and, of RFC 8463,
 * ed25519-sha256.
 *
 * A signer has up to DKIM_KEYS_MAX keys and gives a letter one signature by each: an Ed25519 key
 * beside an RSA key is for verifiers that know it, the RSA key for all others. */
#ifndef GATEPOST_DKIM_H
#define GATEPOST_DKIM_H

#include "gatepost/base.h"
#include "gatepost/bytes.h"
#include "gatepost/err.h"

#define DKIM_KEYS_MAX     4
#define DKIM_SELECTOR_MAX 63
#define DKIM_RSA_BITS     1024 /* the least (RFC 8301 section 3.2) */
#define DKIM_RSA_ADVISED  2048

struct dkim;

/* Loads the keys: "selector:file, selector:file", each file a private key in PEM.
 * domain: d=; or "" for the domain of from, an address.
 * Who calls it: the mailer, while it may still read the files; the command line, to check them.
 * Returns NULL with a sentence. Errors: a file as secret_load refuses it, no key in it or one of
 * another kind, RSA under DKIM_RSA_BITS, halves that do not belong together, a selector that stands
 * twice, too many keys.
 * Owner: the caller; dkim_close. */
MUST_USE struct dkim *dkim_open(const char *domain, const char *from, const char *keys,
                                struct err *err);
void dkim_close(struct dkim **dkim);

/* Puts the signatures in front of a whole letter of letter_bytes' room: CRLF line ends, every
 * header once. All headers that it has are signed, and those whose second one would mislead
 * somebody (From, Subject, To, Reply-To, Content-Type) so that none can be added.
 * time_s: t=, seconds since 1970. The same letter, time and keys give the same bytes.
 * Returns false, with the letter unchanged, when there is no room.
 * Cost: 0.5 ms for RSA of 2048 bits, 80 us for Ed25519 (bench/letter_bench.c). */
MUST_USE bool dkim_sign(const struct dkim *dkim, int64_t time_s, char *letter, size_t letter_bytes,
                        size_t *len);

size_t dkim_key_count(const struct dkim *dkim);

/* Of the index-th key, the line of a zone file that publishes it, with a NUL and without a line
 * end: <selector>._domainkey.<domain>. IN TXT ( "v=DKIM1; k=rsa; p=..." ) in strings of at most 255
 * bytes. */
#define DKIM_RECORD_BYTES 2048
void dkim_record(const struct dkim *dkim, size_t index, char text_out[DKIM_RECORD_BYTES]);

/* Bits of the index-th key when it is RSA, else 0. */
unsigned dkim_rsa_bits(const struct dkim *dkim, size_t index);

#endif

/* Keys and credentials, and the few operations that are safe on them. */
#ifndef GATEPOST_SECRET_H
#define GATEPOST_SECRET_H

#include "gatepost/base.h"
#include "gatepost/err.h"

/* At least this many bytes in a key file (RFC 7518 section 3.2, RFC 8725 section 3.5). */
#define SECRET_KEY_MIN_BYTES 32

/* A secret in locked pages that no core file holds. Owner: whoever loaded it; secret_fini. */
struct secret {
    uint8_t *bytes;
    size_t len;
};

/* Reads a key file: its bytes less one trailing newline, used as they are.
 * Errors: missing, unreadable, empty, under min_bytes, over 4096 bytes, not a regular file,
 * readable or writable by group or others. */
MUST_USE bool secret_load(const char *path, size_t min_bytes, struct secret *secret_out,
                          struct err *err);

/* The same storage for bytes that are at hand already (a password from the environment). */
void secret_from_bytes(const void *bytes, size_t len, struct secret *secret_out);

void secret_fini(struct secret *secret);

/* From here on libcrypto keeps private keys in locked pages that no core file holds. Who calls it:
 * a process that will load some, before it does. */
void secret_guard_keys(void);

/* Were pages refused to be locked? Their secrets may reach swap. */
MUST_USE bool secret_is_unlocked(void);

/* Makes a key file if there is none: 43 base64url characters of 32 random bytes, mode 0600,
 * written to a temporary name, synced and linked, so that it exists whole or not at all.
 * Who calls it: a short-lived child of the master, with the identity that is to own the file. */
MUST_USE bool secret_make_file(const char *path, struct err *err);

/* The same for bytes that are at hand: a file of mode 0600, whole or not at all. One that is there
 * already stays as it is. */
MUST_USE bool secret_write_file(const char *path, const void *bytes, size_t len, struct err *err);

/* Overwrites memory in a way the compiler keeps. */
void secret_wipe(void *bytes, size_t len);

/* Overwrites 32 KiB of the stack below the caller: what returned functions, of libraries too, left
 * there. The dynamic linker is one of them: at the first call of a function it saves all vector
 * registers on the stack, and a password may have been copied through them. Cost: 1 us. */
void secret_wipe_stack(void);

/* Compares in time that depends on len alone. */
MUST_USE bool secret_equal(const void *a, const void *b, size_t len);

/* From the kernel's generator; fork-safe. Dies when there is none: nothing may go on without. */
void random_bytes(void *bytes_out, size_t len);

/* HMAC-SHA-256 (RFC 2104, 6234). */
#define MAC_BYTES 32
void secret_mac(const struct secret *key, const void *bytes, size_t len,
                uint8_t mac_out[MAC_BYTES]);
/* The same under a key that is used many times. mac_key_out: what secret_mac_by_key takes;
 * secret_fini. */
void secret_mac_key(const struct secret *key, struct secret *mac_key_out);
void secret_mac_by_key(const struct secret *mac_key, const void *bytes, size_t len,
                       uint8_t mac_out[MAC_BYTES]);

/* HKDF-SHA-256 without salt (RFC 5869): a key for one purpose, out of a key for another. */
void secret_derive(const struct secret *key, const char *purpose, struct secret *derived_out);

/* SHA-256 of something that is itself random enough (a token's jti). */
#define DIGEST_BYTES 32
void digest_sha256(const void *bytes, size_t len, uint8_t digest_out[DIGEST_BYTES]);

/* The same of bytes that come one after the other. */
struct digest;
struct digest *digest_new(void);
void digest_add(struct digest *digest, const void *bytes, size_t len);
void digest_end(struct digest **digest, uint8_t digest_out[DIGEST_BYTES]); /* frees it */
void digest_free(struct digest **digest);

#endif

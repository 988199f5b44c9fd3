/* A private key from its file to its use. The file is a secret like any other (secret_load). */
#include "key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "gatepost/encoding.h"
#include "gatepost/pem.h"
#include "gatepost/secret.h"

#define PATH_MAX_BYTES    2048
#define PUBLIC_MAX_BYTES  1100
#define ED25519_KEY_BYTES 32

static bool halves_match(EVP_PKEY *pair)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pair, NULL);

    BUG_ON(context == NULL);
    const bool match = EVP_PKEY_pairwise_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return match;
}

static bool pair_fits(EVP_PKEY *pair, struct err *err)
{
    const bool is_rsa = EVP_PKEY_is_a(pair, "RSA") == 1;
    const int bits = EVP_PKEY_get_bits(pair);

    if (!is_rsa && EVP_PKEY_is_a(pair, "ED25519") != 1) {
        err_set(err, "neither an RSA nor an Ed25519 key");
        return false;
    }
    if (is_rsa && bits < DKIM_RSA_BITS) {
        err_set(err, "RSA of %d bits, needs at least %d (%d is advised)", bits, DKIM_RSA_BITS,
                DKIM_RSA_ADVISED);
        return false;
    }
    if (EVP_PKEY_get_size(pair) > DKIM_SIGNATURE_MAX_BYTES) {
        err_set(err, "RSA of %d bits is more than any verifier takes", bits);
        return false;
    }
    if (!halves_match(pair)) {
        err_set(err, "the public half is not the private one's");
        return false;
    }
    return true;
}

static EVP_PKEY *parse(const struct secret *pem, struct err *err)
{
    EVP_PKEY *pair = pem_private_key(pem);

    if (pair == NULL) {
        err_set(err, "no private key in PEM (without a passphrase)");
        return NULL;
    }
    if (pair_fits(pair, err))
        return pair;
    EVP_PKEY_free(pair);
    return NULL;
}

bool key_load(struct slice entry, struct dkim_key *key_out, struct err *err)
{
    const char *colon = entry.len > 0 ? memchr(entry.at, ':', entry.len) : NULL;
    size_t selector_len = colon == NULL ? 0 : (size_t)(colon - entry.at);
    struct dkim_key key = {.pair = NULL};
    char path[PATH_MAX_BYTES];
    struct secret content;
    struct err reason;

    if (selector_len == 0 ||
        !slice_to_text(slice_of(entry.at, selector_len), key.selector, sizeof(key.selector)) ||
        !slice_to_text(slice_of(colon + 1, entry.len - selector_len - 1), path, sizeof(path))) {
        err_set(err, "\"%.*s\" is no selector:file", (int)(entry.len > 80 ? 80 : entry.len),
                entry.at);
        return false;
    }
    if (!secret_load(path, 1, &content, err))
        return false;
    key.pair = parse(&content, &reason);
    secret_fini(&content);
    if (key.pair == NULL) {
        err_set(err, "%s: %s", path, reason.text);
        return false;
    }
    key.is_rsa = EVP_PKEY_is_a(key.pair, "RSA") == 1;
    *key_out = key;
    return true;
}

void key_fini(struct dkim_key *key)
{
    EVP_PKEY_free(key->pair);
    key->pair = NULL;
}

static size_t sign_rsa(EVP_PKEY *pair, const uint8_t digest[DKIM_DIGEST_BYTES],
                       uint8_t *signature_out)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pair, NULL);
    size_t len = DKIM_SIGNATURE_MAX_BYTES;

    BUG_ON(context == NULL || EVP_PKEY_sign_init(context) != 1 ||
           EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1 ||
           EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) != 1 ||
           EVP_PKEY_sign(context, signature_out, &len, digest, DKIM_DIGEST_BYTES) != 1);
    EVP_PKEY_CTX_free(context);
    return len;
}

/* RFC 8463 section 3: PureEdDSA over the SHA-256 of the headers, which is its message. */
static size_t sign_ed25519(EVP_PKEY *pair, const uint8_t digest[DKIM_DIGEST_BYTES],
                           uint8_t *signature_out)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = DKIM_SIGNATURE_MAX_BYTES;

    BUG_ON(context == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, pair) != 1 ||
           EVP_DigestSign(context, signature_out, &len, digest, DKIM_DIGEST_BYTES) != 1);
    EVP_MD_CTX_free(context);
    return len;
}

size_t key_sign_digest(const struct dkim_key *key, const uint8_t digest[DKIM_DIGEST_BYTES],
                       uint8_t signature_out[DKIM_SIGNATURE_MAX_BYTES])
{
    return key->is_rsa ? sign_rsa(key->pair, digest, signature_out)
                       : sign_ed25519(key->pair, digest, signature_out);
}

/* RSA as a SubjectPublicKeyInfo (RFC 6376 section 3.6.1), Ed25519 bare (RFC 8463 section 4.2). */
void key_pack_public(const struct dkim_key *key, struct packer *out)
{
    uint8_t bytes[PUBLIC_MAX_BYTES], *at = bytes;
    char text[BASE64_TEXT_BYTES(PUBLIC_MAX_BYTES)];
    size_t len = ED25519_KEY_BYTES;

    if (key->is_rsa) {
        const int needed = i2d_PUBKEY(key->pair, NULL);
        BUG_ON(needed <= 0 || needed > PUBLIC_MAX_BYTES);
        len = (size_t)i2d_PUBKEY(key->pair, &at);
    } else {
        BUG_ON(EVP_PKEY_get_raw_public_key(key->pair, bytes, &len) != 1);
    }
    base64_encode(bytes, len, text);
    pack_raw(out, text, strlen(text));
}

/* Signing and checking with one key. The key says which algorithm, never the token.
 *
 * ES256: OpenSSL speaks DER, JWS (RFC 7518 section 3.4) r and s of 32 bytes each, nothing else;
 * that neither is 0 nor beyond the order is OpenSSL's to check, and a test's to prove
 * (CVE-2022-21449). */
#include "key.h"

#include "gatepost/encoding.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define ES256_HALF_BYTES 32
#define ES256_DER_BYTES  80

/* ---- life ---------------------------------------------------------------------------------------
 */

static void make_header(struct token_key *key)
{
    char json[KEY_HEADER_BYTES];
    const char *alg = token_algorithm_name(key->name.algorithm);
    int len;

    if (key->name.kid[0] == '\0')
        len = snprintf(json, sizeof(json), "{\"alg\":\"%s\",\"typ\":\"JWT\"}", alg);
    else
        len = snprintf(json, sizeof(json), "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}", alg,
                       key->name.kid);
    BUG_ON(len < 0 || (size_t)len >= sizeof(json) ||
           BASE64URL_TEXT_BYTES((size_t)len) > sizeof(key->header));
    base64url_encode(json, (size_t)len, key->header);
    key->header_len = strlen(key->header);
}

void key_of_secret(const struct token_name *name, const struct secret *secret,
                   struct token_key *key_out)
{
    struct token_key key = {.name = *name};

    secret_mac_key(secret, &key.mac_key);
    make_header(&key);
    *key_out = key;
}

/* Do the two halves belong together? */
static bool halves_match(const struct token_key *key)
{
    static const char text[] = "gatepost";
    uint8_t signature[KEY_SIGNATURE_MAX_BYTES];
    const size_t len = key_sign(key, SLICE_LITERAL(text), signature);

    return key_verify(key, SLICE_LITERAL(text), signature, len);
}

bool key_of_file(const char *dir, const struct token_name *name, struct token_key *key_out,
                 struct err *err)
{
    char path[TOKEN_PATH_BYTES];
    struct token_key key = {.name = *name};
    struct secret content;
    struct err reason;

    if (!token_name_path(dir, name, path, err))
        return false;
    if (!secret_load(path, SECRET_KEY_MIN_BYTES, &content, err))
        return false;
    if (name->algorithm == TOKEN_HS256) {
        key_of_secret(name, &content, &key);
    } else {
        make_header(&key);
        key.pair = key_pair_parse(name->algorithm, &content, &reason);
    }
    secret_fini(&content);
    if (name->algorithm != TOKEN_HS256 && key.pair == NULL) {
        err_set(err, "%s: %s", path, reason.text);
        return false;
    }
    if (!halves_match(&key)) {
        err_set(err, "%s: the public half is not the private one's", path);
        key_close(&key);
        return false;
    }
    *key_out = key;
    return true;
}

void key_close(struct token_key *key)
{
    secret_fini(&key->mac_key);
    EVP_PKEY_free(key->pair);
    key->pair = NULL;
}

/* ---- r and s ------------------------------------------------------------------------------------
 */

static size_t halves_of_der(const uint8_t *der, size_t der_len, uint8_t *halves_out)
{
    const uint8_t *at = der;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)der_len);

    BUG_ON(pair == NULL);
    BUG_ON(BN_bn2binpad(ECDSA_SIG_get0_r(pair), halves_out, ES256_HALF_BYTES) < 0);
    BUG_ON(BN_bn2binpad(ECDSA_SIG_get0_s(pair), halves_out + ES256_HALF_BYTES, ES256_HALF_BYTES) <
           0);
    ECDSA_SIG_free(pair);
    return 2 * ES256_HALF_BYTES;
}

/* The DER of 64 bytes: short, so that its lengths are one byte each. */
static size_t der_integer(const uint8_t half[ES256_HALF_BYTES], uint8_t *der_out)
{
    size_t skip = 0;

    while (skip < ES256_HALF_BYTES - 1 && half[skip] == 0)
        skip++;
    const size_t sign = half[skip] >= 0x80; /* else it would be negative */
    const size_t len = ES256_HALF_BYTES - skip;

    der_out[0] = 0x02;
    der_out[1] = (uint8_t)(len + sign);
    der_out[2] = 0;
    memcpy(der_out + 2 + sign, half + skip, len);
    return 2 + sign + len;
}

static size_t der_of_halves(const uint8_t halves[2 * ES256_HALF_BYTES],
                            uint8_t der_out[ES256_DER_BYTES])
{
    size_t len = der_integer(halves, der_out + 2);

    len += der_integer(halves + ES256_HALF_BYTES, der_out + 2 + len);
    der_out[0] = 0x30;
    der_out[1] = (uint8_t)len;
    return 2 + len;
}

/* ---- use ----------------------------------------------------------------------------------------
 */

/* Ed25519 hashes by itself. */
static const EVP_MD *digest_of(const struct token_key *key)
{
    return key->name.algorithm == TOKEN_EDDSA ? NULL : EVP_sha256();
}

size_t key_sign(const struct token_key *key, struct slice text,
                uint8_t signature_out[KEY_SIGNATURE_MAX_BYTES])
{
    uint8_t signature[KEY_SIGNATURE_MAX_BYTES];
    size_t len = sizeof(signature);

    if (key->name.algorithm == TOKEN_HS256) {
        secret_mac_by_key(&key->mac_key, text.at, text.len, signature_out);
        return MAC_BYTES;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    BUG_ON(context == NULL ||
           EVP_DigestSignInit(context, NULL, digest_of(key), NULL, key->pair) != 1 ||
           EVP_DigestSign(context, signature, &len, (const uint8_t *)text.at, text.len) != 1);
    EVP_MD_CTX_free(context);
    if (key->name.algorithm == TOKEN_ES256)
        return halves_of_der(signature, len, signature_out);
    memcpy(signature_out, signature, len);
    return len;
}

static bool pair_verify(const struct token_key *key, struct slice text, const uint8_t *signature,
                        size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    BUG_ON(context == NULL ||
           EVP_DigestVerifyInit(context, NULL, digest_of(key), NULL, key->pair) != 1);
    const bool good =
        EVP_DigestVerify(context, signature, len, (const uint8_t *)text.at, text.len) == 1;
    EVP_MD_CTX_free(context);
    if (!good)
        ERR_clear_error(); /* SSL_get_error looks there too */
    return good;
}

bool key_verify(const struct token_key *key, struct slice text, const uint8_t *signature,
                size_t signature_len)
{
    uint8_t mac[MAC_BYTES];
    uint8_t der[ES256_DER_BYTES];

    switch (key->name.algorithm) {
    case TOKEN_HS256:
        if (signature_len != sizeof(mac))
            return false;
        secret_mac_by_key(&key->mac_key, text.at, text.len, mac);
        return secret_equal(mac, signature, sizeof(mac));
    case TOKEN_ES256:
        return signature_len == 2 * ES256_HALF_BYTES &&
               pair_verify(key, text, der, der_of_halves(signature, der));
    case TOKEN_RS256:
    case TOKEN_EDDSA:
        return signature_len == (size_t)EVP_PKEY_get_size(key->pair) &&
               pair_verify(key, text, signature, signature_len);
    }
    BUG_ON("no such algorithm");
    return false;
}

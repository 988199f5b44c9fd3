/* Asymmetric keys as they come from a file, are made, and are shown to the world. */
#include "key.h"

#include "gatepost/encoding.h"
#include "gatepost/pem.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#define P256_HALF_BYTES   32
#define PUBLIC_BYTES      1024
#define PEM_MAX_BYTES     8192
#define GROUP_NAME_BYTES  32
#define ED25519_KEY_BYTES 32

static const char P256_GROUP[] = "prime256v1";

/* ---- in -----------------------------------------------------------------------------------------
 */

static bool is_p256(const EVP_PKEY *pair)
{
    char group[GROUP_NAME_BYTES];
    size_t len;

    return EVP_PKEY_get_group_name(pair, group, sizeof(group), &len) == 1 &&
           strcmp(group, P256_GROUP) == 0;
}

static bool fits(enum token_algorithm algorithm, const EVP_PKEY *pair, struct err *err)
{
    bool good = false;

    switch (algorithm) {
    case TOKEN_HS256:
        break;
    case TOKEN_ES256:
        good = EVP_PKEY_is_a(pair, "EC") && is_p256(pair);
        break;
    case TOKEN_RS256:
        good = EVP_PKEY_is_a(pair, "RSA");
        if (good && EVP_PKEY_get_bits(pair) < KEY_RSA_BITS) {
            err_set(err, "RSA of %d bits, needs at least %d", EVP_PKEY_get_bits(pair),
                    KEY_RSA_BITS);
            return false;
        }
        break;
    case TOKEN_EDDSA:
        good = EVP_PKEY_is_a(pair, "ED25519");
        break;
    }
    if (!good)
        err_set(err, "not a key for %s", token_algorithm_name(algorithm));
    return good;
}

EVP_PKEY *key_pair_parse(enum token_algorithm algorithm, const struct secret *pem, struct err *err)
{
    EVP_PKEY *pair = pem_private_key(pem);

    if (pair == NULL) {
        err_set(err, "no private key in PEM (PKCS#8, without a passphrase)");
        return NULL;
    }
    if (fits(algorithm, pair, err))
        return pair;
    EVP_PKEY_free(pair);
    return NULL;
}

/* ---- made ---------------------------------------------------------------------------------------
 */

void key_pair_generate(enum token_algorithm algorithm, struct secret *pem_out)
{
    EVP_PKEY *pair = NULL;
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text;

    switch (algorithm) {
    case TOKEN_HS256:
        break;
    case TOKEN_ES256:
        pair = EVP_EC_gen(P256_GROUP);
        break;
    case TOKEN_RS256:
        pair = EVP_RSA_gen((unsigned)KEY_RSA_BITS);
        break;
    case TOKEN_EDDSA:
        pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    }
    BUG_ON(pair == NULL || bio == NULL ||
           PEM_write_bio_PKCS8PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL) != 1);
    const long len = BIO_get_mem_data(bio, &text);

    BUG_ON(len <= 0 || len > PEM_MAX_BYTES);
    secret_from_bytes(text, (size_t)len, pem_out);
    secret_wipe(text, (size_t)len);
    BIO_free(bio);
    EVP_PKEY_free(pair);
}

/* ---- shown --------------------------------------------------------------------------------------
 */

static void write_text(struct json_writer *writer, const char *name, const char *text)
{
    json_string(writer, slice_of_text(name));
    json_string(writer, slice_of_text(text));
}

static void write_bytes(struct json_writer *writer, const char *name, const uint8_t *bytes,
                        size_t len)
{
    char text[BASE64URL_TEXT_BYTES(PUBLIC_BYTES)];

    BUG_ON(len > PUBLIC_BYTES);
    base64url_encode(bytes, len, text);
    write_text(writer, name, text);
}

/* width 0: as many bytes as the number has, which is what RFC 7518 wants of n and e; a coordinate
 * has its field's width, leading zeros included. */
static void write_number(struct json_writer *writer, const char *name, const EVP_PKEY *pair,
                         const char *parameter, int width)
{
    uint8_t bytes[PUBLIC_BYTES];
    BIGNUM *number = NULL;

    BUG_ON(EVP_PKEY_get_bn_param(pair, parameter, &number) != 1);
    const int len = width > 0 ? width : BN_num_bytes(number);

    BUG_ON(len > PUBLIC_BYTES || BN_bn2binpad(number, bytes, len) != len);
    write_bytes(writer, name, bytes, (size_t)len);
    BN_free(number);
}

void key_write_public(const struct token_key *key, struct json_writer *writer)
{
    uint8_t bytes[ED25519_KEY_BYTES];
    size_t len = sizeof(bytes);

    switch (key->name.algorithm) {
    case TOKEN_HS256:
        BUG_ON("an HS256 key has no public half");
        break;
    case TOKEN_ES256:
        write_text(writer, "kty", "EC");
        write_text(writer, "crv", "P-256");
        write_number(writer, "x", key->pair, OSSL_PKEY_PARAM_EC_PUB_X, P256_HALF_BYTES);
        write_number(writer, "y", key->pair, OSSL_PKEY_PARAM_EC_PUB_Y, P256_HALF_BYTES);
        break;
    case TOKEN_RS256:
        write_text(writer, "kty", "RSA");
        write_number(writer, "n", key->pair, OSSL_PKEY_PARAM_RSA_N, 0);
        write_number(writer, "e", key->pair, OSSL_PKEY_PARAM_RSA_E, 0);
        break;
    case TOKEN_EDDSA:
        write_text(writer, "kty", "OKP");
        write_text(writer, "crv", "Ed25519");
        BUG_ON(EVP_PKEY_get_raw_public_key(key->pair, bytes, &len) != 1);
        write_bytes(writer, "x", bytes, len);
        break;
    }
}

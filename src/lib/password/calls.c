/* The door to libargon2 and libcrypt, and to OpenSSL's scrypt and PBKDF2-HMAC-SHA-1.
 *
 * None of these leaves a trace of the password: OpenSSL clears scrypt's memory before it frees it,
 * libargon2 clears its own (FLAG_clear_internal_memory, on by default), libcrypt unmaps yescrypt's
 * and clears its scratch; what is ours is wiped here. */
#include "calls.h"

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

static bool call_pbkdf2_sha1(const struct password_form *form, struct slice password,
                             uint8_t *digest_out)
{
    return PKCS5_PBKDF2_HMAC(password.at, (int)password.len, (const uint8_t *)form->salt,
                             (int)form->salt_len, (int)form->iterations, EVP_sha1(),
                             (int)form->hash_len, digest_out) == 1;
}

static bool call_scrypt(const struct password_form *form, struct slice password,
                        uint8_t *digest_out)
{
    uint64_t n = UINT64_C(1) << form->log2_n;
    /* What crypto/kdf's scrypt allocates: p blocks, N of them, and two to work in. OpenSSL's own
     * limit is 32 MiB. */
    uint64_t memory_max = UINT64_C(128) * form->r * (form->p + n + 2);

    return EVP_PBE_scrypt(password.at, password.len, (const uint8_t *)form->salt, form->salt_len, n,
                          form->r, form->p, memory_max, digest_out, form->hash_len) == 1;
}

static bool call_argon2(const struct password_form *form, argon2_type type, struct slice password,
                        uint8_t *digest_out)
{
    /* libargon2 writes to neither password nor salt, unless a flag tells it to wipe them. */
    argon2_context context = {
        .out = digest_out,
        .outlen = form->hash_len,
        .pwd = (uint8_t *)(uintptr_t)password.at,
        .pwdlen = (uint32_t)password.len,
        .salt = (uint8_t *)(uintptr_t)form->salt,
        .saltlen = form->salt_len,
        .t_cost = form->passes,
        .m_cost = form->memory_kib,
        .lanes = form->lanes,
        .threads = 1, /* the engine counts the threads, not a stored form */
        .version = form->version,
        .flags = ARGON2_DEFAULT_FLAGS,
    };

    return argon2_ctx(&context, type) == ARGON2_OK;
}

/* Gives libcrypt's input. Returns whether it is the password: one that holds a NUL, or is too long,
 * is no password of this form; so much of it is hashed as fits, for the time it takes. */
static bool give_phrase(const struct password_form *form, struct slice password,
                        char phrase_out[CRYPT_MAX_PASSPHRASE_SIZE])
{
    size_t max = CRYPT_MAX_PASSPHRASE_SIZE - 1;
    bool whole = password.len == 0 || memchr(password.at, '\0', password.len) == NULL;

    if (form->method == PASSWORD_METHOD_BCRYPT) {
        /* bcrypt reads no further, in every implementation that truncates at all. */
        if (password.len > BCRYPT_PASSWORD_MAX_BYTES)
            password.len = BCRYPT_PASSWORD_MAX_BYTES;
    } else if (password.len > max) {
        password.len = max;
        whole = false;
    }
    if (password.len > 0)
        memcpy(phrase_out, password.at, password.len);
    phrase_out[password.len] = '\0';
    return whole;
}

static bool call_crypt(const struct password_form *form, struct slice password, uint8_t *digest_out)
{
    struct crypt_data *data = xcalloc(1, sizeof(*data));
    bool computed = false;

    /* The fields that libcrypt sets aside for the caller, so all is wiped with one call. */
    bool whole = give_phrase(form, password, data->input);
    memcpy(data->setting, form->salt, form->salt_len);
    const char *text = crypt_rn(data->input, data->setting, data, sizeof(*data));
    if (text != NULL && strlen(text) > form->hash_len) {
        memcpy(digest_out, text + strlen(text) - form->hash_len, form->hash_len);
        for (size_t i = 0; !whole && i < form->hash_len; i++)
            digest_out[i] = (uint8_t)~form->hash[i];
        computed = true;
    }
    secret_wipe(data, sizeof(*data));
    free(data);
    return computed;
}

/* BCryptSHA256PasswordHasher: of the digest in hex, so that every byte of the password counts. */
static bool call_bcrypt_sha256(const struct password_form *form, struct slice password,
                               uint8_t *digest_out)
{
    uint8_t digest[32];
    char hex[HEX_TEXT_BYTES(sizeof(digest))];

    digest_sha256(password.at, password.len, digest);
    hex_encode(digest, sizeof(digest), hex);
    bool computed = call_crypt(form, slice_of(hex, sizeof(hex) - 1), digest_out);
    secret_wipe(digest, sizeof(digest));
    secret_wipe(hex, sizeof(hex));
    return computed;
}

static bool call_method(const struct password_form *form, struct slice password,
                        uint8_t *digest_out)
{
    switch (form->method) {
    case PASSWORD_METHOD_PBKDF2_SHA256:
        BUG_ON("a chain");
        return false;
    case PASSWORD_METHOD_PBKDF2_SHA1:
        return call_pbkdf2_sha1(form, password, digest_out);
    case PASSWORD_METHOD_ARGON2ID:
        return call_argon2(form, Argon2_id, password, digest_out);
    case PASSWORD_METHOD_ARGON2I:
        return call_argon2(form, Argon2_i, password, digest_out);
    case PASSWORD_METHOD_ARGON2D:
        return call_argon2(form, Argon2_d, password, digest_out);
    case PASSWORD_METHOD_SCRYPT:
        return call_scrypt(form, password, digest_out);
    case PASSWORD_METHOD_BCRYPT_SHA256:
        return call_bcrypt_sha256(form, password, digest_out);
    case PASSWORD_METHOD_BCRYPT:
    case PASSWORD_METHOD_SHA256_CRYPT:
    case PASSWORD_METHOD_SHA512_CRYPT:
    case PASSWORD_METHOD_YESCRYPT:
        return call_crypt(form, password, digest_out);
    }
    BUG_ON("no such method");
    return false;
}

bool password_call(const struct password_form *form, struct slice password, uint8_t *digest_out)
{
    BUG_ON(password.len > PASSWORD_MAX_BYTES);
    if (password.len == 0)
        password.at = ""; /* not every library takes NULL for nothing */
    bool computed = call_method(form, password, digest_out);
    if (!computed)
        ERR_clear_error();
    return computed;
}

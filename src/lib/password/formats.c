/* The table of stored forms: what they begin with, and who reads them. Written are Django's forms
 * of the three methods that password.algorithm chooses from. */
#include "formats.h"

#include "bounds.h"
#include "fields.h"
#include "spellings.h"

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#include <stdio.h>

#define ARGON2_HASH_BYTES 32 /* RFC 9106 section 4: 256 bits */
#define SCRYPT_HASH_BYTES 64 /* Django's */
#define PBKDF2_HASH_BYTES 32

struct spelling {
    const char *prefix;
    enum password_method method;
    bool django;
    spelling_read_fn read;
};

static const struct spelling spellings[] = {
    {"pbkdf2_sha256$", PASSWORD_METHOD_PBKDF2_SHA256, true, spelling_django_pbkdf2},
    {"pbkdf2_sha1$", PASSWORD_METHOD_PBKDF2_SHA1, true, spelling_django_pbkdf2},
    {"argon2$argon2id$", PASSWORD_METHOD_ARGON2ID, true, spelling_phc_argon2},
    {"argon2$argon2i$", PASSWORD_METHOD_ARGON2I, true, spelling_phc_argon2},
    {"argon2$argon2d$", PASSWORD_METHOD_ARGON2D, true, spelling_phc_argon2},
    {"scrypt$", PASSWORD_METHOD_SCRYPT, true, spelling_django_scrypt},
    {"bcrypt_sha256$", PASSWORD_METHOD_BCRYPT_SHA256, true, spelling_django_bcrypt},
    {"bcrypt$", PASSWORD_METHOD_BCRYPT, true, spelling_django_bcrypt},
    {"$argon2id$", PASSWORD_METHOD_ARGON2ID, false, spelling_phc_argon2},
    {"$argon2i$", PASSWORD_METHOD_ARGON2I, false, spelling_phc_argon2},
    {"$argon2d$", PASSWORD_METHOD_ARGON2D, false, spelling_phc_argon2},
    {"$scrypt$", PASSWORD_METHOD_SCRYPT, false, spelling_phc_scrypt},
    {"$pbkdf2-sha256$", PASSWORD_METHOD_PBKDF2_SHA256, false, spelling_phc_pbkdf2},
    {"$2", PASSWORD_METHOD_BCRYPT, false, spelling_crypt_bcrypt},
    {"$5$", PASSWORD_METHOD_SHA256_CRYPT, false, spelling_crypt_sha2},
    {"$6$", PASSWORD_METHOD_SHA512_CRYPT, false, spelling_crypt_sha2},
    {"$y$", PASSWORD_METHOD_YESCRYPT, false, spelling_crypt_yescrypt},
};

bool password_form_parse(struct slice encoded, struct password_form *form_out)
{
    /* Stored forms are NUL-terminated texts, so a NUL in one is no part of it. */
    if (encoded.len == 0 || encoded.len >= PASSWORD_ENCODED_BYTES ||
        memchr(encoded.at, '\0', encoded.len) != NULL)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        const struct spelling *spelling = &spellings[i];
        struct slice rest = encoded;

        if (!field_skip(&rest, spelling->prefix))
            continue;
        memset(form_out, 0, sizeof(*form_out));
        form_out->method = spelling->method;
        form_out->django = spelling->django;
        if (!spelling->read(encoded, rest, form_out))
            return false;
        password_form_measure(form_out);
        return password_form_bounded(form_out);
    }
    return false;
}

bool password_form_known(struct slice encoded)
{
    struct password_form form;

    return password_form_parse(encoded, &form);
}

bool password_form_in_lanes(const struct password_form *form)
{
    return form->method == PASSWORD_METHOD_PBKDF2_SHA256;
}

/* ---- new ones -----------------------------------------------------------------------------------
 */

static const char salt_alphabet[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* Every character equally likely: bytes from 248 up, which 62 does not divide, are thrown away. */
static void make_salt(struct password_form *form)
{
    const size_t choices = sizeof(salt_alphabet) - 1;

    while (form->salt_len < PASSWORD_SALT_CHARS) {
        uint8_t bytes[PASSWORD_SALT_CHARS];

        random_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes) && form->salt_len < PASSWORD_SALT_CHARS; i++) {
            if (bytes[i] < 256 / choices * choices)
                form->salt[form->salt_len++] = salt_alphabet[bytes[i] % choices];
        }
    }
}

/* Today's method and parameters, in a form without salt and hash. */
static struct password_form form_of_cost(const struct password_cost *cost)
{
    struct password_form form = {.django = true};

    switch (cost->algorithm) {
    case PASSWORD_PBKDF2_SHA256:
        form.method = PASSWORD_METHOD_PBKDF2_SHA256;
        form.iterations = cost->iterations;
        form.hash_len = PBKDF2_HASH_BYTES;
        break;
    case PASSWORD_ARGON2ID:
        form.method = PASSWORD_METHOD_ARGON2ID;
        form.version = PASSWORD_ARGON2_VERSION;
        form.memory_kib = cost->argon2_memory_kib;
        form.passes = cost->argon2_passes;
        form.lanes = cost->argon2_lanes;
        form.hash_len = ARGON2_HASH_BYTES;
        break;
    case PASSWORD_SCRYPT:
        form.method = PASSWORD_METHOD_SCRYPT;
        form.log2_n = cost->scrypt_log2_n;
        form.r = cost->scrypt_r;
        form.p = cost->scrypt_p;
        form.hash_len = SCRYPT_HASH_BYTES;
        break;
    }
    password_form_measure(&form);
    return form;
}

void password_form_begin(const struct password_cost *cost, struct password_form *form_out)
{
    *form_out = form_of_cost(cost);
    make_salt(form_out);
    BUG_ON(!password_form_bounded(form_out)); /* a hash that nobody could log in with */
}

void password_form_nobody(const struct password_cost *cost, char text_out[PASSWORD_ENCODED_BYTES])
{
    struct password_form form;

    password_form_begin(cost, &form);
    random_bytes(form.hash, form.hash_len);
    password_form_write(&form, text_out);
}

bool password_form_outdated(const struct password_form *form, const struct password_cost *cost)
{
    const struct password_form today = form_of_cost(cost);

    return form->method != today.method || !form->django || form->version != today.version ||
           form->iterations < today.iterations || form->memory_kib < today.memory_kib ||
           form->work_kib < today.work_kib;
}

/* ---- writing ------------------------------------------------------------------------------------
 */

/* base64 as libargon2 and the PHC string format have it. */
static void write_bare_base64(const void *bytes, size_t len, char *text_out)
{
    base64_encode(bytes, len, text_out);
    text_out[strcspn(text_out, "=")] = '\0';
}

static int write_argon2id(const struct password_form *form, char *text_out)
{
    char salt[BASE64_TEXT_BYTES(PASSWORD_SALT_MAX_BYTES)];
    char hash[BASE64_TEXT_BYTES(PASSWORD_HASH_MAX_BYTES)];

    write_bare_base64(form->salt, form->salt_len, salt);
    write_bare_base64(form->hash, form->hash_len, hash);
    return snprintf(text_out, PASSWORD_ENCODED_BYTES, "argon2$argon2id$v=%u$m=%u,t=%u,p=%u$%s$%s",
                    form->version, form->memory_kib, form->passes, form->lanes, salt, hash);
}

void password_form_write(const struct password_form *form, char text_out[PASSWORD_ENCODED_BYTES])
{
    char hash[BASE64_TEXT_BYTES(PASSWORD_HASH_MAX_BYTES)];
    int salt_len = (int)form->salt_len;
    int len = -1;

    BUG_ON(!form->django || form->salt_len > sizeof(form->salt) ||
           form->hash_len > sizeof(form->hash));
    base64_encode(form->hash, form->hash_len, hash);
    if (form->method == PASSWORD_METHOD_PBKDF2_SHA256)
        len = snprintf(text_out, PASSWORD_ENCODED_BYTES, "pbkdf2_sha256$%u$%.*s$%s",
                       form->iterations, salt_len, form->salt, hash);
    else if (form->method == PASSWORD_METHOD_ARGON2ID)
        len = write_argon2id(form, text_out);
    else if (form->method == PASSWORD_METHOD_SCRYPT)
        len = snprintf(text_out, PASSWORD_ENCODED_BYTES, "scrypt$%u$%.*s$%u$%u$%s",
                       1U << form->log2_n, salt_len, form->salt, form->r, form->p, hash);
    BUG_ON(len < 0 || len >= PASSWORD_ENCODED_BYTES);
}

const char *password_method_name(enum password_method method)
{
    static const char *const names[] = {
        [PASSWORD_METHOD_PBKDF2_SHA256] = "pbkdf2_sha256",
        [PASSWORD_METHOD_PBKDF2_SHA1] = "pbkdf2_sha1",
        [PASSWORD_METHOD_ARGON2ID] = "argon2id",
        [PASSWORD_METHOD_ARGON2I] = "argon2i",
        [PASSWORD_METHOD_ARGON2D] = "argon2d",
        [PASSWORD_METHOD_SCRYPT] = "scrypt",
        [PASSWORD_METHOD_BCRYPT] = "bcrypt",
        [PASSWORD_METHOD_BCRYPT_SHA256] = "bcrypt_sha256",
        [PASSWORD_METHOD_SHA256_CRYPT] = "sha256_crypt",
        [PASSWORD_METHOD_SHA512_CRYPT] = "sha512_crypt",
        [PASSWORD_METHOD_YESCRYPT] = "yescrypt",
    };

    BUG_ON((unsigned)method >= ARRAY_LEN(names));
    return names[method];
}

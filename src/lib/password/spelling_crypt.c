/* crypt(3)'s texts, as libxcrypt's crypt(5) describes them. Only what bounds the cost is read; the
 * setting goes to libcrypt as it is, and the hash is compared as text. */
#include "spellings.h"

#include "fields.h"

#define BCRYPT_SETTING_CHARS 29 /* $2b$12$ and 22 of salt */
#define BCRYPT_HASH_CHARS    31
#define SHA256_HASH_CHARS    43
#define SHA512_HASH_CHARS    86
#define SHA2_ROUNDS          5000 /* without rounds= */
#define SHA2_SALT_MAX_CHARS  16
#define YESCRYPT_HASH_CHARS  43
#define YESCRYPT_SALT_MAX    86

/* setting and hash lie one behind the other, with a '$' between but for bcrypt. */
static bool take_setting_and_hash(struct slice setting, struct slice hash, size_t hash_chars,
                                  struct password_form *form)
{
    if (setting.len > sizeof(form->salt) || hash.len != hash_chars || !field_is_crypt64(hash))
        return false;
    memcpy(form->salt, setting.at, setting.len);
    form->salt_len = (uint32_t)setting.len;
    memcpy(form->hash, hash.at, hash.len);
    form->hash_len = (uint32_t)hash.len;
    return true;
}

/* $2a$, $2b$ or $2y$, two digits of cost, salt and hash. All three are one algorithm for passwords
 * in UTF-8. The salt's last character may have spare bits, which some writers set. */
bool spelling_crypt_bcrypt(struct slice whole, struct slice rest, struct password_form *form)
{
    const char *at = whole.at;

    (void)rest;
    if (whole.len != BCRYPT_SETTING_CHARS + BCRYPT_HASH_CHARS || memcmp(at, "$2", 2) != 0 ||
        memchr("aby", at[2], 3) == NULL || at[3] != '$' || at[6] != '$')
        return false;
    if (at[4] < '0' || at[4] > '9' || at[5] < '0' || at[5] > '9')
        return false;
    form->log2_cost = (uint32_t)((at[4] - '0') * 10 + at[5] - '0');
    return field_is_crypt64(slice_of(at + 7, BCRYPT_SETTING_CHARS - 7)) &&
           take_setting_and_hash(slice_of(at, BCRYPT_SETTING_CHARS),
                                 slice_of(at + BCRYPT_SETTING_CHARS, BCRYPT_HASH_CHARS),
                                 BCRYPT_HASH_CHARS, form);
}

/* Printable ASCII but for the delimiters of passwd(5) and shadow(5). */
static bool is_sha2_salt(struct slice salt)
{
    if (salt.len == 0 || salt.len > SHA2_SALT_MAX_CHARS)
        return false;
    for (size_t i = 0; i < salt.len; i++) {
        if (salt.at[i] <= ' ' || salt.at[i] > '~' || strchr(":;*!\\", salt.at[i]) != NULL)
            return false;
    }
    return true;
}

/* [rounds=N$]SALT$HASH (Drepper, "Unix crypt using SHA-256 and SHA-512"). */
bool spelling_crypt_sha2(struct slice whole, struct slice rest, struct password_form *form)
{
    bool is_256 = form->method == PASSWORD_METHOD_SHA256_CRYPT;
    struct slice rounds;
    struct slice salt;

    form->iterations = SHA2_ROUNDS;
    if (field_skip(&rest, "rounds=") &&
        (!field_cut(&rest, '$', &rounds) || !field_number(rounds, &form->iterations)))
        return false;
    if (!field_cut(&rest, '$', &salt) || !is_sha2_salt(salt))
        return false;
    return take_setting_and_hash(slice_of(whole.at, (size_t)(salt.at + salt.len - whole.at)), rest,
                                 is_256 ? SHA256_HASH_CHARS : SHA512_HASH_CHARS, form);
}

/* Whole bytes, without spare bits: libcrypt refuses anything else. The least significant six bits
 * come first, so the spare ones are the last character's high ones. */
static bool is_yescrypt_salt(struct slice salt)
{
    static const unsigned used_bits[] = {6, 0, 2, 4}; /* of the last character, by length mod 4 */
    unsigned used = used_bits[salt.len % 4];

    if (salt.len == 0)
        return true;
    return salt.len <= YESCRYPT_SALT_MAX && field_is_crypt64(salt) && used > 0 &&
           field_crypt64_digit(salt.at[salt.len - 1]) >> used == 0;
}

/* jNR$SALT$HASH (libxcrypt, lib/crypt-yescrypt.c and lib/alg-yescrypt-common.c): j is the flavour
 * that crypt_gensalt writes, N and R are one character each, for log2 N less 1 and r less 1. A
 * digit from 48 up would begin a longer number; further parameters there are none. */
bool spelling_crypt_yescrypt(struct slice whole, struct slice rest, struct password_form *form)
{
    struct slice parameters;
    struct slice salt;

    if (!field_cut(&rest, '$', &parameters) || parameters.len != 3 || parameters.at[0] != 'j')
        return false;
    int log2_n = field_crypt64_digit(parameters.at[1]);
    int r = field_crypt64_digit(parameters.at[2]);
    if (log2_n < 0 || log2_n >= 48 || r < 0 || r >= 48)
        return false;
    form->log2_n = (uint32_t)log2_n + 1;
    form->r = (uint32_t)r + 1;
    if (!field_cut(&rest, '$', &salt) || !is_yescrypt_salt(salt))
        return false;
    return take_setting_and_hash(slice_of(whole.at, (size_t)(salt.at + salt.len - whole.at)), rest,
                                 YESCRYPT_HASH_CHARS, form);
}

/* Django's own spellings (django/contrib/auth/hashers.py): salts are text, hashes padded base64. */
#include "spellings.h"

#include "fields.h"

#include "gatepost/encoding.h"

static bool take_text_salt(struct slice salt, struct password_form *form)
{
    if (salt.len == 0 || salt.len > sizeof(form->salt))
        return false;
    memcpy(form->salt, salt.at, salt.len);
    form->salt_len = (uint32_t)salt.len;
    return true;
}

static bool take_hash(struct slice text, struct password_form *form)
{
    size_t len;

    if (!base64_decode(text, form->hash, sizeof(form->hash), &len))
        return false;
    form->hash_len = (uint32_t)len;
    return true;
}

/* ITERATIONS$SALT$HASH (PBKDF2PasswordHasher, PBKDF2SHA1PasswordHasher). */
bool spelling_django_pbkdf2(struct slice whole, struct slice rest, struct password_form *form)
{
    struct slice iterations;
    struct slice salt;

    (void)whole;
    return field_cut(&rest, '$', &iterations) && field_number(iterations, &form->iterations) &&
           field_cut(&rest, '$', &salt) && take_text_salt(salt, form) && take_hash(rest, form);
}

/* N$SALT$R$P$HASH (ScryptPasswordHasher, Django 4.0 and later), 64 bytes of hash. */
bool spelling_django_scrypt(struct slice whole, struct slice rest, struct password_form *form)
{
    struct slice n_text;
    struct slice salt;
    struct slice r;
    struct slice p;
    uint32_t n;

    (void)whole;
    if (!field_cut(&rest, '$', &n_text) || !field_number(n_text, &n) || (n & (n - 1)) != 0)
        return false;
    form->log2_n = (uint32_t)__builtin_ctz(n);
    return field_cut(&rest, '$', &salt) && take_text_salt(salt, form) &&
           field_cut(&rest, '$', &r) && field_number(r, &form->r) && field_cut(&rest, '$', &p) &&
           field_number(p, &form->p) && take_hash(rest, form) && form->hash_len == 64;
}

/* The crypt(3) text after the name (BCryptPasswordHasher, BCryptSHA256PasswordHasher). */
bool spelling_django_bcrypt(struct slice whole, struct slice rest, struct password_form *form)
{
    (void)whole;
    return spelling_crypt_bcrypt(rest, slice_of(NULL, 0), form);
}

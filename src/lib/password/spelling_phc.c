/* PHC strings (github.com/P-H-C/phc-string-format), and passlib's that look like them: salts and
 * hashes are base64 without padding, parameters stand in one order. */
#include "spellings.h"

#include "fields.h"

/* name, then a number, up to the separator. */
static bool cut_parameter(struct slice *text, const char *name, char separator,
                          uint32_t *number_out)
{
    struct slice number;

    return field_skip(text, name) && field_cut(text, separator, &number) &&
           field_number(number, number_out);
}

static bool take_salt_and_hash(struct slice rest, char plus, struct password_form *form)
{
    struct slice salt;

    return field_cut(&rest, '$', &salt) &&
           field_base64(salt, plus, form->salt, sizeof(form->salt), &form->salt_len) &&
           field_base64(rest, plus, form->hash, sizeof(form->hash), &form->hash_len);
}

/* v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH: libargon2's encoded form (its src/encoding.c), which
 * passlib and Django keep. v=16 or no v at all is the version before RFC 9106. */
bool spelling_phc_argon2(struct slice whole, struct slice rest, struct password_form *form)
{
    (void)whole;
    form->version = 16;
    if (rest.len > 0 && rest.at[0] == 'v' && !cut_parameter(&rest, "v=", '$', &form->version))
        return false;
    return (form->version == 16 || form->version == PASSWORD_ARGON2_VERSION) &&
           cut_parameter(&rest, "m=", ',', &form->memory_kib) &&
           cut_parameter(&rest, "t=", ',', &form->passes) &&
           cut_parameter(&rest, "p=", '$', &form->lanes) && take_salt_and_hash(rest, '+', form);
}

/* ln=LOG2N,r=R,p=P$SALT$HASH (passlib.hash.scrypt). */
bool spelling_phc_scrypt(struct slice whole, struct slice rest, struct password_form *form)
{
    (void)whole;
    return cut_parameter(&rest, "ln=", ',', &form->log2_n) &&
           cut_parameter(&rest, "r=", ',', &form->r) && cut_parameter(&rest, "p=", '$', &form->p) &&
           take_salt_and_hash(rest, '+', form);
}

/* ITERATIONS$SALT$HASH in ab64 (passlib.hash.pbkdf2_sha256), or i=ITERATIONS[,l=32]$SALT$HASH in
 * base64 (the PHC string format's parameters for it, as RustCrypto and others write them). */
bool spelling_phc_pbkdf2(struct slice whole, struct slice rest, struct password_form *form)
{
    struct slice iterations;

    (void)whole;
    if (!field_cut(&rest, '$', &iterations))
        return false;
    if (!field_skip(&iterations, "i="))
        return field_number(iterations, &form->iterations) && take_salt_and_hash(rest, '.', form);
    struct slice length = iterations;
    if (!field_cut(&length, ',', &iterations))
        iterations = length;
    else if (!slice_equal(length, SLICE_LITERAL("l=32")))
        return false;
    return field_number(iterations, &form->iterations) && take_salt_and_hash(rest, '+', form);
}

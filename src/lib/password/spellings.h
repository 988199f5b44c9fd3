/* How each family of stored forms is read. rest: what follows the prefix; whole: with the prefix,
 * which is part of what crypt(3) is given. The form comes zeroed, with method and spelling set. */
#ifndef GATEPOST_PASSWORD_SPELLINGS_H
#define GATEPOST_PASSWORD_SPELLINGS_H

#include "formats.h"

typedef bool (*spelling_read_fn)(struct slice whole, struct slice rest, struct password_form *form);

bool spelling_django_pbkdf2(struct slice whole, struct slice rest, struct password_form *form);
bool spelling_django_scrypt(struct slice whole, struct slice rest, struct password_form *form);
bool spelling_django_bcrypt(struct slice whole, struct slice rest, struct password_form *form);

/* Django puts "argon2" before the PHC string and leaves the rest as it is. */
bool spelling_phc_argon2(struct slice whole, struct slice rest, struct password_form *form);
bool spelling_phc_scrypt(struct slice whole, struct slice rest, struct password_form *form);
bool spelling_phc_pbkdf2(struct slice whole, struct slice rest, struct password_form *form);

bool spelling_crypt_bcrypt(struct slice whole, struct slice rest, struct password_form *form);
bool spelling_crypt_sha2(struct slice whole, struct slice rest, struct password_form *form);
bool spelling_crypt_yescrypt(struct slice whole, struct slice rest, struct password_form *form);

#endif

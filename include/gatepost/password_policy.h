/* Passwords: which new ones are taken, and the one spelling that is hashed. */
#ifndef GATEPOST_PASSWORD_POLICY_H
#define GATEPOST_PASSWORD_POLICY_H

#include "gatepost/err.h"
#include "gatepost/password.h"

/* The spelling of a password that is hashed: blanks of other scripts as U+0020, then NFC (RFC 8265,
 * OpaqueString). Text in ASCII stays as it is. typed: valid UTF-8. Any thread.
 * Returns false when that is longer than PASSWORD_MAX_BYTES. */
MUST_USE bool password_prepare(struct slice typed, char text_out[PASSWORD_MAX_BYTES],
                               size_t *len_out);

/* Long enough, and hard enough to guess? words: NULL, or a NULL-terminated list of the user's own
 * words (name, local part, product); those under 5 bytes are left out, since they would refuse half
 * of all passwords. password: prepared. min_strength_log10: 0 or less asks for none; more than
 * about 60 is reached by nothing. Any thread. Cost: at most 0.6 ms. */
enum password_problem { PASSWORD_FINE, PASSWORD_TOO_SHORT, PASSWORD_TOO_LONG, PASSWORD_TOO_COMMON };
MUST_USE enum password_problem password_judge(struct slice password, size_t min_points,
                                              double min_strength_log10, const char *const *words);

/* Is it the attribute, one of its words, or nearly so? Django's measure: of the letters of both,
 * without their order, 70 % are shared. password: prepared. Cost: microseconds.
 * Source: django/contrib/auth/password_validation.py, UserAttributeSimilarityValidator;
 * CPython's difflib, SequenceMatcher.quick_ratio. */
MUST_USE bool password_resembles(struct slice password, const char *attribute);

/* Passwords that are refused, whatever their case and the blanks around them. Kept as hashes of 64
 * bits, 8 bytes each: with ten million of them, one good password in 10^12 is taken for a bad one.
 * Owner: the caller of password_list_new; constant after that. */
struct password_list;

/* with_common: those that are built in. path: a file, one password a line; "" for none. Lines that
 * are not UTF-8, or longer than a password may be, are no passwords: skipped_out counts them.
 * Cost: some 0.3 s a million lines.
 * Returns NULL when the file cannot be read. */
MUST_USE struct password_list *password_list_new(bool with_common, const char *path,
                                                 size_t *skipped_out, struct err *err);
void password_list_free(struct password_list **list);

size_t password_list_count(const struct password_list *list);

/* list: NULL holds none. password: prepared. Any thread. Cost: microseconds. */
MUST_USE bool password_list_has(const struct password_list *list, struct slice password);

#endif

/* User names: Django's rule (letters, numbers, and @/./+/-/_, at most 150 characters) in NFKC, and
 * the key that tells look-alikes apart: NFKC and casefold (libunistring). */
#ifndef GATEPOST_USERNAME_H
#define GATEPOST_USERNAME_H

#include "gatepost/base.h"

#define USERNAME_MAX_POINTS 150
#define USERNAME_MAX_BYTES  1024

enum username_problem { /* bits */
                        USERNAME_FINE = 0,
                        USERNAME_BAD_CHARACTER = 1,
                        USERNAME_TOO_LONG = 2,
};

struct username {
    char text[USERNAME_MAX_BYTES + 1]; /* NFKC: as it is stored and shown */
    char key[USERNAME_MAX_BYTES + 1];  /* NFKC, casefold, NFKC again */
};

/* text: trimmed, valid UTF-8, without NUL. Returns username_problem bits; username_out is written
 * only when there is none. Django's \w is Unicode's as Python has it: str.isalnum or '_', so no
 * marks; the letters that nobody can see (Hangul fillers) are refused, and so is a
 * text whose NFKC holds anything else but marks. */
MUST_USE unsigned username_check(struct slice text, struct username *username_out);

/* Is it written in one script, or in a mixture that people write: Latin with Japanese, Chinese or
 * Korean (UTS #39, "Highly Restrictive"), with decimal digits of one system? name: NFKC. */
MUST_USE bool username_single_script(struct slice name);

/* Is all of it seen, with nothing that is blank, controls another character's place (bidi overrides
 * are Cf) or ends a line? What an id from outside must be: it ends up in tokens, logs and on
 * terminals. text: valid UTF-8. */
MUST_USE bool username_is_visible(struct slice text);

/* The key alone, of whatever somebody types at login: false when it can be nobody's name. */
MUST_USE bool username_key(struct slice text, char key_out[USERNAME_MAX_BYTES + 1]);

#endif

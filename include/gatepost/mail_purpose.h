/* What a letter is for: the one list of purposes, with the name that each has wherever people or
 * programs see it (templates, `gatepost mail`, exports, metrics). */
#ifndef GATEPOST_MAIL_PURPOSE_H
#define GATEPOST_MAIL_PURPOSE_H

#include "gatepost/base.h"

/* PURPOSE(number, NAME, name, path of its link below http.public_url, or NULL: it has none)
 * Numbers are stored: never used again. Those with a link carry a proof.
 *   email_change_asked  to the old address, when the change is asked for
 *   email_changed       to the old address, when it is done
 *   signup_attempt      somebody signed up with an address that has an account
 *   token_reused        a spent refresh token came back: its session was ended */
#define MAIL_PURPOSES(PURPOSE)                                                                     \
    PURPOSE(1, VERIFY, verify, "/verify-email")                                                    \
    PURPOSE(2, RESET_PASSWORD, reset_password, "/reset-password")                                  \
    PURPOSE(3, CHANGE_EMAIL, change_email, "/verify-email")                                        \
    PURPOSE(4, EMAIL_CHANGE_ASKED, email_change_asked, NULL)                                       \
    PURPOSE(5, EMAIL_CHANGED, email_changed, NULL)                                                 \
    PURPOSE(6, PASSWORD_CHANGED, password_changed, NULL)                                           \
    PURPOSE(7, SIGNUP_ATTEMPT, signup_attempt, NULL)                                               \
    PURPOSE(8, TOKEN_REUSED, token_reused, NULL)                                                   \
    PURPOSE(9, ACCOUNT_DELETED, account_deleted, NULL)

enum mail_purpose {
#define PURPOSE(number, NAME, name, path) MAIL_##NAME = (number),
    MAIL_PURPOSES(PURPOSE)
#undef PURPOSE
        MAIL_PURPOSE_END /* one above the highest: tables by purpose have so many places */
};

/* "reset_password"; NULL for a number that is no purpose. */
const char *mail_purpose_name(uint8_t purpose);

/* The purpose of that name, or 0. */
uint8_t mail_purpose_named(struct slice name);

/* "/reset-password"; NULL for one without a link. */
const char *mail_purpose_path(uint8_t purpose);

/* Does it have one? Here, for the store is linked without letters. */
static inline bool mail_purpose_has_link(uint8_t purpose)
{
    static const char *const paths[MAIL_PURPOSE_END] = {
#define PURPOSE(number, NAME, name, path) [number] = (path),
        MAIL_PURPOSES(PURPOSE)
#undef PURPOSE
    };
    return purpose < MAIL_PURPOSE_END && paths[purpose] != NULL;
}

#endif

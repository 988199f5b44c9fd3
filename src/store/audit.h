/* The audit trail: what happened to which account, in order. Rows are only added. */
#ifndef GATEPOST_STORE_AUDIT_H
#define GATEPOST_STORE_AUDIT_H

#include "rows.h"

/* Numbers are stored: never used again. */
enum audit_event {
    AUDIT_SIGNED_UP = 1,
    AUDIT_EMAIL_VERIFIED = 2,
    AUDIT_LETTER_RENEWED = 3,
    AUDIT_SESSION_OPENED = 4,
    AUDIT_SESSION_REFRESHED = 5,
    AUDIT_PASSWORD_REHASHED = 6, /* by the server: no peer */
    AUDIT_SESSION_ENDED = 7,     /* by its owner, or a newer one needed its place */
    AUDIT_TOKEN_REUSED = 8,      /* a spent refresh token came back; its session ended */
    AUDIT_LOGGED_OUT = 9,
    AUDIT_RESET_ASKED = 10,
    AUDIT_PASSWORD_RESET = 11,
    AUDIT_PASSWORD_CHANGED = 12,
    AUDIT_EMAIL_CHANGE_ASKED = 13,
    AUDIT_EMAIL_CHANGED = 14,
    AUDIT_USERNAME_CHANGED = 15,
    AUDIT_ACCOUNT_DELETED = 16,
    AUDIT_SIGNUP_CONCEALED = 17, /* with an address that has an account: its user */
    /* By an administrator. */
    AUDIT_ADMIN_USER_ADDED = 50,
    AUDIT_ADMIN_USER_ENABLED = 51,
    AUDIT_ADMIN_USER_DISABLED = 52,
    AUDIT_ADMIN_EMAIL_VERIFIED = 53,
    AUDIT_ADMIN_EMAIL_UNVERIFIED = 54,
    AUDIT_ADMIN_PASSWORD_SET = 55,
    AUDIT_ADMIN_USER_DELETED = 56,
    AUDIT_ADMIN_SESSION_ENDED = 57,
    AUDIT_ADMIN_SESSIONS_ENDED = 58, /* all of them */
    AUDIT_ADMIN_USERNAME_SET = 59,
};

void audit_add(struct call *call, enum audit_event event, const struct uuid *user_id,
               struct slice peer);

/* At the start: where the trail ends, so that the next key is behind it. */
void audit_find_end(struct call *call);

#endif

/* The account that an access token names, as of the moment when the store was asked about it. */
#ifndef WORKER_ACCOUNT_H
#define WORKER_ACCOUNT_H

#include "gatepost/access_token.h"
#include "gatepost/email.h"
#include "gatepost/store_messages.h"
#include "gatepost/username.h"

#include "accept_language.h"

struct account_upkeep;

/* Shared by the requests that it answers and the cache that keeps it: nobody changes it. */
struct account {
    struct uuid user_id;
    char subject[TOKEN_SUBJECT_BYTES];
    char username[USERNAME_MAX_BYTES + 1];
    char email[EMAIL_MAX_BYTES + 1];
    struct language language;
    bool email_verified;
    bool email_bounced;
    wall_ms date_joined;
    wall_ms last_login; /* 0: never */
    bool has_session;   /* the token names one; it stands */
    struct uuid session_id;
    wall_ms session_expires; /* when it has one */
    struct account_upkeep *upkeep;
};

/* From the answer to a token's question; held once. NULL: a text of it is longer than it may be. */
const struct account *account_new(const struct user_answer *user,
                                  const struct token_claims *claims);
const struct account *account_hold(const struct account *account);
void account_drop(const struct account **account);

/* The answer of GET /me about it: made once by whoever needs it first, good as long as the account
 * is. at == NULL before. account_keep_page takes a copy. */
struct slice account_page(const struct account *account);
void account_keep_page(const struct account *account, struct slice page);

#endif

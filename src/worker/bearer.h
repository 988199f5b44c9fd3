/* Whose access token a request brings: simplejwt's JWTAuthentication. */
#ifndef WORKER_BEARER_H
#define WORKER_BEARER_H

#include "gatepost/access_token.h"

#include "request.h"

/* The account that an access token names, as of the moment when it was checked. */
struct account {
    struct uuid user_id;
    char subject[TOKEN_SUBJECT_BYTES];
    char username[USERNAME_MAX_BYTES + 1];
    char email[EMAIL_MAX_BYTES + 1];
    bool email_verified;
    wall_ms date_joined;
    wall_ms last_login; /* 0: never */
    bool has_session;   /* the token names one; it stands */
    struct uuid session_id;
};

/* Checks the token of the Authorization header, its session and its user; then calls back with
 * request->account set, now or later, and request->h2o may be NULL by then. A request that may not
 * go on is answered with 401, or 503, and the callback is not called. Takes the request. */
void bearer_authenticate(struct request *request, void (*on_known)(struct request *request));

/* Frees request->account. */
void bearer_forget(struct request *request);

#endif

/* Re-authentication: the bearer of an access token shows the password once more, before what a
 * stolen token alone must not do (OWASP ASVS 7.5.1). */
#ifndef WORKER_REAUTH_H
#define WORKER_REAUTH_H

#include "gatepost/password.h"

#include "guess.h"
#include "request.h"

/* The first member of the endpoint's state. */
struct reauth {
    const char *field; /* what the password is called in the body, for the refusal; a constant */
    char encoded[PASSWORD_ENCODED_BYTES]; /* the stored form that it was checked against */
    struct guess guess;
    struct slice password; /* points into the request's body, until it is hashed */
    void (*on_confirmed)(struct request *request);
};

/* Compares the password with that of request->account; then calls back, with encoded set: what the
 * store is told, so that it does nothing if the password is another one by then. A request whose
 * password is wrong is answered 400 {field: ["Invalid password."]}. Takes the request. */
void reauthenticate(struct request *request, const char *field, struct slice password,
                    void (*on_confirmed)(struct request *request));

/* That refusal, for an endpoint whose change the store refused as STORE_SPENT. */
void reauth_refuse(struct request **request);

#endif

/* Whose access token a request brings: simplejwt's JWTAuthentication. */
#ifndef WORKER_BEARER_H
#define WORKER_BEARER_H

#include "account.h"
#include "request.h"

/* Checks the token of the Authorization header, its session and its user; then calls back with
 * request->account set, now or later, and request->h2o may be NULL by then. A request that may not
 * go on is answered with 401, or 503, and the callback is not called. Takes the request. */
void bearer_authenticate(struct request *request, void (*on_known)(struct request *request));

/* Drops request->account, and what a check under way keeps. */
void bearer_forget(struct request *request);

#endif

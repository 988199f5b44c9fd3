/* Cookie mode (http.cookies): a browser keeps its refresh token where its pages' scripts cannot
 * read it. Off, no cookie is read or set.
 *
 * A browser is told by what it alone sends and no script can forge: Origin or Sec-Fetch-Site. Other
 * clients get both tokens in the body, as ever. */
#ifndef WORKER_COOKIE_H
#define WORKER_COOKIE_H

#include "request.h"

/* For login, before anything else: where a browser asks in cookie mode, sets in_cookie. Returns
 * false when the request has been answered: 403 for a page of a foreign origin, which could sign
 * its visitor in to an account of its own choice; 415 for a form. */
MUST_USE bool cookie_admit_login(struct request **request);

/* Reads the body and finds the refresh token: the body's, else, in cookie mode, the cookie's, and
 * then sets in_cookie. The slice is good until request_forget_body, and while h2o is there. Returns
 * false when the request has been answered: 400 as request_read_body and request_check_body, 400
 * for two such cookies, 403 when it is not our page that sends the cookie along, 415 for a form. */
MUST_USE bool cookie_refresh_token(struct request **request, struct slice *token_out);

/* Has the answer set, or clear, the cookie. */
void cookie_set(struct request *request, const char *refresh);
void cookie_clear(struct request *request);

/* 401 token_not_valid for a refresh token; a cookie that it came in goes, since no script can take
 * it away and it would come back with every request. */
void cookie_refuse(struct request **request, const char *sentence);

#endif

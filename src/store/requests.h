/* The requests: one handler each, found by number in a table made from store_requests.def.
 *
 * A handler reads call->packed, looks up everything it needs, and only then puts; so that a refusal
 * changes nothing and its neighbours in the same transaction stay whole. It writes its answer
 * message, if the request has one, into call->answer. An error of the database is left in
 * call->failure and its status is then of no account. */
#ifndef GATEPOST_STORE_REQUESTS_H
#define GATEPOST_STORE_REQUESTS_H

#include "rows.h"

#define REQUEST(number, NAME, message, access, who)                                                \
    MUST_USE enum store_status message##_on_request(struct call *call);
#include "gatepost/store_requests.def"
#undef REQUEST

enum request_kind { REQUEST_UNKNOWN, REQUEST_READ, REQUEST_WRITE };
enum request_kind request_kind(uint8_t request);

/* Its message's name, for the log; "unknown". */
const char *request_name(uint8_t request);

/* request is known. May a seat of these roles ask it? */
MUST_USE bool request_is_for(uint8_t request, uint8_t roles);

/* request is known. Returns STORE_REFUSED when the ask makes no sense. */
MUST_USE enum store_status request_carry_out(struct call *call, uint8_t request);

#endif

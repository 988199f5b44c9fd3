/* Origins (RFC 6454): which of them may call the API from a browser, and which one is ours. */
#ifndef WORKER_ORIGIN_H
#define WORKER_ORIGIN_H

#include "gatepost/base.h"

struct origins;

/* list: a value of http.cors_origins; public_url: of http.public_url. Both were checked by
 * config_load. Owner: the caller. */
struct origins *origins_new(const char *list, const char *public_url);
void origins_free(struct origins **origins);

/* Is any listed? Without, CORS is off. */
bool origins_any(const struct origins *origins);

/* The listed origin that is the value of an Origin header, byte for byte, as browsers serialize it;
 * NULL when there is none. It lives as long as the list. "null" is never listed. */
const char *origins_find(const struct origins *origins, struct slice origin);

/* Is it the origin of http.public_url? */
bool origins_own(const struct origins *origins, struct slice origin);

#endif

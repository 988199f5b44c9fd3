/* The raw head of an HTTP/1 request, looked at before anything else: libh2o takes what RFC 9112
 * refuses, and what two servers read differently is how requests are smuggled. */
#ifndef WORKER_HEAD_H
#define WORKER_HEAD_H

#include "gatepost/base.h"

#define HEAD_MAX_BYTES         16384
#define HEAD_AUTHORIZATION_MAX 4200 /* a token of 4096 bytes and its scheme */

enum head_verdict {
    HEAD_FINE,
    HEAD_FINE_BUT_LAST, /* chunked: nothing after its body is to be taken for a request */
    HEAD_BAD,           /* 400: what follows on this connection cannot be trusted */
    HEAD_TOO_LARGE,     /* 431 */
    HEAD_EXPECTATION,   /* 417 */
};

/* Where the head ends, for who asks what comes behind it. */
struct head_extent {
    size_t bytes;          /* with its empty line; 0: it has none */
    bool names_connection; /* there is a Connection field */
};

/* input: the connection's bytes from the request line on, as far as they have arrived; what lies
 * after the head's empty line is not looked at.
 * Refuses: a second Content-Length, Transfer-Encoding, Host, Content-Type, Authorization, Origin or
 * Sec-Fetch-Site; length and coding together; a coding in HTTP/1.0; HTTP/1.1 without Host; a Host
 * that is none; bare LF; folded lines; a method that is no token. A chunked body is read by libh2o,
 * which takes "0x5" for 0, any text after the size and bare LF. A proxy in front may see its end
 * elsewhere; so the connection ends with it. Source: RFC 9112 sections 2.2, 3.2, 5.2, 6.1, 6.3. */
MUST_USE enum head_verdict head_check(struct slice input, struct head_extent *extent_out);

/* A token of 32 bytes at most. */
MUST_USE bool head_is_method(struct slice text);

/* Nothing that no authority holds: blanks, lists, user names, paths. */
MUST_USE bool head_is_host(struct slice value);

#endif

/* One HTTP request, from its route to its answer.
 *
 * The request is an allocation of its own. libh2o's h2o_req_t can vanish while the store or a hash
 * thread is at work for it; a small link in its pool notices and cuts the request loose: h2o is
 * NULL from then on, the work goes on, and the reply goes nowhere. Every request ends in exactly
 * one call of a reply function, which takes it and frees it with its state. */
#ifndef WORKER_REQUEST_H
#define WORKER_REQUEST_H

#include <h2o.h>

#include "gatepost/password.h"

#include "body.h"
#include "worker.h"

#define PEER_TEXT_BYTES 64 /* an IPv6 address or "unix", with the NUL */

enum method {
    METHOD_GET = 1,
    METHOD_HEAD = 2,
    METHOD_POST = 4,
    METHOD_OPTIONS = 8,
    METHOD_PATCH = 16,
    METHOD_DELETE = 32,
};

#define METHODS_WITH_BODY (METHOD_POST | METHOD_PATCH | METHOD_DELETE)

/* What a route takes as a body. */
enum route_body {
    ROUTE_NO_BODY,    /* ignored */
    ROUTE_API_BODY,   /* JSON or form */
    ROUTE_FORM_BODY,  /* form alone: a page's own target */
    ROUTE_LINES_BODY, /* application/x-ndjson, up to LINES_BODY_MAX_BYTES; the route reads it */
};

#define LINES_BODY_MAX_BYTES (1U << 20)

/* Who may ask. */
enum route_who {
    ROUTE_ANYBODY,
    ROUTE_ACCOUNT, /* the bearer of an access token: request->account is set */
};

/* What requests of a route are counted as (throttle.c). */
enum rate_class {
    RATE_FREE, /* as nothing */
    RATE_SIGNUP,
    RATE_LOGIN,
    RATE_REFRESH,
    RATE_TOKEN,
    RATE_CHANGE, /* what a bearer does to the own account */
    RATE_MAIL,   /* may send a letter to somebody */
    RATE_CLASSES
};

#define ROUTE_SEGMENTS_MAX 2 /* {id}s in a path */

/* One operation; the operations of a path follow one another. */
struct route {
    const char *path;  /* "{id}" stands for one segment, which is not empty */
    unsigned methods;  /* bits of enum method; 0: the handler looks for itself */
    const char *allow; /* the Allow header of every answer on this path */
    enum route_body body;
    enum route_who who;
    void (*on_request)(struct request *request);
    enum rate_class rate;
};

struct request {
    struct worker *worker;
    const struct route *route; /* NULL: no such path */
    char *segment;             /* what stood for the route's {id}, not decoded; or NULL; owned */
    char *subsegment;          /* the same for its second one */
    void (*on_known)(struct request *request); /* of bearer_authenticate */
    struct bearer_check *check;                /* of bearer.c, while it asks; owned */
    const struct account *account; /* whose token came with it (account.h), or NULL; held */
    h2o_req_t *h2o;                /* NULL once libh2o has let go of it: the client is gone */
    mono_ns began;                 /* when it came from libh2o */
    bool hashed;                   /* a password's hash was asked for it */
    bool gone;                     /* counted as such; libh2o may not know it yet */
    bool followed;                 /* the next one has come behind it on its connection */
    struct request_link *link;
    const struct password_work *hash; /* under way for this request, or NULL */
    h2o_timeout_entry_t later;        /* of request_call_later */
    void (*on_later)(struct request *request);
    struct request *older; /* of worker->requests */
    struct request *newer;
    enum method method;           /* 0: another one */
    enum body_format body_format; /* set before on_request is called */
    struct body *body;            /* what was read of it, or NULL; owned */
    void *state;                  /* of the endpoint, see request_keep; owned */
    size_t state_bytes;
    const char *cache;          /* Cache-Control of its 200, a constant; NULL: no-store */
    bool in_cookie;             /* the client keeps its refresh token in a cookie: cookie.h */
    h2o_headers_t own_headers;  /* of the answer: reply_add_header; in h2o's pool */
    struct json_writer *writer; /* an answer that takes several steps, or NULL; owned */
    char id[REQUEST_ID_BYTES];  /* X-Request-Id */
    char peer[PEER_TEXT_BYTES]; /* "" until request_peer was asked */
};

/* libh2o's handler: every request of the server comes in here. */
int request_on_h2o(h2o_handler_t *handler, h2o_req_t *h2o);

/* A new id: 32 hex digits that no other request of this installation has. */
void request_make_id(struct worker *worker, char id_out[REQUEST_ID_BYTES]);

/* Room for what the endpoint keeps from step to step, zeroed; wiped and freed with the request. */
void *request_keep(struct request *request, size_t bytes) __attribute__((returns_nonnull));

/* More of it: what was kept stays, and may have moved; what is added is zeroed. */
void *request_grow(struct request *request, size_t bytes) __attribute__((returns_nonnull));

/* While h2o is there: on the first call, and where the caller has looked at request->h2o: */

/* A header's value; at == NULL when it is absent. name: lower case. */
struct slice request_header(const struct request *request, const char *name);
struct slice request_body(const struct request *request);
struct slice request_query(const struct request *request); /* after the '?', or empty */

/* The client's address as text: "127.0.0.1", "2001:db8::1", "unix"; to the admin process the user
 * who opened the socket, "unix:uid=0". Behind a proxy of
 * http.trusted_proxies the one that the proxy gives. Asked once while h2o is there, kept for later.
 */
const char *request_peer(struct request *request);

/* Overwrites the body where libh2o keeps it: it may hold a password. request_body is empty from
 * then on. Every answer does it, if nothing has before. */
void request_wipe_body(struct request *request);

/* Reads the body into request->body and wipes it from libh2o's buffer. Returns true when it is an
 * object; else the request has been answered. */
MUST_USE bool request_read_body(struct request **request);

/* Checks what was read by the table. Returns true when all of it is good; else the request has been
 * answered with every field error. The slices in checked are good until request_forget_body. */
MUST_USE bool request_check_body(struct request **request, const struct field *fields, size_t count,
                                 void *checked);

/* Wipes what was read; at the latest the request's end does. */
void request_forget_body(struct request *request);

/* Asks the store on behalf of a request: on_answer is called once, later, with the request as
 * context. When the ask cannot be taken, the request is answered by 503. */
void request_ask(struct request **request, enum store_request ask, const struct packer *packed,
                 store_answer_fn on_answer);

/* The client left before libh2o knows it: the connection is cut, the hash under way cancelled. The
 * answer that follows is sent to nobody. Once a request, while h2o is there. */
void request_give_up(struct request *request);

/* Calls back once, REQUEST_LATER_MS from now, unless the request has ended by then. */
#define REQUEST_LATER_MS 250
void request_call_later(struct request *request, void (*on_later)(struct request *request));

/* For the reply functions alone: parts the request from h2o; unlinks, wipes and frees it. */
void request_cut(struct request *request);
void request_free(struct request **request);

#endif

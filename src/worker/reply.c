/* What every answer carries, the fixed refusals, and how a reply leaves. */
#include "reply.h"

#include <stdio.h>

#include "gatepost/fault.h"

#include "cors.h"
#include "http2.h"
#include "route_metrics.h"
#include "server.h"

#define CHALLENGE     "Bearer realm=\"api\""
#define RETRY_AFTER_S "1"

static const char JSON_TYPE[] = "application/json";
static const char API_POLICY[] = "default-src 'none'; frame-ancestors 'none'";

struct problem_row {
    int status;
    const char *body;
};

static const struct problem_row PROBLEMS[PROBLEM_COUNT] = {
#define PROBLEM(name, status, body) {status, body},
#include "problems.def"
#undef PROBLEM
};

struct reason_row {
    int status;
    const char *reason;
};

static const struct reason_row REASONS[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {REPLY_STATUS_GONE, "Client Closed Request"},
    {503, "Service Unavailable"},
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(REASONS); i++) {
        if (REASONS[i].status == status)
            return REASONS[i].reason;
    }
    return "Internal Server Error";
}

/* ---- headers ------------------------------------------------------------------------------------
 */

/* Names are set in their usual case; libh2o sends orig_name where there is one. Values must live
 * until the answer is sent: constants, or in the request's pool. */
struct header_name {
    h2o_iovec_t lower;
    const char *shown;
};

static const struct header_name NAMES[] = {
    {{H2O_STRLIT("content-type")}, "Content-Type"},
    {{H2O_STRLIT("x-request-id")}, "X-Request-Id"},
    {{H2O_STRLIT("content-security-policy")}, "Content-Security-Policy"},
    {{H2O_STRLIT("x-content-type-options")}, "X-Content-Type-Options"},
    {{H2O_STRLIT("referrer-policy")}, "Referrer-Policy"},
    {{H2O_STRLIT("cache-control")}, "Cache-Control"},
    {{H2O_STRLIT("strict-transport-security")}, "Strict-Transport-Security"},
    {{H2O_STRLIT("allow")}, "Allow"},
    {{H2O_STRLIT("retry-after")}, "Retry-After"},
    {{H2O_STRLIT("www-authenticate")}, "WWW-Authenticate"},
};
enum {
    NAME_TYPE,
    NAME_ID,
    NAME_POLICY,
    NAME_NOSNIFF,
    NAME_REFERRER,
    NAME_CACHE,
    NAME_HSTS,
    NAME_ALLOW,
    NAME_RETRY,
    NAME_AUTHENTICATE,
};

static void add(h2o_req_t *h2o, size_t name, const char *value, size_t len)
{
    h2o_headers_t *headers = &h2o->res.headers;

    BUG_ON(headers->size >= ARRAY_LEN(NAMES));
    headers->entries[headers->size++] = (h2o_header_t){
        .name = (h2o_iovec_t *)(uintptr_t)&NAMES[name].lower,
        .orig_name = NAMES[name].shown,
        .value = {.base = (char *)(uintptr_t)value, .len = len},
    };
}

/* id: copied. type, policy, cache, allow: constants or NULL. */
static void dress(h2o_req_t *h2o, int status, const char *id, const char *type, const char *policy,
                  const char *cache, const char *allow)
{
    h2o->res.status = status;
    h2o->res.reason = reason_of(status);
    h2o->res.headers.size = 0;
    h2o_vector_reserve(&h2o->pool, &h2o->res.headers, ARRAY_LEN(NAMES));
    if (type != NULL)
        add(h2o, NAME_TYPE, type, strlen(type));
    h2o_iovec_t kept = h2o_strdup(&h2o->pool, id, SIZE_MAX);
    add(h2o, NAME_ID, kept.base, kept.len);
    add(h2o, NAME_POLICY, policy, strlen(policy));
    add(h2o, NAME_NOSNIFF, H2O_STRLIT("nosniff"));
    add(h2o, NAME_REFERRER, H2O_STRLIT("no-referrer"));
    if (cache == NULL || status != 200)
        cache = "no-store";
    add(h2o, NAME_CACHE, cache, strlen(cache));
    /* On HTTP/2 the scheme is what the client says. There is TLS, or there is no HTTP/2. */
    if (http2_is(h2o) || h2o->input.scheme == &H2O_URL_SCHEME_HTTPS)
        add(h2o, NAME_HSTS, H2O_STRLIT("max-age=31536000"));
    if (allow != NULL)
        add(h2o, NAME_ALLOW, allow, strlen(allow));
    if (status == 503)
        add(h2o, NAME_RETRY, H2O_STRLIT(RETRY_AFTER_S));
    if (status == 401)
        add(h2o, NAME_AUTHENTICATE, H2O_STRLIT(CHALLENGE));
}

struct slice reply_dress_foreign(h2o_req_t *h2o, const char *request_id)
{
    enum problem problem = PROBLEM_BAD_REQUEST;

    for (unsigned i = 0; i < PROBLEM_COUNT; i++) {
        if (PROBLEMS[i].status == h2o->res.status) {
            problem = (enum problem)i;
            break;
        }
    }
    struct slice body = slice_of_text(PROBLEMS[problem].body);
    route_metrics_count_foreign(PROBLEMS[problem].status);
    dress(h2o, PROBLEMS[problem].status, request_id, JSON_TYPE, API_POLICY, NULL, NULL);
    h2o->res.content_length = body.len;
    return body;
}

/* ---- the one way out ----------------------------------------------------------------------------
 */

void reply_add_header(struct request *request, const char *lower, const char *shown,
                      const char *value)
{
    if (request->h2o == NULL)
        return;
    h2o_mem_pool_t *pool = &request->h2o->pool;
    h2o_iovec_t kept = h2o_strdup(pool, value, SIZE_MAX);
    h2o_add_header_by_str(pool, &request->own_headers, lower, strlen(lower), 0, shown, kept.base,
                          kept.len);
}

static void add_own_headers(const struct request *request)
{
    h2o_headers_t *headers = &request->h2o->res.headers;
    const h2o_headers_t *own = &request->own_headers;

    h2o_vector_reserve(&request->h2o->pool, headers, headers->size + own->size);
    for (size_t i = 0; i < own->size; i++)
        headers->entries[headers->size++] = own->entries[i];
}

/* body: alive until sent, that is constant or in the pool. */
static void send_and_cut(struct request *request, int status, const char *type, const char *policy,
                         struct slice body)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_req_t *h2o = request->h2o;

    request->worker->answers++;
    if (h2o == NULL)
        return;
    request_wipe_body(request);
    if (request->gone)
        status = REPLY_STATUS_GONE;
    else
        route_metrics_count(request, status);
    const char *allow = request->route != NULL ? request->route->allow : NULL;
    dress(h2o, status, request->id, type, policy, request->cache, allow);
    add_own_headers(request);
    cors_dress(request->worker, h2o, allow);
    if (status != 204)
        h2o->res.content_length = body.len;
    server_close_if_leaving(h2o, request->followed);
    /* Before the answer: sending may free h2o, and the link must know of no request then. */
    request_cut(request);

    h2o_iovec_t part = {.base = (char *)(uintptr_t)body.at, .len = body.len};
    bool has_body = body.len > 0 && request->method != METHOD_HEAD;
    FAULT("w.before_reply");
    if (FAULT_ERRNO("w.half_reply") != 0)
        server_send_half_and_die(h2o);
    h2o_start_response(h2o, &generator);
    h2o_send(h2o, &part, has_body ? 1 : 0, H2O_SEND_STATE_FINAL);
    FAULT("w.replied");
}

static void send_reply(struct request **request, int status, const char *type, const char *policy,
                       struct slice body)
{
    send_and_cut(*request, status, type, policy, body);
    request_free(request);
}

void reply_unavailable_and_cut(struct request *request)
{
    const struct problem_row *row = &PROBLEMS[PROBLEM_UNAVAILABLE];

    send_and_cut(request, row->status, JSON_TYPE, API_POLICY, slice_of_text(row->body));
}

static void send_json(struct request **request, int status, struct slice body)
{
    send_reply(request, status, JSON_TYPE, API_POLICY, body);
}

void reply_constant(struct request **request, int status, const char *body)
{
    send_json(request, status, slice_of_text(body));
}

void reply_problem(struct request **request, enum problem problem)
{
    reply_constant(request, PROBLEMS[problem].status, PROBLEMS[problem].body);
}

void reply_no_content(struct request **request)
{
    send_reply(request, 204, NULL, API_POLICY, slice_of(NULL, 0));
}

static struct slice keep(struct request *request, struct slice text)
{
    if (request->h2o == NULL)
        return slice_of(NULL, 0);
    h2o_iovec_t kept = h2o_strdup(&request->h2o->pool, text.at, text.len);
    return slice_of(kept.base, kept.len);
}

void reply_json_text(struct request **request, int status, struct slice body)
{
    send_json(request, status, keep(*request, body));
}

void reply_json(struct request **request, int status, struct json_writer **writer)
{
    struct slice body = keep(*request, json_writer_text(*writer));

    json_writer_free(writer);
    send_json(request, status, body);
}

void reply_text(struct request **request, int status, const char *type, const char *csp,
                struct slice body)
{
    h2o_req_t *h2o = (*request)->h2o;
    const char *policy = API_POLICY;

    if (csp != NULL && h2o != NULL)
        policy = h2o_strdup(&h2o->pool, csp, SIZE_MAX).base;
    send_reply(request, status, type, policy, keep(*request, body));
}

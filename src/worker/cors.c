/* The decision is made from the request's head alone, so that answers which libh2o makes get the
 * same headers as ours.
 *
 * Every answer below the API's paths says Vary: Origin, to an origin that is not listed too: a
 * cache that keeps the answer without it would give it to a page that may not have it. */
#include "cors.h"

#include "origin.h"
#include "routes.h"

/* How long a browser may go without asking again. Chromium's own bound is two hours. */
#define MAX_AGE_S "7200"

static const char MAY_SEND[] = "authorization, content-type, idempotency-key, x-request-id";
static const char MAY_READ[] = "x-request-id, retry-after";

/* Pages and metrics are for nobody's script. */
static bool is_of_api(h2o_iovec_t target)
{
    static const char *const folders[] = {"/api/", "/.well-known/"};
    struct slice path = route_path(slice_of(target.base, target.len));

    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        size_t len = strlen(folders[i]);
        if (path.len >= len && memcmp(path.at, folders[i], len) == 0)
            return true;
    }
    return slice_equal(path, SLICE_LITERAL("/openapi.json")) ||
           slice_equal(path, SLICE_LITERAL("/openapi.json/"));
}

static struct slice header_of(const h2o_req_t *h2o, const char *name, size_t len)
{
    for (size_t i = 0; i < h2o->headers.size; i++) {
        const h2o_header_t *header = &h2o->headers.entries[i];
        if (h2o_memis(header->name->base, header->name->len, name, len))
            return slice_of(header->value.base, header->value.len);
    }
    return slice_of(NULL, 0);
}

static void add(h2o_req_t *h2o, const char *lower, const char *shown, const char *value)
{
    h2o_add_header_by_str(&h2o->pool, &h2o->res.headers, lower, strlen(lower), 0, shown, value,
                          strlen(value));
}

static bool is_preflight(const h2o_req_t *h2o)
{
    return h2o->res.status == 204 &&
           h2o_memis(h2o->method.base, h2o->method.len, H2O_STRLIT("OPTIONS")) &&
           header_of(h2o, H2O_STRLIT("access-control-request-method")).at != NULL;
}

void cors_dress(const struct worker *worker, h2o_req_t *h2o, const char *allow)
{
    if (!origins_any(worker->origins) || !is_of_api(h2o->input.path))
        return;
    add(h2o, "vary", "Vary", "Origin");
    const char *origin = origins_find(worker->origins, header_of(h2o, H2O_STRLIT("origin")));
    if (origin == NULL)
        return;
    add(h2o, "access-control-allow-origin", "Access-Control-Allow-Origin", origin);
    if (worker->config->http_cookies)
        add(h2o, "access-control-allow-credentials", "Access-Control-Allow-Credentials", "true");
    if (!is_preflight(h2o)) {
        add(h2o, "access-control-expose-headers", "Access-Control-Expose-Headers", MAY_READ);
        return;
    }
    if (allow != NULL)
        add(h2o, "access-control-allow-methods", "Access-Control-Allow-Methods", allow);
    add(h2o, "access-control-allow-headers", "Access-Control-Allow-Headers", MAY_SEND);
    add(h2o, "access-control-max-age", "Access-Control-Max-Age", MAX_AGE_S);
}

/* The table of the workers' routes, and the checks that every route shares. */
#include "routes.h"

#include <strings.h>

#include "bearer.h"
#include "endpoints.h"
#include "reply.h"
#include "throttle.h"

#define BODY_MAX_BYTES 16384

#define ALLOW_POST "POST, OPTIONS"
#define ALLOW_GET  "GET, HEAD, OPTIONS"
#define ALLOW_LIST "GET, HEAD, DELETE, OPTIONS"
#define ALLOW_DEL  "DELETE, OPTIONS"
#define ALLOW_PAGE "GET, HEAD, POST, OPTIONS"
#define ALLOW_ME   "GET, HEAD, PATCH, DELETE, OPTIONS"
#define READING    (METHOD_GET | METHOD_HEAD)

static const struct route ROUTES[] = {
    {"/api/auth/me", READING, ALLOW_ME, ROUTE_NO_BODY, ROUTE_ACCOUNT, me_on_request, RATE_FREE},
    {"/api/auth/me", METHOD_PATCH, ALLOW_ME, ROUTE_API_BODY, ROUTE_ACCOUNT, me_change_on_request,
     RATE_CHANGE},
    {"/api/auth/me", METHOD_DELETE, ALLOW_ME, ROUTE_API_BODY, ROUTE_ACCOUNT, me_delete_on_request,
     RATE_CHANGE},
    {"/api/auth/me/export", READING, ALLOW_GET, ROUTE_NO_BODY, ROUTE_ACCOUNT, export_on_request,
     RATE_CHANGE},
    {"/api/auth/check", READING, ALLOW_GET, ROUTE_NO_BODY, ROUTE_ACCOUNT, check_on_request,
     RATE_TOKEN},
    {"/api/auth/sessions", READING, ALLOW_LIST, ROUTE_NO_BODY, ROUTE_ACCOUNT, sessions_on_request,
     RATE_FREE},
    {"/api/auth/sessions", METHOD_DELETE, ALLOW_LIST, ROUTE_NO_BODY, ROUTE_ACCOUNT,
     sessions_delete_on_request, RATE_CHANGE},
    {"/api/auth/sessions/{id}", METHOD_DELETE, ALLOW_DEL, ROUTE_NO_BODY, ROUTE_ACCOUNT,
     session_delete_on_request, RATE_CHANGE},
    {"/api/auth/signup", METHOD_POST, ALLOW_POST, ROUTE_API_BODY, ROUTE_ANYBODY, signup_on_request,
     RATE_SIGNUP},
    {"/api/auth/login", METHOD_POST, ALLOW_POST, ROUTE_API_BODY, ROUTE_ANYBODY, login_on_request,
     RATE_LOGIN},
    {"/api/auth/token/refresh", METHOD_POST, ALLOW_POST, ROUTE_API_BODY, ROUTE_ANYBODY,
     refresh_on_request, RATE_REFRESH},
    {"/api/auth/logout", METHOD_POST, ALLOW_POST, ROUTE_API_BODY, ROUTE_ANYBODY, logout_on_request,
     RATE_TOKEN},
    {"/api/auth/token/verify", METHOD_POST, ALLOW_POST, ROUTE_API_BODY, ROUTE_ANYBODY,
     token_verify_on_request, RATE_TOKEN},
    {"/api/auth/verify-email", METHOD_POST, ALLOW_POST, ROUTE_API_BODY, ROUTE_ANYBODY,
     verify_on_request, RATE_TOKEN},
    {"/api/auth/verify-email/resend", METHOD_POST, ALLOW_POST, ROUTE_API_BODY, ROUTE_ANYBODY,
     resend_on_request, RATE_MAIL},
    {"/api/auth/password/change", METHOD_POST, ALLOW_POST, ROUTE_API_BODY, ROUTE_ACCOUNT,
     change_password_on_request, RATE_CHANGE},
    {"/api/auth/password/reset", METHOD_POST, ALLOW_POST, ROUTE_API_BODY, ROUTE_ANYBODY,
     forgot_password_on_request, RATE_MAIL},
    {"/api/auth/password/reset/confirm", METHOD_POST, ALLOW_POST, ROUTE_API_BODY, ROUTE_ANYBODY,
     reset_confirm_on_request, RATE_TOKEN},
    {"/reset-password", READING, ALLOW_PAGE, ROUTE_NO_BODY, ROUTE_ANYBODY, reset_page_on_request,
     RATE_FREE},
    {"/reset-password", METHOD_POST, ALLOW_PAGE, ROUTE_FORM_BODY, ROUTE_ANYBODY,
     reset_page_on_request, RATE_TOKEN},
    {"/verify-email", READING, ALLOW_PAGE, ROUTE_NO_BODY, ROUTE_ANYBODY, verify_page_on_request,
     RATE_FREE},
    {"/verify-email", METHOD_POST, ALLOW_PAGE, ROUTE_FORM_BODY, ROUTE_ANYBODY,
     verify_page_on_request, RATE_TOKEN},
    {"/.well-known/jwks.json", READING, ALLOW_GET, ROUTE_NO_BODY, ROUTE_ANYBODY, jwks_on_request,
     RATE_FREE},
    {"/healthz", READING, ALLOW_GET, ROUTE_NO_BODY, ROUTE_ANYBODY, healthz_on_request, RATE_FREE},
    {"/readyz", READING, ALLOW_GET, ROUTE_NO_BODY, ROUTE_ANYBODY, readyz_on_request, RATE_FREE},
    {"/metrics", 0, ALLOW_GET, ROUTE_NO_BODY, ROUTE_ANYBODY, metrics_on_request, RATE_FREE},
    {"/openapi.json", READING, ALLOW_GET, ROUTE_NO_BODY, ROUTE_ANYBODY, openapi_on_request,
     RATE_FREE},
};

const struct route_table WORKER_ROUTES = {ROUTES, ARRAY_LEN(ROUTES)};

/* The authority of "http://authority/path" ends at the next slash; in "http://authority?query"
 * there is no path. */
static struct slice without_origin(struct slice target)
{
    static const char *const schemes[] = {"http://", "https://"};

    if (target.len > 0 && target.at[0] == '/')
        return target;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t len = strlen(schemes[i]);
        if (target.len <= len || strncasecmp(target.at, schemes[i], len) != 0)
            continue;
        size_t end = len;
        while (end < target.len && strchr("/?#", target.at[end]) == NULL)
            end++;
        if (end > len && end < target.len && target.at[end] == '/')
            return slice_of(target.at + end, target.len - end);
    }
    return target;
}

struct slice route_path(struct slice target)
{
    struct slice path = without_origin(target);
    const char *query = path.len > 0 ? memchr(path.at, '?', path.len) : NULL;

    if (query != NULL)
        path.len = (size_t)(query - path.at);
    return path;
}

/* Does the path match the pattern, and what stands for its {id}s? */
static bool path_matches(const char *pattern, struct slice path,
                         struct slice segments_out[ROUTE_SEGMENTS_MAX])
{
    size_t count = 0;
    size_t at = 0;

    /* Every request tries many: most are over at their first different byte. */
    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '{') {
            if (at == path.len || path.at[at++] != *pattern)
                return false;
            continue;
        }
        const char *slash = at < path.len ? memchr(path.at + at, '/', path.len - at) : NULL;
        size_t len = (slash != NULL ? (size_t)(slash - path.at) : path.len) - at;
        if (len == 0)
            return false;
        segments_out[count++] = slice_of(path.at + at, len);
        at += len;
        pattern = strchr(pattern, '}');
    }
    while (count < ROUTE_SEGMENTS_MAX)
        segments_out[count++] = slice_of(NULL, 0);
    return at == path.len;
}

/* Has this path, a route's, items: is there another that is {id} behind it? */
static bool has_items(const struct route_table *table, const char *path)
{
    const size_t len = strlen(path);

    for (size_t i = 0; i < table->count; i++) {
        if (strncmp(table->routes[i].path, path, len) == 0 &&
            strncmp(table->routes[i].path + len, "/{", 2) == 0)
            return true;
    }
    return false;
}

const struct route *route_find(const struct route_table *table, struct slice target,
                               enum method method, struct slice segments_out[ROUTE_SEGMENTS_MAX])
{
    struct slice path = route_path(target);
    const struct route *of_path = NULL;
    const bool has_slash = path.len > 1 && path.at[path.len - 1] == '/';

    path.len -= has_slash;
    for (size_t i = 0; i < table->count; i++) {
        struct slice segments[ROUTE_SEGMENTS_MAX];
        if (!path_matches(table->routes[i].path, path, segments))
            continue;
        /* The id was lost on the way: that is no wish to delete all of them. */
        if (has_slash && method == METHOD_DELETE && has_items(table, table->routes[i].path))
            continue;
        of_path = &table->routes[i];
        memcpy(segments_out, segments, sizeof(segments));
        if ((table->routes[i].methods & method) != 0)
            break;
    }
    return of_path;
}

/* Compares without case, blanks around a gone. */
static bool word_is(struct slice a, const char *word)
{
    while (a.len > 0 && (a.at[0] == ' ' || a.at[0] == '\t'))
        a = slice_of(a.at + 1, a.len - 1);
    while (a.len > 0 && (a.at[a.len - 1] == ' ' || a.at[a.len - 1] == '\t'))
        a.len--;
    return a.len == strlen(word) && strncasecmp(a.at, word, a.len) == 0;
}

/* Cuts the text before the next separator off the front of rest. */
static struct slice next_part(struct slice *rest, char separator)
{
    const char *end = rest->len > 0 ? memchr(rest->at, separator, rest->len) : NULL;
    struct slice part = *rest;

    if (end == NULL) {
        *rest = slice_of(NULL, 0);
        return part;
    }
    part.len = (size_t)(end - rest->at);
    *rest = slice_of(end + 1, rest->len - part.len - 1);
    return part;
}

static bool charset_is_utf8(struct slice parameters)
{
    while (parameters.len > 0) {
        struct slice value = next_part(&parameters, ';');
        struct slice name = next_part(&value, '=');
        if (word_is(name, "charset") && !word_is(value, "utf-8") && !word_is(value, "\"utf-8\"") &&
            !word_is(value, "utf8"))
            return false;
    }
    return true;
}

bool route_body_format(enum route_body takes, struct slice content_type,
                       struct slice content_encoding, size_t body_len, enum body_format *format_out)
{
    struct slice parameters = content_type;
    struct slice type = next_part(&parameters, ';');
    bool is_json = word_is(type, "application/json");
    bool is_form = word_is(type, "application/x-www-form-urlencoded");
    bool is_lines = word_is(type, "application/x-ndjson");

    if (body_len == 0) {
        *format_out = BODY_EMPTY;
        return true;
    }
    if (content_encoding.len > 0 && !word_is(content_encoding, "identity"))
        return false;
    if (takes == ROUTE_LINES_BODY ? !is_lines : !is_form && !(is_json && takes == ROUTE_API_BODY))
        return false;
    *format_out = is_form ? BODY_FORM : BODY_JSON;
    return charset_is_utf8(parameters);
}

/* What of a request is looked at before its endpoint sees it, once it is known who asks. */
static void run(struct request *request)
{
    const struct route *route = request->route;

    if (request->h2o == NULL) { /* the client left while the store was asked who it is */
        reply_no_content(&request);
        return;
    }
    if (route->methods != 0 && (route->methods & request->method) == 0) {
        reply_method_not_allowed(&request);
        return;
    }
    /* A method that the route has not is not counted: else any page could use up its visitors'
     * sign-ins with pictures. */
    if (!throttle_admit(&request))
        return;
    if (route->body != ROUTE_NO_BODY && (request->method & METHODS_WITH_BODY) != 0) {
        struct slice type = request_header(request, "content-type");
        size_t len = request_body(request).len;
        if (len > (route->body == ROUTE_LINES_BODY ? LINES_BODY_MAX_BYTES : BODY_MAX_BYTES)) {
            reply_problem(&request, PROBLEM_TOO_LARGE);
            return;
        }
        if (!route_body_format(route->body, type, request_header(request, "content-encoding"), len,
                               &request->body_format)) {
            reply_unsupported_type(&request, type);
            return;
        }
    }
    route->on_request(request);
}

void route_dispatch(struct request **request)
{
    const struct route *route = (*request)->route;

    if (route == NULL) {
        reply_problem(request, PROBLEM_NOT_FOUND);
        return;
    }
    if ((*request)->method == METHOD_OPTIONS && route->on_request != metrics_on_request) {
        reply_no_content(request);
        return;
    }
    switch (route->who) {
    case ROUTE_ANYBODY:
        run(*request);
        break;
    case ROUTE_ACCOUNT: /* DRF looks at the credentials before the method */
        bearer_authenticate(*request, run);
        break;
    }
    *request = NULL;
}

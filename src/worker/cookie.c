/* The refresh token's cookie, and the defence of what it authorises.
 *
 * A cookie goes along with whatever page asks for it. SameSite=Strict keeps other sites' pages from
 * it, not those of our neighbours under the same domain; so the request itself must say that it
 * comes from a page that may, and be JSON, which a form cannot send and a foreign script only after
 * a preflight (OWASP Cross-Site Request Forgery Prevention; Fetch Metadata). */
#include "cookie.h"

#include <stdio.h>

#include "gatepost/access_token.h"
#include "gatepost/log.h"

#include "origin.h"
#include "reply.h"
#include "routes.h"

/* __Host-: browsers take it over HTTPS alone, for this very host, and from nobody else. */
#define NAME       "__Host-refresh"
#define ATTRIBUTES "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age="

struct refresh_form {
    struct slice refresh;
};

static const struct field FIELDS[] = {
    {"refresh", FIELD_TEXT, offsetof(struct refresh_form, refresh)},
};

/* ---- who asks -----------------------------------------------------------------------------------
 */

static bool is_trusted(const struct request *request)
{
    const struct origins *origins = request->worker->origins;
    struct slice site = request_header(request, "sec-fetch-site");
    struct slice origin = request_header(request, "origin");
    bool is_listed = origin.at != NULL && origins_find(origins, origin) != NULL;

    if (slice_equal(site, SLICE_LITERAL("same-origin")))
        return true;
    if (site.at != NULL)
        return is_listed && (slice_equal(site, SLICE_LITERAL("same-site")) ||
                             slice_equal(site, SLICE_LITERAL("cross-site")));
    return is_listed || (origin.at != NULL && origins_own(origins, origin));
}

/* Returns true, with in_cookie set; else the request has been answered. */
static bool admit(struct request **request)
{
    struct slice type = request_header(*request, "content-type");
    enum body_format format;

    if (!is_trusted(*request)) {
        log_info("csrf.refused", "request=%s peer=%s", (*request)->id, request_peer(*request));
        reply_problem(request, PROBLEM_CSRF);
        return false;
    }
    /* An empty body has a type too here: that of a form, when a form was sent. */
    if (!route_body_format(ROUTE_API_BODY, type, slice_of(NULL, 0), 1, &format) ||
        format != BODY_JSON) {
        reply_unsupported_type(request, type);
        return false;
    }
    (*request)->in_cookie = true;
    return true;
}

bool cookie_admit_login(struct request **request)
{
    if (!(*request)->worker->config->http_cookies ||
        (request_header(*request, "origin").at == NULL &&
         request_header(*request, "sec-fetch-site").at == NULL))
        return true;
    return admit(request);
}

/* ---- the token ----------------------------------------------------------------------------------
 */

/* Cuts the first pair off a list; blanks around it are gone (RFC 6265 section 5.4). */
static struct slice next_pair(struct slice *list)
{
    const char *end = memchr(list->at, ';', list->len);
    struct slice pair = slice_of(list->at, end != NULL ? (size_t)(end - list->at) : list->len);

    *list = end != NULL ? slice_of(end + 1, list->len - pair.len - 1) : slice_of(NULL, 0);
    while (pair.len > 0 && (pair.at[0] == ' ' || pair.at[0] == '\t'))
        pair = slice_of(pair.at + 1, pair.len - 1);
    while (pair.len > 0 && (pair.at[pair.len - 1] == ' ' || pair.at[pair.len - 1] == '\t'))
        pair.len--;
    return pair;
}

/* How many cookies of our name came along; *value_out is the last one's. */
static size_t find_cookie(const struct request *request, struct slice *value_out)
{
    static const char start[] = NAME "=";
    const h2o_headers_t *headers = &request->h2o->headers;
    size_t found = 0;

    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *header = &headers->entries[i];
        if (!h2o_memis(header->name->base, header->name->len, H2O_STRLIT("cookie")))
            continue;
        struct slice rest = slice_of(header->value.base, header->value.len);
        while (rest.len > 0) {
            struct slice pair = next_pair(&rest);
            if (pair.len < sizeof(start) - 1 || memcmp(pair.at, start, sizeof(start) - 1) != 0)
                continue;
            *value_out = slice_of(pair.at + sizeof(start) - 1, pair.len - (sizeof(start) - 1));
            found++;
        }
    }
    return found;
}

bool cookie_refresh_token(struct request **request, struct slice *token_out)
{
    struct refresh_form form;
    struct slice cookie;
    size_t cookies = 0;

    if (!request_read_body(request))
        return false;
    if ((*request)->worker->config->http_cookies && !body_has((*request)->body, "refresh"))
        cookies = find_cookie(*request, &cookie);
    if (cookies > 1) {
        reply_problem(request, PROBLEM_BAD_REQUEST);
        return false;
    }
    if (cookies == 1) {
        if (!admit(request))
            return false;
        *token_out = cookie;
        return true;
    }
    if (!request_check_body(request, FIELDS, ARRAY_LEN(FIELDS), &form))
        return false;
    *token_out = form.refresh;
    return true;
}

/* ---- the answer ---------------------------------------------------------------------------------
 */

static void add(struct request *request, const char *value, int64_t max_age_s)
{
    char text[sizeof(NAME) + sizeof(ATTRIBUTES) + TOKEN_MAX_BYTES + 32];
    int len =
        snprintf(text, sizeof(text), NAME "=%s" ATTRIBUTES "%lld", value, (long long)max_age_s);

    BUG_ON(len < 0 || (size_t)len >= sizeof(text));
    reply_add_header(request, "set-cookie", "Set-Cookie", text);
    secret_wipe(text, sizeof(text));
}

void cookie_set(struct request *request, const char *refresh)
{
    add(request, refresh, request->worker->config->token_refresh_s);
}

void cookie_clear(struct request *request)
{
    add(request, "", 0);
}

void cookie_refuse(struct request **request, const char *sentence)
{
    if ((*request)->in_cookie)
        cookie_clear(*request);
    reply_token_refused(request, sentence);
}

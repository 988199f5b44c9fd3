/* GET /api/auth/check: for a proxy that asks before each request of its own (nginx auth_request,
 * Caddy forward_auth, Traefik ForwardAuth). The account of the bearer, who is known when this is
 * called, stands in headers, which the proxy may copy; docs/proxies.md.
 *
 *   1 read query    loop   400 verified=... other than 1: a wish that is not understood is not
 *                          taken for none
 *   2 answer        loop   403 no proven address, where one is asked for; 200 {} */
#include "account.h"
#include "endpoints.h"
#include "reply.h"

/* Each byte may become three. */
#define USER_TEXT_BYTES  (3 * USERNAME_MAX_BYTES + 1)
#define EMAIL_TEXT_BYTES (3 * EMAIL_MAX_BYTES + 1)

enum wish { WISH_NONE, WISH_VERIFIED, WISH_UNCLEAR };

/* ---- 1 ------------------------------------------------------------------------------------------
 */

static enum wish read_wish(struct slice query)
{
    static const char name[] = "verified=";
    enum wish wish = WISH_NONE;

    while (query.len > 0) {
        const char *end = memchr(query.at, '&', query.len);
        struct slice pair = slice_of(query.at, end != NULL ? (size_t)(end - query.at) : query.len);
        query = end != NULL ? slice_of(end + 1, query.len - pair.len - 1) : slice_of(NULL, 0);
        if (slice_equal(pair, SLICE_LITERAL("verified=1")))
            wish = wish == WISH_UNCLEAR ? wish : WISH_VERIFIED;
        else if (slice_equal(pair, SLICE_LITERAL("verified")) ||
                 (pair.len >= sizeof(name) - 1 && memcmp(pair.at, name, sizeof(name) - 1) == 0))
            wish = WISH_UNCLEAR;
    }
    return wish;
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

/* What may stand in a header as it is stays: visible ASCII but the escape itself. User names are
 * Unicode, and header values have no encoding that all proxies agree on. */
static void percent_encode(const char *text, char *encoded_out)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        const unsigned char byte = (unsigned char)*text;
        if (byte > ' ' && byte < 0x7f && byte != '%') {
            *encoded_out++ = *text;
            continue;
        }
        *encoded_out++ = '%';
        *encoded_out++ = digits[byte >> 4];
        *encoded_out++ = digits[byte & 15];
    }
    *encoded_out = '\0';
}

static void add_account(struct request *request)
{
    const struct account *account = request->account;
    char user[USER_TEXT_BYTES];
    char email[EMAIL_TEXT_BYTES];

    percent_encode(account->username, user);
    percent_encode(account->email, email);
    reply_add_header(request, "x-auth-subject", "X-Auth-Subject", account->subject);
    reply_add_header(request, "x-auth-user", "X-Auth-User", user);
    reply_add_header(request, "x-auth-email", "X-Auth-Email", email);
    reply_add_header(request, "x-auth-email-verified", "X-Auth-Email-Verified",
                     account->email_verified ? "true" : "false");
}

void check_on_request(struct request *request)
{
    const enum wish wish = read_wish(request_query(request));

    if (wish == WISH_UNCLEAR) {
        reply_problem(&request, PROBLEM_BAD_REQUEST);
        return;
    }
    if (wish == WISH_VERIFIED && !request->account->email_verified) {
        reply_problem(&request, PROBLEM_UNVERIFIED);
        return;
    }
    add_account(request);
    reply_constant(&request, 200, "{}");
}

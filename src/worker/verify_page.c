/* GET /verify-email?token=    the page that the letter links to
 * POST /verify-email (form)   its own target
 *
 *   step      where  fails how
 *   1 show    loop   400 page: the link is not ours; GET never spends the token, because mail
 *                    scanners follow links
 *   2 spend   store  400 page: spent, voided or expired
 *   3 answer  loop   200 page
 *
 * The pages need no script, load nothing, and say with their policy that they never will. */
#include <stdio.h>

#include "gatepost/encoding.h"

#include "endpoints.h"
#include "form.h"
#include "reply.h"
#include "verification.h"

#define PAGE_BYTES 4096

static const char STYLE[] =
    "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;"
    "padding:0 1.25rem;color:#1c1c1c;background:#fff}"
    "h1{font-size:1.5rem;line-height:1.25}"
    "button{font:inherit;padding:.75rem 1.5rem;border:0;border-radius:.375rem;"
    "background:#1d4ed8;color:#fff;cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}}";

static const char FRAME[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n<h1>%s</h1>\n%s\n</main>\n"
    "</body>\n</html>\n";

struct page_form {
    struct slice token;
};

static const struct field FIELDS[] = {
    {"token", FIELD_TEXT, offsetof(struct page_form, token)},
};

static void show(struct request *request);
static void spend(struct request *request);
static void on_spent(void *context, enum store_status status, struct slice payload);

void verify_page_on_request(struct request *request)
{
    if (request->method == METHOD_POST)
        spend(request);
    else
        show(request);
}

/* main: HTML made here; nothing of it may come from outside unchecked. */
static void reply_page(struct request **request, int status, const char *title, const char *main)
{
    char page[PAGE_BYTES];
    char policy[256];
    uint8_t digest[32];
    char digest_text[BASE64_TEXT_BYTES(32)];

    digest_sha256(STYLE, sizeof(STYLE) - 1, digest);
    base64_encode(digest, sizeof(digest), digest_text);
    snprintf(policy, sizeof(policy),
             "default-src 'none'; form-action 'self'; style-src 'sha256-%s'; "
             "frame-ancestors 'none'; base-uri 'none'",
             digest_text);
    int len = snprintf(page, sizeof(page), FRAME, title, STYLE, title, main);
    BUG_ON(len < 0 || (size_t)len >= sizeof(page));
    reply_text(request, status, "text/html; charset=utf-8", policy, slice_of(page, (size_t)len));
}

static void reply_dead_link(struct request **request)
{
    reply_page(request, 400, "This link does not work any more",
               "<p>It was used before, a newer one replaced it, or its time is over. If your "
               "address is confirmed already, there is nothing left to do: sign in. Otherwise "
               "ask for a new letter where you signed up, and use the link in the newest one.</p>");
}

/* ---- 1 ------------------------------------------------------------------------------------------
 */

static void show(struct request *request)
{
    char main[1024];
    struct json_object query;
    struct slice token = slice_of(NULL, 0);

    if (form_read(request_query(request), &query)) {
        for (size_t i = 0; i < query.count; i++) {
            if (slice_equal(query.members[i].name, SLICE_LITERAL("token")))
                token = query.members[i].text;
        }
    }
    /* A token of ours is base64url, so it may stand in an attribute as it is. */
    if (verification_is_ours(request->worker, token)) {
        snprintf(main, sizeof(main),
                 "<p>One click, and we know that this address is yours.</p>\n"
                 "<form method=\"post\" action=\"/verify-email\">\n"
                 "<input type=\"hidden\" name=\"token\" value=\"%.*s\">\n"
                 "<button type=\"submit\">Confirm my address</button>\n</form>",
                 (int)token.len, token.at);
        reply_page(&request, 200, "Confirm your address", main);
    } else {
        reply_dead_link(&request);
    }
    json_object_fini(&query);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void spend(struct request *request)
{
    struct page_form form = {.token = slice_of(NULL, 0)};
    struct field_problems problems;

    request_peer(request);
    if (!request_read_body(&request))
        return;
    if (body_check(request->body, FIELDS, 1, &form, &problems) > 0 ||
        !verification_spend(&request, form.token, on_spent))
        reply_dead_link(&request);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void on_spent(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    switch (verification_outcome(request, status, payload)) {
    case VERIFICATION_DONE:
        reply_page(&request, 200, "Your address is confirmed",
                   "<p>Thank you. You can close this page and sign in.</p>");
        break;
    case VERIFICATION_DEAD:
        reply_dead_link(&request);
        break;
    case VERIFICATION_TROUBLE:
        reply_page(&request, status == STORE_BUSY || status == STORE_AWAY ? 503 : 500,
                   "That did not work",
                   "<p>The server could not do it just now. Please go back and try again in a "
                   "moment; the link stays good.</p>");
        break;
    }
}

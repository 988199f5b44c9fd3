/* GET /verify-email?token=    the page that the letter links to
 * POST /verify-email (form)   its own target
 *
 *   step      where  fails how
 *   1 show    loop   400 page: the link is not ours; GET never spends the token, because mail
 *                    scanners follow links
 *   2 spend   store  400 page: spent, voided or expired
 *   3 answer  loop   200 page */
#include <stdio.h>

#include "gatepost/secret.h"

#include "endpoints.h"
#include "page.h"
#include "reply.h"
#include "verification.h"

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

static void reply_dead_link(struct request **request)
{
    page_reply(request, 400, "This link does not work any more",
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
    struct slice token = page_query(request, "token", &query);

    /* A token of ours is base64url, so it may stand in an attribute as it is. */
    if (verification_is_ours(request->worker, token)) {
        snprintf(main, sizeof(main),
                 "<p>One click, and we know that this address is yours.</p>\n"
                 "<form method=\"post\" action=\"/verify-email\">\n"
                 "<input type=\"hidden\" name=\"token\" value=\"%.*s\">\n"
                 "<button type=\"submit\">Confirm my address</button>\n</form>",
                 (int)token.len, token.at);
        page_reply(&request, 200, "Confirm your address", main);
        secret_wipe(main, sizeof(main));
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
        page_reply(&request, 200, "Your address is confirmed",
                   "<p>Thank you. You can close this page and sign in.</p>");
        break;
    case VERIFICATION_DEAD:
        reply_dead_link(&request);
        break;
    case VERIFICATION_TROUBLE:
        page_reply_trouble(&request, status);
        break;
    }
}

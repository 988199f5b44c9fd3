/* GET /reset-password?token=    the page that the letter links to
 * POST /reset-password (form)   its own target
 *
 *   step      where    fails how
 *   1 show    loop     400 page: the link is not ours; GET never spends the token
 *   2 set     reset.c  400 page: the link does not work any more; or the form once more, and what
 *                      is wrong with the password
 *   3 answer  loop     200 page */
#include <stdio.h>

#include "gatepost/secret.h"

#include "endpoints.h"
#include "page.h"
#include "reset.h"

#define FORM_BYTES 2048

struct page_form {
    struct slice token;
    struct slice new_password;
};

enum { FORM_TOKEN, FORM_PASSWORD, FORM_FIELDS };
static const struct field FIELDS[FORM_FIELDS] = {
    {"token", FIELD_TEXT, offsetof(struct page_form, token)},
    {"new_password", FIELD_PASSWORD, offsetof(struct page_form, new_password)},
};

static void show(struct request *request);
static void set(struct request *request);
static void on_outcome(struct request *request, enum reset_outcome outcome,
                       enum store_status status, const struct field_problems *problems);

void reset_page_on_request(struct request *request)
{
    if (request->method == METHOD_POST)
        set(request);
    else
        show(request);
}

static void reply_dead_link(struct request **request)
{
    page_reply(request, 400, "This link does not work any more",
               "<p>It was used before, a newer one replaced it, or its time is over. If you still "
               "need a new password, ask for another letter where you sign in, and use the link in "
               "the newest one.</p>");
}

/* token: one of ours, that is base64url: it may stand in an attribute as it is. wrong: a constant
 * sentence or one of ours with a number in it; "" for none. */
static void reply_form(struct request **request, int status, struct slice token, const char *wrong)
{
    char main[FORM_BYTES];

    int len = snprintf(
        main, sizeof(main),
        "%s%s%s<form method=\"post\" action=\"/reset-password\">\n"
        "<input type=\"hidden\" name=\"token\" value=\"%.*s\">\n"
        "<label>New password\n"
        "<input type=\"password\" name=\"new_password\" autocomplete=\"new-password\" required "
        "autofocus></label>\n"
        "<button type=\"submit\">Set new password</button>\n</form>",
        wrong[0] != '\0' ? "<p class=\"wrong\">" : "", wrong, wrong[0] != '\0' ? "</p>\n" : "",
        (int)token.len, token.at);
    BUG_ON(len < 0 || (size_t)len >= sizeof(main));
    page_reply(request, status, "Choose a new password", main);
    secret_wipe(main, sizeof(main));
}

/* ---- 1 ------------------------------------------------------------------------------------------
 */

static void show(struct request *request)
{
    struct json_object query;
    struct slice token = page_query(request, "token", &query);

    if (reset_token_is_ours(request->worker, token))
        reply_form(&request, 200, token, "");
    else
        reply_dead_link(&request);
    json_object_fini(&query);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void set(struct request *request)
{
    struct page_form form = {.token = slice_of(NULL, 0)};
    struct field_problems problems[FORM_FIELDS];

    request_peer(request);
    if (!request_read_body(&request))
        return;
    (void)body_check(request->body, FIELDS, FORM_FIELDS, &form, problems);
    if (!reset_token_is_ours(request->worker, form.token))
        reply_dead_link(&request);
    else if (problems[FORM_PASSWORD].count > 0)
        reply_form(&request, 400, form.token, problems[FORM_PASSWORD].sentences[0]);
    else
        reset_password(request, form.token, form.new_password, on_outcome);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

/* The token that the form is to carry again: the body is there until the password is hashed. */
static struct slice token_of(struct request *request)
{
    struct page_form form = {.token = slice_of(NULL, 0)};
    struct field_problems problems;

    if (body_check(request->body, &FIELDS[FORM_TOKEN], 1, &form, &problems) > 0)
        BUG_ON("the token was read before");
    return form.token;
}

static void on_outcome(struct request *request, enum reset_outcome outcome,
                       enum store_status status, const struct field_problems *problems)
{
    switch (outcome) {
    case RESET_DONE:
        page_reply(&request, 200, "Your password is changed",
                   "<p>You can close this page and sign in with the new one. All sessions that "
                   "were open have been ended.</p>");
        break;
    case RESET_DEAD:
        reply_dead_link(&request);
        break;
    case RESET_WEAK:
        reply_form(&request, 400, token_of(request), problems->sentences[0]);
        break;
    case RESET_TROUBLE:
        page_reply_trouble(&request, status);
        break;
    }
}

/* See page.h. */
#include "page.h"

#include <stdio.h>

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#include "form.h"
#include "reply.h"

#define PAGE_BYTES 4096

static const char STYLE[] =
    "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;"
    "padding:0 1.25rem;color:#1c1c1c;background:#fff}"
    "h1{font-size:1.5rem;line-height:1.25}"
    "label{display:block;margin:1rem 0}"
    "input{font:inherit;display:block;box-sizing:border-box;width:100%;padding:.625rem;"
    "border:1px solid #767676;border-radius:.375rem;color:inherit;background:transparent}"
    "button{font:inherit;padding:.75rem 1.5rem;border:0;border-radius:.375rem;"
    "background:#1d4ed8;color:#fff;cursor:pointer}"
    ".wrong{color:#b91c1c}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}.wrong{color:#fca5a5}}";

static const char FRAME[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n<h1>%s</h1>\n%s\n</main>\n"
    "</body>\n</html>\n";

void page_reply(struct request **request, int status, const char *title, const char *main)
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
    secret_wipe(page, sizeof(page)); /* it may hold a link's token */
}

struct slice page_query(const struct request *request, const char *name,
                        struct json_object *query_out)
{
    struct slice text = slice_of(NULL, 0);

    if (!form_read(request_query(request), query_out))
        return text;
    for (size_t i = 0; i < query_out->count; i++) {
        if (slice_equal(query_out->members[i].name, slice_of_text(name)))
            text = query_out->members[i].text;
    }
    return text;
}

void page_reply_trouble(struct request **request, enum store_status status)
{
    page_reply(request, status == STORE_BUSY || status == STORE_AWAY ? 503 : 500,
               "That did not work",
               "<p>The server could not do it just now. Please go back and try again in a moment; "
               "the link stays good.</p>");
}

/* The words of every letter, by purpose: the only place where they stand.
 *
 * {name} who it is for, {link} the link, {site} the origin's host, {until} when the link ends.
 * The HTML carries everything it needs: no remote content, readable without styles, in the dark
 * (it names both colours and declares both schemes) and on a phone. */
#include "message.h"

static const struct letter_words verify = {
    .subject = "Confirm your e-mail address for {site}",
    .text = "Hello {name},\n"
            "\n"
            "please confirm your e-mail address for {site}. Open this link:\n"
            "\n"
            "{link}\n"
            "\n"
            "The link works once, until {until}.\n"
            "\n"
            "If you did not sign up, ignore this letter: without the link nothing happens.\n",
    .html =
        "<!DOCTYPE html>\n"
        "<html lang=\"en\">\n"
        "<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta name=\"supported-color-schemes\" content=\"light dark\">\n"
        "<title>Confirm your e-mail address</title>\n"
        "</head>\n"
        "<body style=\"margin:0;padding:24px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',"
        "Roboto,Helvetica,Arial,sans-serif\">\n"
        "<div style=\"max-width:480px;margin:0 auto\">\n"
        "<p>Hello {name},</p>\n"
        "<p>please confirm your e-mail address for <strong>{site}</strong>.</p>\n"
        "<p style=\"margin:32px 0\"><a href=\"{link}\"\n"
        "style=\"display:inline-block;padding:12px 24px;border:1px solid #1d4ed8;"
        "border-radius:6px;background-color:#1d4ed8;color:#ffffff;font-weight:600;"
        "text-decoration:none\">Confirm e-mail address</a></p>\n"
        "<p>Or open this link:<br>\n"
        "<a href=\"{link}\" style=\"word-break:break-all\">{link}</a></p>\n"
        "<p>The link works once, until {until}.</p>\n"
        "<p style=\"margin-top:32px;font-size:14px;opacity:0.75\">If you did not sign up, ignore "
        "this letter: without the link nothing happens.</p>\n"
        "</div>\n"
        "</body>\n"
        "</html>\n",
    .path = "/verify-email",
};

const struct letter_words *letter_words_of(uint8_t purpose)
{
    return purpose == MAIL_VERIFY ? &verify : NULL;
}

/* The words of every letter, by purpose: the only place where they stand.
 *
 * {name} who it is for, {site} the origin's host, {when} when the job was made, {link} the link,
 * {until} when the link ends. The frames below put {lead} and {small} around the link. The HTML
 * carries everything it needs: no remote content, readable without styles, in the dark (it names
 * both colours and declares both schemes) and on a phone. */
#include "words.h"

#include "gatepost/mail_purpose.h"

#define NOT_YOU                                                                                    \
    "If that was not you, ask for a new password where you sign in, right\n"                       \
    "away, and look at your sessions."

static const struct letter_words words[] = {
    [MAIL_VERIFY] =
        {
            .subject = "Confirm your e-mail address for {site}",
            .lead = "please confirm your e-mail address for {site}.",
            .button = "Confirm e-mail address",
            .small =
                "If you did not sign up, ignore this letter: without the link nothing happens.",
        },
    [MAIL_RESET_PASSWORD] =
        {
            .subject = "Choose a new password for {site}",
            .lead = "somebody, you we hope, asked for a new password for your account at\n"
                    "{site}.",
            .button = "Choose a new password",
            .small = "If it was not you, ignore this letter: your password stays as it is.",
        },
    [MAIL_CHANGE_EMAIL] =
        {
            .subject = "Confirm your new e-mail address for {site}",
            .lead = "please confirm that this is to be the e-mail address of your account\n"
                    "at {site}. Until then the old one stays.",
            .button = "Confirm new e-mail address",
            .small = "If you have no account there, ignore this letter: without the link\n"
                     "nothing happens.",
        },
    [MAIL_EMAIL_CHANGE_ASKED] =
        {
            .subject = "A new e-mail address for your account at {site}",
            .lead = "on {when} a new e-mail address was asked for, for your\n"
                    "account at {site}. It takes the place of this one when it is\n"
                    "confirmed.",
            .small = NOT_YOU,
        },
    [MAIL_EMAIL_CHANGED] =
        {
            .subject = "Your e-mail address at {site} was changed",
            .lead = "on {when} the e-mail address of your account at\n"
                    "{site} was changed. Letters go to the new one from now on; this is the\n"
                    "last one to this address.",
            .small = "If that was not you, write to those who run {site}.",
        },
    [MAIL_PASSWORD_CHANGED] =
        {
            .subject = "Your password at {site} was changed",
            .lead = "on {when} the password of your account at {site}\n"
                    "was changed, and your other sessions were ended.",
            .small = NOT_YOU,
        },
    [MAIL_SIGNUP_ATTEMPT] =
        {
            .subject = "You have an account at {site} already",
            .lead = "on {when} somebody signed up at {site} with this\n"
                    "e-mail address, which has an account already. Nothing was changed.",
            .small = "If it was you: sign in with the account that you have, or ask for a new\n"
                     "password where you sign in.",
        },
    [MAIL_TOKEN_REUSED] =
        {
            .subject = "A session of yours at {site} was ended",
            .lead = "on {when} a session of your account at {site} was\n"
                    "continued from two places at once, as it happens when somebody copied\n"
                    "it. We ended it; please sign in again.",
            .small = "If you do not know how that came about, choose a new password: that\n"
                     "ends your other sessions too.",
        },
    [MAIL_ACCOUNT_DELETED] =
        {
            .subject = "Your account at {site} was deleted",
            .lead = "on {when} your account at {site} was deleted with\n"
                    "all that belonged to it. This is the last letter from there.",
            .small = "If that was not you, write to those who run {site}.",
        },
};

const struct letter_words *letter_words_of(uint8_t purpose)
{
    return purpose < ARRAY_LEN(words) && words[purpose].subject != NULL ? &words[purpose] : NULL;
}

const struct letter_frames letter_frames = {
    .text =
        {
            .before = "Hello {name},\n\n{lead}",
            .link = " Open this link:\n\n{link}\n\nThe link works once, until {until}.",
            .after = "\n\n{small}\n",
        },
    .html =
        {
            .before = "<!DOCTYPE html>\n"
                      "<html lang=\"en\">\n"
                      "<head>\n"
                      "<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n"
                      "<meta name=\"supported-color-schemes\" content=\"light dark\">\n"
                      "<title>{subject}</title>\n"
                      "</head>\n"
                      "<body style=\"margin:0;padding:24px;font:16px/1.5 system-ui,-apple-system,"
                      "'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">\n"
                      "<div style=\"max-width:480px;margin:0 auto\">\n"
                      "<p>Hello {name},</p>\n"
                      "<p>{lead}</p>\n",
            .link = "<p style=\"margin:32px 0\"><a href=\"{link}\"\n"
                    "style=\"display:inline-block;padding:12px 24px;border:1px solid #1d4ed8;"
                    "border-radius:6px;background-color:#1d4ed8;color:#ffffff;font-weight:600;"
                    "text-decoration:none\">{button}</a></p>\n"
                    "<p>Or open this link:<br>\n"
                    "<a href=\"{link}\" style=\"word-break:break-all\">{link}</a></p>\n"
                    "<p>The link works once, until {until}.</p>\n",
            .after = "<p style=\"margin-top:32px;font-size:14px;opacity:0.75\">{small}</p>\n"
                     "</div>\n"
                     "</body>\n"
                     "</html>\n",
        },
};

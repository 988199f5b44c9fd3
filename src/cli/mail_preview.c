/* `gatepost mail preview PURPOSE`: a letter as the mailer would write it, with example values. No
 * server is asked; the link in it opens nothing, for it was made under no key. */
#include "mail.h"

#include <stdio.h>
#include <unistd.h>

#include "gatepost/letter.h"
#include "gatepost/proc.h"

/* Of the right length; no key made it. */
#define EXAMPLE_TOKEN "AZq5xKJ9dF6bQ0n1yVt3mHc8sLwRe2GuTkP4oXiWjDfAEXAMPLEONLYtn8A"
#define DAY_MS        86400000

static enum letter_form form_of(const struct mail_order *order)
{
    if (has_mail_option(order, MAIL_OPTION_TEXT))
        return LETTER_TEXT;
    return has_mail_option(order, MAIL_OPTION_HTML) ? LETTER_HTML : LETTER_MESSAGE;
}

/* The letter of that purpose, in the language that was asked for. */
static int write_letter(struct mail_order *order, const struct letter_head *head, uint8_t purpose)
{
    static char text[LETTER_MAX_BYTES];
    const char *path = mail_purpose_path(purpose);
    const char *language = order->options[MAIL_OPTION_LANG];
    char link[LETTER_LINK_MAX_BYTES] = "";
    const wall_ms now = clock_wall_ms();
    size_t len = 0;

    if (path != NULL)
        (void)snprintf(link, sizeof(link), "%s%s?token=%s", head->public_url, path, EXAMPLE_TOKEN);
    const struct letter letter = {
        .id = uuid_new(now),
        .purpose = purpose,
        .to = "anna@example.com",
        .name = "anna",
        .language = language != NULL ? language : "",
        .link = link,
        .created = now,
        .expires = now + DAY_MS,
    };
    if (!letter_compose(head, &letter, form_of(order), text, sizeof(text), &len))
        return cli_fail("no letter can be made with this configuration");
    return fd_write_all(STDOUT_FILENO, text, len)
               ? EXIT_DONE
               : cli_fail("standard output cannot be written to");
}

int cli_mail_preview(struct mail_order *order)
{
    const struct config *config = order->config;
    uint8_t purpose = mail_purpose_named(slice_of_text(order->operands[0]));

    if (purpose == 0)
        return cli_fail("there is no such purpose; `gatepost mail` names them");
    if (has_mail_option(order, MAIL_OPTION_TEXT) + has_mail_option(order, MAIL_OPTION_HTML) +
            has_mail_option(order, MAIL_OPTION_EML) >
        1)
        return cli_fail("--text, --html and --eml exclude one another");
    struct letter_set *letters =
        letter_set_load(config->mail_template_dir, config->mail_language, cli_print_problem, NULL);
    if (letters == NULL)
        return EXIT_CONFIG;
    const struct letter_head head = {
        .from = config->mail_from,
        .public_url = config->http_public_url,
        .letters = letters,
        .from_name = config->mail_from_name,
        .reply_to = config->mail_reply_to,
        .feedback_id = config->mail_feedback_id,
        .list_unsubscribe = config->mail_list_unsubscribe,
    };
    int code = write_letter(order, &head, purpose);
    letter_set_free(&letters);
    return code;
}

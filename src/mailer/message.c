/* From a delivery to its letter: the link is made here, under the mail key; the words and the form
 * are gatepost/letter.h's. Nothing from a job reaches a header but the address, which was checked,
 * and the id. */
#include "message.h"

#include <stdio.h>

#include "gatepost/dkim.h"
#include "gatepost/proof_token.h"

/* "" for a purpose without a link. False: it does not fit. */
static bool write_link(const struct letter_head *head, const struct delivery *delivery,
                       char link_out[LETTER_LINK_MAX_BYTES])
{
    const char *path = mail_purpose_path(delivery->purpose);
    char token[PROOF_TOKEN_TEXT_BYTES];

    link_out[0] = '\0';
    if (path == NULL)
        return true;
    proof_token_make(head->mail_key, delivery->purpose, &delivery->proof_id, token);
    int len =
        snprintf(link_out, LETTER_LINK_MAX_BYTES, "%s%s?token=%s", head->public_url, path, token);
    secret_wipe(token, sizeof(token));
    return len > 0 && len < LETTER_LINK_MAX_BYTES;
}

enum compose_result message_compose(const struct letter_head *head, const struct delivery *delivery,
                                    wall_ms now, char *letter_out, size_t letter_bytes,
                                    size_t *len_out)
{
    char link[LETTER_LINK_MAX_BYTES];

    if (!write_link(head, delivery, link))
        return COMPOSE_IMPOSSIBLE;
    if (delivery->expires <= now)
        return COMPOSE_EXPIRED;
    const struct letter letter = {
        .id = delivery->job_id,
        .purpose = delivery->purpose,
        .to = delivery->to,
        .name = delivery->username,
        .language = delivery->language,
        .link = link,
        .created = delivery->created,
        .expires = delivery->expires,
    };
    bool composed =
        letter_compose(head, &letter, LETTER_MESSAGE, letter_out, letter_bytes, len_out);
    secret_wipe(link, sizeof(link));
    /* t= is the job's time, so that a repeat is the same letter. */
    if (composed && head->dkim != NULL)
        composed =
            dkim_sign(head->dkim, delivery->created / 1000, letter_out, letter_bytes, len_out);
    return composed ? COMPOSED : COMPOSE_IMPOSSIBLE;
}

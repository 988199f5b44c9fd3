/* Who a letter comes from and how programs are to treat it.
 *
 * It is an answer to what somebody did, so nothing in it is for lists: no Precedence, no List-Id.
 * List-Unsubscribe (RFC 2369) is for notices, where the operator says how they are ended, and never
 * for a letter with a link, which somebody waits for. One click (RFC 8058, List-Unsubscribe-Post)
 * is not offered: it takes a URI that names the recipient, and this one is the same for all. */
#include "headers.h"

#include <stdio.h>

#include "mime.h"

#define VALUE_MAX_BYTES 768

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

void headers_write_sender(struct packer *out, const struct letter_head *head)
{
    mime_address_header(out, "From", slice_of_text(is_set(head->from_name) ? head->from_name : ""),
                        slice_of_text(head->from));
    if (is_set(head->reply_to))
        mime_header(out, "Reply-To", slice_of_text(head->reply_to));
}

/* before, text, after as one value; or overflow. */
static void write_value(struct packer *out, const char *name, const char *before, const char *text,
                        const char *after)
{
    char value[VALUE_MAX_BYTES];
    int len = snprintf(value, sizeof(value), "%s%s%s", before, text, after);

    if (len < 0 || (size_t)len >= sizeof(value))
        out->overflow = true;
    else
        mime_header(out, name, slice_of(value, (size_t)len));
}

void headers_write_handling(struct packer *out, const struct letter_head *head, uint8_t purpose)
{
    char kind[64];

    mime_header(out, "Auto-Submitted", SLICE_LITERAL("auto-generated"));
    /* Exchange does not read the one above (RFC 3834). Not "All": reports that a letter could not
     * be delivered are wanted. */
    mime_header(out, "X-Auto-Response-Suppress", SLICE_LITERAL("OOF, AutoReply"));
    if (is_set(head->feedback_id)) { /* Gmail's a:b:c:SenderId; the sender's id is last */
        snprintf(kind, sizeof(kind), "%s:", mail_purpose_name(purpose));
        write_value(out, "Feedback-ID", kind, head->feedback_id, "");
    }
    if (is_set(head->list_unsubscribe) && mail_purpose_path(purpose) == NULL)
        write_value(out, "List-Unsubscribe", "<", head->list_unsubscribe, ">");
}

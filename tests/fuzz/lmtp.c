/* A peer of mail.bounce_socket that says anything: replies are whole lines and bounded, and however
 * its bytes are cut, it hears the same and the same messages are read. */
#include <stdlib.h>

#include "mailer/lmtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define HEARD_BYTES 262144

struct peer {
    struct lmtp lmtp;
    size_t heard_len;
    char heard[HEARD_BYTES]; /* replies, and the messages that were taken */
};

static void hear(struct peer *peer, const char *bytes, size_t len)
{
    size_t room = HEARD_BYTES - peer->heard_len;
    size_t kept = len < room ? len : room;

    if (kept > 0)
        memcpy(peer->heard + peer->heard_len, bytes, kept);
    peer->heard_len += kept;
}

static void check(const struct lmtp *lmtp)
{
    BUG_ON(lmtp->out_len > sizeof(lmtp->out) || lmtp->line_len > sizeof(lmtp->line));
    BUG_ON(lmtp->out_len > 0 && lmtp->out[lmtp->out_len - 1] != '\n');
    BUG_ON(lmtp->message_len > LMTP_MESSAGE_MAX_BYTES || lmtp->message_len > lmtp->message_bytes);
    BUG_ON(lmtp->recipient_count > LMTP_RECIPIENTS_MAX);
    BUG_ON(lmtp->message != NULL && lmtp->state != LMTP_DATA && lmtp->state != LMTP_ANSWERING);
    for (size_t i = 0; i < lmtp->recipient_count; i++) {
        for (const char *at = lmtp->recipients[i]; *at != '\0'; at++)
            BUG_ON(*at <= ' ' || *at > '~');
    }
}

static void hear_replies(struct peer *peer)
{
    hear(peer, peer->lmtp.out, peer->lmtp.out_len);
    lmtp_sent(&peer->lmtp, peer->lmtp.out_len);
}

/* The address decides whether it is ours, and what its report comes to. */
static void take_message(struct peer *peer)
{
    struct lmtp *lmtp = &peer->lmtp;
    const size_t count = lmtp->recipient_count;

    hear_replies(peer); /* which came before, however the bytes were cut */
    hear(peer, lmtp->message, lmtp->message_len);
    for (size_t i = 0; i < count; i++)
        lmtp_answer(lmtp, i, (enum lmtp_answer)(1 + (unsigned char)lmtp->recipients[i][0] % 3));
}

static void feed(struct peer *peer, struct slice bytes)
{
    for (;;) {
        size_t before = bytes.len;
        enum lmtp_step step = lmtp_feed(&peer->lmtp, &bytes);
        check(&peer->lmtp);
        if (step == LMTP_STEP_RECIPIENT) {
            lmtp_recipient(&peer->lmtp, peer->lmtp.address[0] != 'x');
            continue;
        }
        if (step == LMTP_STEP_MESSAGE) {
            take_message(peer);
            continue;
        }
        BUG_ON(peer->lmtp.out_len == 0 && bytes.len > 0 && peer->lmtp.state != LMTP_CLOSED);
        bool waited_for_room = peer->lmtp.out_len > 0;
        hear_replies(peer);
        if (step == LMTP_STEP_CLOSE || bytes.len == 0)
            return;
        BUG_ON(!waited_for_room && bytes.len == before);
    }
}

/* The first byte: how long the second peer's pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct peer whole, cut;
    if (len == 0)
        return 0;
    size_t piece = 1 + bytes[0] % 16;
    struct slice rest = slice_of(bytes + 1, len - 1);

    whole.heard_len = cut.heard_len = 0;
    lmtp_init(&whole.lmtp);
    lmtp_init(&cut.lmtp);
    feed(&whole, rest);
    feed(&cut, slice_of(rest.at, 0)); /* the greeting */
    while (rest.len > 0) {
        size_t now = rest.len < piece ? rest.len : piece;
        feed(&cut, slice_of(rest.at, now));
        rest = slice_of(rest.at + now, rest.len - now);
    }
    BUG_ON(whole.lmtp.state != cut.lmtp.state);
    BUG_ON(whole.heard_len != cut.heard_len ||
           memcmp(whole.heard, cut.heard, whole.heard_len) != 0);
    lmtp_dismiss(&whole.lmtp, "the end");
    check(&whole.lmtp);
    lmtp_fini(&whole.lmtp);
    lmtp_fini(&cut.lmtp);
    return 0;
}

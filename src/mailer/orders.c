/* An operator retried letters, drained, paused or resumed: the store has it on disk and tells it by
 * the board, which is looked at each turn.
 *
 * What was made due is found by a sweep, and claimed before it leaves. A letter that is in hand at
 * that moment is not taken again: either its try is under way, and that was the try; or its claim
 * will find that the row has moved, and let go of it. So there is one more sweep soon after.
 *
 * An order may also have taken letters away: what the mailer knew of those that it has not begun to
 * send is worth nothing any more, so that a pause, a cancellation and the end of the pause, however
 * quick, leave none of the cancelled. */
#include "gatepost/log.h"
#include "mailer.h"
#include "sweep.h"

#define AGAIN_NS (2 * NS_PER_S)

/* Twice, as the sweep: the answer to a claim may have been on its way. */
static void claim_anew(struct mailer *mailer)
{
    struct delivery *delivery = hand_first(mailer->hand, DELIVERY_WAITING);

    for (; delivery != NULL; delivery = hand_next(delivery))
        delivery->good_until = 0;
}

void orders_turn(struct mailer *mailer, mono_ns now)
{
    const uint64_t orders = board_get(mailer->segment, BOARD_MAIL_ORDERS);

    if (orders != mailer->orders_seen) {
        mailer->orders_seen = orders;
        mailer->orders_again_at = now + AGAIN_NS;
        log_info("mail.ordered", "paused=%s", orders_paused(mailer) ? "yes" : "no");
        sweep_order(mailer->sweep);
        claim_anew(mailer);
    } else if (mailer->orders_again_at != 0 && now >= mailer->orders_again_at) {
        mailer->orders_again_at = 0;
        sweep_order(mailer->sweep);
        claim_anew(mailer);
    }
}

bool orders_paused(const struct mailer *mailer)
{
    return board_get(mailer->segment, BOARD_MAIL_PAUSED) != 0;
}

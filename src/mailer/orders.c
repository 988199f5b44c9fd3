/* An operator retried letters, drained, paused or resumed, letters were suppressed or cancelled:
 * the store has it on disk and tells it by the board, which is looked at each turn.
 *
 * When letters that wait were taken back, any may be meant that is in hand: what was not claimed
 * since is claimed again before it leaves. So only what is with a relay at that moment still goes.
 * What was made due is found by a sweep, and claimed before it leaves. A letter that is in hand at
 * that moment is not taken again: either its try is under way, and that was the try; or its claim
 * will find that the row has moved, and let go of it. So there is one more sweep soon after. */
#include "gatepost/log.h"
#include "mailer.h"
#include "sweep.h"

#define AGAIN_NS (2 * NS_PER_S)

static void look_for_stops(struct mailer *mailer)
{
    const uint64_t stops = board_get(mailer->segment, BOARD_MAIL_STOPS);

    if (stops == mailer->stops_seen)
        return;
    mailer->stops_seen = stops;
    mailer->stopped_at = clock_wall_ms();
    mail_queue_doubt(mailer->queue);
}

void orders_turn(struct mailer *mailer, mono_ns now)
{
    const uint64_t orders = board_get(mailer->segment, BOARD_MAIL_ORDERS);

    look_for_stops(mailer);
    if (orders != mailer->orders_seen) {
        mailer->orders_seen = orders;
        mailer->orders_again_at = now + AGAIN_NS;
        log_info("mail.ordered", "paused=%s", orders_paused(mailer) ? "yes" : "no");
        sweep_order(mailer->sweep);
    } else if (mailer->orders_again_at != 0 && now >= mailer->orders_again_at) {
        mailer->orders_again_at = 0;
        sweep_order(mailer->sweep);
    }
}

bool orders_paused(const struct mailer *mailer)
{
    return board_get(mailer->segment, BOARD_MAIL_PAUSED) != 0;
}

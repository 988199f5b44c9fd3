/* An operator retried letters, drained, paused or resumed: the store has it on disk and tells it by
 * the board, which is looked at each turn.
 *
 * Made due letters are found by a sweep; but those that this mailer settled not long ago it would
 * take for known. So what it did not deliver is forgotten. A word of the store on such a letter may
 * be on its way at that moment and be remembered after: so both are done once more soon after. */
#include "gatepost/log.h"
#include "mailer.h"
#include "sweep.h"

#define AGAIN_NS (2 * NS_PER_S)

static void look_again(struct mailer *mailer)
{
    hand_forget_unsent(mailer->hand);
    sweep_order(mailer->sweep);
}

void orders_turn(struct mailer *mailer, mono_ns now)
{
    const uint64_t orders = board_get(mailer->segment, BOARD_MAIL_ORDERS);

    if (orders != mailer->orders_seen) {
        mailer->orders_seen = orders;
        mailer->orders_again_at = now + AGAIN_NS;
        log_info("mail.ordered", "paused=%s", orders_paused(mailer) ? "yes" : "no");
        look_again(mailer);
    } else if (mailer->orders_again_at != 0 && now >= mailer->orders_again_at) {
        mailer->orders_again_at = 0;
        look_again(mailer);
    }
}

bool orders_paused(const struct mailer *mailer)
{
    return board_get(mailer->segment, BOARD_MAIL_PAUSED) != 0;
}

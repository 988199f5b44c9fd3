/* See suppressions.h. Table: suppressions; env->tally counts its rows. */
#include "suppressions.h"

#include "gatepost/email.h"

#include "outbox.h"

bool suppression_load(struct call *call, struct slice email_key, struct row *storage,
                      struct suppression_row *suppression_out)
{
    if (email_key.len == 0 || call->env->tally.suppressed == 0 ||
        !row_get(call, TABLE_SUPPRESSIONS, email_key, storage))
        return false;
    if (suppression_row_unpack(row_slice(storage), suppression_out))
        return true;
    row_unreadable(call, TABLE_SUPPRESSIONS, email_key);
    return false;
}

static void save(struct call *call, struct slice email_key,
                 const struct suppression_row *suppression)
{
    uint8_t bytes[1024];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    suppression_row_pack(&packer, suppression);
    BUG_ON(packer.overflow);
    row_put(call, TABLE_SUPPRESSIONS, email_key, packer_slice(&packer));
}

bool suppression_is_bounce(struct call *call, struct slice email_key)
{
    struct row storage;
    struct suppression_row suppression;

    return suppression_load(call, email_key, &storage, &suppression) &&
           suppression.reason == SUPPRESSION_BOUNCE;
}

static struct slice reason_text(uint8_t reason)
{
    switch (reason) {
    case SUPPRESSION_BOUNCE:
        return SLICE_LITERAL(SUPPRESSION_WORD "letters to this address bounced");
    case SUPPRESSION_COMPLAINT:
        return SLICE_LITERAL(SUPPRESSION_WORD "the reader complained");
    default:
        return SLICE_LITERAL(SUPPRESSION_WORD "by an operator");
    }
}

/* Since the newest report, or the letter that went out to see. A time from the future is a clock
 * that was set back: it holds nobody up. */
static bool probe_is_due(const struct suppression_row *suppression, wall_ms now)
{
    const wall_ms last =
        suppression->probed > suppression->since ? suppression->probed : suppression->since;

    return last > now || wall_add(last, SUPPRESSION_PROBE_MS) <= now;
}

bool suppression_stops(struct call *call, struct slice email_key, uint8_t purpose, wall_ms now,
                       struct slice *reason_out)
{
    struct row storage;
    struct suppression_row suppression;

    if (!suppression_load(call, email_key, &storage, &suppression))
        return false;
    if (suppression.reason == SUPPRESSION_BOUNCE && mail_purpose_has_link(purpose) &&
        probe_is_due(&suppression, now)) {
        suppression.probed = now;
        save(call, email_key, &suppression);
        return false;
    }
    *reason_out = reason_text(suppression.reason);
    return true;
}

bool suppression_put(struct call *call, const struct suppression_row *suppression)
{
    char key_text[EMAIL_MAX_BYTES];
    struct slice email_key = email_key_of(suppression->address, key_text);
    struct row storage;
    struct suppression_row old;
    const bool is_there = suppression_load(call, email_key, &storage, &old);

    if (is_there && old.reason > suppression->reason)
        return false;
    if (!is_there)
        call->env->tally.suppressed++;
    save(call, email_key, suppression);
    letters_suppress(call, email_key, reason_text(suppression->reason));
    return true;
}

bool suppression_remove(struct call *call, struct slice email_key)
{
    if (email_key.len == 0 || !row_delete(call, TABLE_SUPPRESSIONS, email_key))
        return false;
    call->env->tally.suppressed--;
    return true;
}

void suppression_disprove(struct call *call, struct slice email_key)
{
    if (suppression_is_bounce(call, email_key))
        (void)suppression_remove(call, email_key);
}

/* Proofs: proof_spend, proof_renew.
 *
 * Invariant: of a user's proofs at most one is open, the one that users.verify_proof names. */
#include "proofs.h"

#include "audit.h"
#include "outbox.h"
#include "requests.h"
#include "users.h"

static bool proof_load(struct call *call, const struct uuid *proof_id, struct proof_row *proof_out)
{
    struct row row;

    if (!row_get(call, TABLE_PROOFS, uuid_slice(proof_id), &row))
        return false;
    if (proof_row_unpack(row_slice(&row), proof_out)) /* it holds no slices */
        return true;
    row_unreadable(call, TABLE_PROOFS, uuid_slice(proof_id));
    return false;
}

void proof_save(struct call *call, const struct uuid *proof_id, const struct proof_row *proof)
{
    uint8_t bytes[128];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    proof_row_pack(&packer, proof);
    BUG_ON(packer.overflow);
    row_put(call, TABLE_PROOFS, uuid_slice(proof_id), packer_slice(&packer));
}

/* ---- the link was followed --------------------------------------------------------------------
 */

enum store_status proof_spend_on_request(struct call *call)
{
    struct proof_spend_ask ask;
    struct proof_row proof;
    struct row storage;
    struct user_row user;

    if (!proof_spend_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (!proof_load(call, &ask.proof_id, &proof) || proof.purpose != ask.purpose)
        return STORE_NOT_FOUND;
    if (proof.state != PROOF_OPEN || proof.expires <= ask.now)
        return STORE_SPENT;
    if (!user_load(call, &proof.user_id, &storage, &user))
        return STORE_NOT_FOUND;
    if (call->failure != 0)
        return STORE_BUSY;

    proof.state = PROOF_USED;
    proof_save(call, &ask.proof_id, &proof);
    user.email_verified = 1;
    user_save(call, &proof.user_id, &user);
    audit_add(call, AUDIT_EMAIL_VERIFIED, &proof.user_id, ask.peer);
    return STORE_OK;
}

/* ---- another letter, please -------------------------------------------------------------------
 */

/* Counts the letter in the user's window. Returns false when it had its share. */
static bool letter_is_due(struct user_row *user, const struct proof_renew_ask *ask)
{
    wall_ms window_ms = (wall_ms)ask->window_s * 1000;

    /* A window from the future is a clock that was set back: it counts for nothing. */
    if (user->letters_since > ask->now || user->letters_since + window_ms <= ask->now) {
        user->letters_since = ask->now;
        user->letters_sent = 0;
    }
    if (ask->letters_max != 0 && user->letters_sent >= ask->letters_max)
        return false;
    user->letters_sent++;
    return true;
}

/* The earlier proof becomes void; its letter, if it still waits, would carry a dead link: out. */
static void void_earlier(struct call *call, const struct user_row *user)
{
    struct proof_row proof;

    if (!proof_load(call, &user->verify_proof, &proof) || proof.state != PROOF_OPEN)
        return;
    proof.state = PROOF_VOID;
    proof_save(call, &user->verify_proof, &proof);
    letter_withdraw(call, &proof.job_id);
}

static struct slice renewed_job(const struct proof_renew_ask *ask, const struct user_row *user,
                                uint8_t *bytes, size_t max)
{
    struct packer packer = packer_over(bytes, max);

    mail_job_pack(&packer, &(struct mail_job){
                               .job_id = ask->job_id,
                               .purpose = MAIL_VERIFY,
                               .proof_id = ask->proof_id,
                               .to = user->email,
                               .username = user->username,
                               .language = user->language,
                               .created = ask->now,
                               .expires = ask->proof_expires,
                           });
    BUG_ON(packer.overflow);
    return packer_slice(&packer);
}

enum store_status proof_renew_on_request(struct call *call)
{
    struct proof_renew_ask ask;
    struct uuid user_id;
    struct row storage;
    struct user_row user;
    uint8_t job_bytes[4096];
    struct slice job;

    if (!proof_renew_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (!user_find(call, TABLE_USERS_BY_EMAIL, ask.email_key, &user_id) ||
        !user_load(call, &user_id, &storage, &user) || !user.active || user.email_verified ||
        !letter_is_due(&user, &ask))
        return STORE_NOT_FOUND;
    if (row_exists(call, TABLE_PROOFS, uuid_slice(&ask.proof_id)) ||
        row_exists(call, TABLE_OUTBOX, uuid_slice(&ask.job_id)))
        return STORE_REFUSED;
    if (call->failure != 0)
        return STORE_BUSY;

    job = renewed_job(&ask, &user, job_bytes, sizeof(job_bytes));
    void_earlier(call, &user);
    user.verify_proof = ask.proof_id;
    user_save(call, &user_id, &user);
    proof_save(call, &ask.proof_id,
               &(struct proof_row){.user_id = user_id,
                                   .purpose = MAIL_VERIFY,
                                   .state = PROOF_OPEN,
                                   .expires = ask.proof_expires,
                                   .job_id = ask.job_id});
    letter_add(call, &ask.job_id, job, ask.now);
    audit_add(call, AUDIT_LETTER_RENEWED, &user_id, ask.peer);
    proof_renew_answer_pack(&call->answer, &(struct proof_renew_answer){.job = job});
    return STORE_OK;
}

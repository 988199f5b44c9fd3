/* The claim: outbox_claim. The last look at a letter before it leaves: is it still wanted, and does
 * its link have a life worth having?
 *
 * One transaction: a letter that nobody wants any more is gone with it; one whose link is near its
 * end, or past it, gets a new proof in the old one's place, and its job says so. So no letter
 * leaves with a link that does not work, however long it waited. Invariant: the user row names the
 * proof that the letter carries; what is not so named was superseded. */
#include "gatepost/fault.h"

#include "accounts.h"
#include "outbox.h"
#include "proofs.h"
#include "requests.h"
#include "users.h"

/* A letter's link with what it hangs on. */
struct link {
    struct row proof_storage, user_storage;
    struct proof_row proof;
    struct user_row user;
};

/* Would the link still do something for somebody? Its time is looked at later. */
static bool is_wanted(struct call *call, const struct mail_job *job, struct link *link)
{
    struct proof_row *proof = &link->proof;

    if (!proof_load(call, &job->proof_id, &link->proof_storage, proof) ||
        proof->purpose != job->purpose || proof->state != PROOF_OPEN ||
        !uuid_equal(&proof->job_id, &job->job_id))
        return false;
    if (!user_load(call, &proof->user_id, &link->user_storage, &link->user) || !link->user.active ||
        !uuid_equal(proof_of_user(&link->user, job->purpose), &job->proof_id))
        return false;
    if (job->purpose == MAIL_VERIFY)
        return !link->user.email_verified;
    return job->purpose != MAIL_CHANGE_EMAIL ||
           !address_is_taken(call, proof->email_key, &proof->user_id);
}

static wall_ms life_ms(const struct outbox_claim_ask *ask, uint8_t purpose)
{
    return (wall_ms)(purpose == MAIL_RESET_PASSWORD ? ask->reset_s : ask->verify_s) * 1000;
}

/* The new proof is the old one but for its id and its end; the old link is unknown from now on. */
static void renew(struct call *call, const struct outbox_claim_ask *ask, struct link *link,
                  struct letter_row *letter, struct mail_job *job)
{
    uint8_t bytes[ROW_MAX_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct proof_row *proof = &link->proof;

    (void)row_delete(call, TABLE_PROOFS, uuid_slice(&job->proof_id));
    proof->expires = wall_add(ask->now, life_ms(ask, job->purpose));
    proof_save(call, &ask->proof_id, proof);
    *proof_of_user(&link->user, job->purpose) = ask->proof_id;
    user_save(call, &proof->user_id, &link->user);
    job->proof_id = ask->proof_id;
    job->expires = proof->expires;
    mail_job_pack(&packer, job);
    BUG_ON(packer.overflow);
    letter->job = packer_slice(&packer);
    letter_save(call, &ask->job_id, letter);
}

static void answer(struct call *call, const struct mail_job *job, bool renewed)
{
    uint8_t bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    mail_job_pack(&packer, job);
    BUG_ON(packer.overflow);
    outbox_claim_answer_pack(&call->answer, &(struct outbox_claim_answer){
                                                .renewed = renewed, .job = packer_slice(&packer)});
}

enum store_status outbox_claim_on_request(struct call *call)
{
    struct outbox_claim_ask ask;
    struct row storage;
    struct letter_row letter;
    struct mail_job job;
    struct link link;

    if (!outbox_claim_ask_unpack(call->packed, &ask) || ask.verify_s == 0 || ask.reset_s == 0)
        return STORE_REFUSED;
    if (!letter_load(call, &ask.job_id, &storage, &letter) || letter.state != LETTER_PENDING ||
        letter.due != (ask.due > 0 ? ask.due : 0) || !mail_job_unpack(letter.job, &job))
        return STORE_NOT_FOUND;
    if (!mail_purpose_has_link(job.purpose)) {
        answer(call, &job, false);
        return STORE_OK;
    }
    bool wanted = is_wanted(call, &job, &link);
    if (call->failure != 0)
        return STORE_BUSY;
    if (!wanted) {
        letter_remove(call, &ask.job_id, &letter);
        return STORE_SPENT;
    }
    bool renewed = link.proof.expires < wall_add(ask.now, life_ms(&ask, job.purpose) / 2) ||
                   FAULT_ERRNO("s.renew_due") != 0;
    if (renewed && row_exists(call, TABLE_PROOFS, uuid_slice(&ask.proof_id)))
        return STORE_REFUSED;
    if (call->failure != 0)
        return STORE_BUSY;
    if (renewed)
        renew(call, &ask, &link, &letter, &job);
    answer(call, &job, renewed);
    return STORE_OK;
}

/* Proofs: proof_look, proof_spend, proof_renew. */
#include "proofs.h"

#include "accounts.h"
#include "audit.h"
#include "outbox.h"
#include "requests.h"
#include "suppressions.h"
#include "users.h"

#define PROOF_MAX_BYTES 1024

bool proof_read(struct slice packed, struct proof_row *proof_out)
{
    struct proof_row_1 old;

    if (proof_row_unpack(packed, proof_out))
        return true;
    if (!proof_row_1_unpack(packed, &old))
        return false;
    *proof_out = (struct proof_row){
        .user_id = old.user_id,
        .purpose = old.purpose,
        .state = old.state,
        .expires = old.expires,
        .job_id = old.job_id,
    };
    return true;
}

bool proof_load(struct call *call, const struct uuid *proof_id, struct row *storage,
                struct proof_row *proof_out)
{
    if (!row_get(call, TABLE_PROOFS, uuid_slice(proof_id), storage))
        return false;
    if (proof_read(row_slice(storage), proof_out))
        return true;
    row_unreadable(call, TABLE_PROOFS, uuid_slice(proof_id));
    return false;
}

static struct slice proof_packed(const struct proof_row *proof, uint8_t bytes[PROOF_MAX_BYTES])
{
    struct packer packer = packer_over(bytes, PROOF_MAX_BYTES);

    proof_row_pack(&packer, proof);
    BUG_ON(packer.overflow);
    return packer_slice(&packer);
}

void proof_save(struct call *call, const struct uuid *proof_id, const struct proof_row *proof)
{
    uint8_t bytes[PROOF_MAX_BYTES];

    row_put(call, TABLE_PROOFS, uuid_slice(proof_id), proof_packed(proof, bytes));
}

bool proof_add(struct call *call, const struct uuid *proof_id, const struct proof_row *proof)
{
    uint8_t bytes[PROOF_MAX_BYTES];

    return row_put_new(call, TABLE_PROOFS, uuid_slice(proof_id), proof_packed(proof, bytes));
}

enum store_status proof_find(struct call *call, const struct uuid *proof_id, uint8_t purpose,
                             wall_ms now, struct row *storage, struct proof_row *proof_out)
{
    if (!proof_load(call, proof_id, storage, proof_out) || proof_out->purpose != purpose)
        return STORE_NOT_FOUND;
    return proof_out->state == PROOF_OPEN && proof_out->expires > now ? STORE_OK : STORE_SPENT;
}

struct uuid *proof_of_user(struct user_row *user, uint8_t purpose)
{
    switch (purpose) {
    case MAIL_VERIFY:
        return &user->verify_proof;
    case MAIL_RESET_PASSWORD:
        return &user->reset_proof;
    case MAIL_CHANGE_EMAIL:
        return &user->change_proof;
    default:
        BUG_ON("a letter without a link proves nothing");
        return NULL;
    }
}

void proof_void(struct call *call, struct user_row *user, uint8_t purpose)
{
    const struct uuid *proof_id = proof_of_user(user, purpose);
    struct row storage;
    struct proof_row proof;

    if (!proof_load(call, proof_id, &storage, &proof) || proof.state != PROOF_OPEN)
        return;
    proof.state = PROOF_VOID;
    proof_save(call, proof_id, &proof);
    letter_withdraw(call, &proof.job_id);
}

void proof_withdraw(struct call *call, struct user_row *user, uint8_t purpose)
{
    struct row storage;
    struct proof_row proof;

    if (proof_load(call, proof_of_user(user, purpose), &storage, &proof))
        letter_withdraw(call, &proof.job_id);
}

void proof_begin(struct call *call, struct user_row *user, const struct uuid *proof_id,
                 const struct proof_row *proof)
{
    proof_void(call, user, proof->purpose);
    (void)row_delete(call, TABLE_PROOFS, uuid_slice(proof_of_user(user, proof->purpose)));
    *proof_of_user(user, proof->purpose) = *proof_id;
    proof_save(call, proof_id, proof);
}

/* ---- does it stand? -----------------------------------------------------------------------------
 */

enum store_status proof_look_on_request(struct call *call)
{
    struct proof_look_ask ask;
    struct row storage;
    struct row user_storage;
    struct proof_row proof;
    struct user_row user;

    if (!proof_look_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    enum store_status status =
        proof_find(call, &ask.proof_id, ask.purpose, ask.now, &storage, &proof);
    if (status != STORE_OK)
        return status;
    if (!user_load(call, &proof.user_id, &user_storage, &user) || !user.active)
        return STORE_NOT_FOUND;
    proof_look_answer_pack(&call->answer, &(struct proof_look_answer){.user_id = proof.user_id,
                                                                      .username = user.username,
                                                                      .email = user.email});
    return STORE_OK;
}

/* ---- the link was followed --------------------------------------------------------------------
 */

enum store_status proof_spend_on_request(struct call *call)
{
    struct proof_spend_ask ask;
    struct proof_row proof;
    struct row storage;
    struct row user_storage;
    struct user_row user;

    if (!proof_spend_ask_unpack(call->packed, &ask) ||
        (ask.purpose != MAIL_VERIFY && ask.purpose != MAIL_CHANGE_EMAIL) ||
        (ask.purpose == MAIL_CHANGE_EMAIL && !letter_is_new(call, &ask.job_id)))
        return STORE_REFUSED;
    enum store_status status =
        proof_find(call, &ask.proof_id, ask.purpose, ask.now, &storage, &proof);
    if (status != STORE_OK)
        return status;
    if (!user_load(call, &proof.user_id, &user_storage, &user) || !user.active)
        return STORE_NOT_FOUND;
    if (call->failure != 0)
        return STORE_BUSY;

    struct letters letters = {0};
    if (ask.purpose == MAIL_CHANGE_EMAIL) {
        if (address_is_taken(call, proof.email_key, &proof.user_id))
            return STORE_DUPLICATE;
        letter_notice(call, &letters, MAIL_EMAIL_CHANGED, &ask.job_id, &user, ask.now);
        account_move(call, &proof.user_id, &user, proof.email, proof.email_key);
    }
    proof.state = PROOF_USED;
    proof_save(call, &ask.proof_id, &proof);
    letter_withdraw(call, &proof.job_id); /* it came, or another try of it did */
    user.email_verified = 1;
    user_save(call, &proof.user_id, &user);
    suppression_disprove(call, user.email_key);
    audit_add(call, ask.purpose == MAIL_VERIFY ? AUDIT_EMAIL_VERIFIED : AUDIT_EMAIL_CHANGED,
              &proof.user_id, ask.peer);
    letters_answer_with(call, &letters);
    return STORE_OK;
}

/* ---- another letter, please -------------------------------------------------------------------
 */

enum store_status proof_renew_on_request(struct call *call)
{
    struct proof_renew_ask ask;
    struct uuid user_id;
    struct row storage;
    struct user_row user;
    struct letters letters = {0};

    if (!proof_renew_ask_unpack(call->packed, &ask) ||
        (ask.purpose != MAIL_VERIFY && ask.purpose != MAIL_RESET_PASSWORD))
        return STORE_REFUSED;
    if (!user_find(call, TABLE_USERS_BY_EMAIL, ask.email_key, &user_id) ||
        !user_load(call, &user_id, &storage, &user) || !user.active ||
        (ask.purpose == MAIL_VERIFY && user.email_verified) ||
        !user_may_have_letter(&user, ask.letters_max, ask.window_s, ask.now))
        return STORE_NOT_FOUND;
    if (row_exists(call, TABLE_PROOFS, uuid_slice(&ask.proof_id)) ||
        !letter_is_new(call, &ask.job_id))
        return STORE_REFUSED;
    if (call->failure != 0)
        return STORE_BUSY;

    proof_begin(call, &user, &ask.proof_id,
                &(struct proof_row){.user_id = user_id,
                                    .purpose = ask.purpose,
                                    .state = PROOF_OPEN,
                                    .expires = ask.proof_expires,
                                    .job_id = ask.job_id});
    user_save(call, &user_id, &user);
    letter_write(
        call, &letters,
        &(struct mail_job){.job_id = ask.job_id,
                           .purpose = ask.purpose,
                           .proof_id = ask.proof_id,
                           .to = user.email,
                           .username = user.username,
                           .language = user.language.len > 0 ? user.language : ask.language,
                           .created = ask.now,
                           .expires = ask.proof_expires});
    audit_add(call, ask.purpose == MAIL_VERIFY ? AUDIT_LETTER_RENEWED : AUDIT_RESET_ASKED, &user_id,
              ask.peer);
    letters_answer_with(call, &letters);
    return STORE_OK;
}

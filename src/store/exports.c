/* What an account's owner may read of it beyond what other requests tell: export_account,
 * export_letters. */
#include "outbox.h"
#include "requests.h"
#include "users.h"

/* A page as large as the answer's `rows` may be, and how many letters are looked at for one: the
 * outbox is nobody's index by account, and the store has others to serve. */
#define PAGE_MAX_BYTES 15000
#define PAGE_LOOKS     256U

enum store_status export_account_on_request(struct call *call)
{
    struct export_account_ask ask;
    struct row storage;
    struct user_row user;

    if (!export_account_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (!user_load(call, &ask.user_id, &storage, &user))
        return STORE_NOT_FOUND;
    export_account_answer_pack(
        &call->answer, &(struct export_account_answer){.password = user.password,
                                                       .language = user.language,
                                                       .password_changed = user.password_changed,
                                                       .letters_since = user.letters_since,
                                                       .letters_sent = user.letters_sent,
                                                       .extra = user.extra});
    return STORE_OK;
}

/* ---- letters ------------------------------------------------------------------------------------
 */

/* To the account's address, or with the account's newest link of its purpose: a letter to an
 * address that it had before is not shown, since somebody else may have that one by now. */
static bool is_for(const struct mail_job *job, const struct user_row *user)
{
    static const struct uuid none;

    if (user->email.len > 0 && slice_equal(job->to, user->email))
        return true;
    /* The row names its own proofs: nothing is loaded, and the outbox may be long. Not the letter
     * to a new address: with signup.reveal = no, that there is none would say that it is taken. */
    return !uuid_equal(&job->proof_id, &none) && (uuid_equal(&job->proof_id, &user->verify_proof) ||
                                                  uuid_equal(&job->proof_id, &user->reset_proof));
}

/* Returns false when the page is full. */
static bool list_letter(struct packer *rows, const struct letter_row *letter,
                        const struct mail_job *job)
{
    uint8_t bytes[1024];
    struct packer row = packer_over(bytes, sizeof(bytes));

    export_letter_pack(&row, &(struct export_letter){.job_id = job->job_id,
                                                     .purpose = job->purpose,
                                                     .to = job->to,
                                                     .created = letter->created,
                                                     .tries = letter->tries,
                                                     .dead = letter->dead,
                                                     .reply = letter->reply});
    return page_add(rows, &row);
}

/* Returns true when the outbox goes on behind last. */
static bool fill_page(struct call *call, struct walk *walk, const struct export_letters_ask *ask,
                      const struct user_row *user, struct packer *rows, struct uuid *last)
{
    struct letter_row letter;
    struct mail_job job;
    unsigned looks = 0;

    *last = ask->after;
    while (walk_next(walk)) {
        if (walk->key_len != UUID_BYTES || !letter_row_unpack(row_slice(&walk->row), &letter) ||
            !mail_job_unpack(letter.job, &job)) {
            row_unreadable(call, TABLE_OUTBOX, walk_key(walk));
            return false;
        }
        if (slice_equal(walk_key(walk), uuid_slice(&ask->after)))
            continue;
        if (looks++ == PAGE_LOOKS)
            return true;
        if (is_for(&job, user) && !list_letter(rows, &letter, &job))
            return true;
        memcpy(last->bytes, walk->key, UUID_BYTES);
    }
    return false;
}

enum store_status export_letters_on_request(struct call *call)
{
    struct export_letters_ask ask;
    uint8_t bytes[PAGE_MAX_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));
    struct walk walk;
    struct row storage;
    struct user_row user;
    struct uuid last;

    if (!export_letters_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (!user_load(call, &ask.user_id, &storage, &user))
        return STORE_NOT_FOUND;
    walk_open(&walk, call, TABLE_OUTBOX, uuid_slice(&ask.after));
    const bool more = fill_page(call, &walk, &ask, &user, &rows, &last);
    walk_close(&walk);
    export_letters_answer_pack(
        &call->answer,
        &(struct export_letters_answer){.more = more, .last = last, .rows = packer_slice(&rows)});
    return STORE_OK;
}

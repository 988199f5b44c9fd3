/* What an account's owner may read of it beyond what other requests tell: export_account,
 * export_letters. */
#include <stdlib.h>

#include "outbox.h"
#include "requests.h"
#include "suppressions.h"
#include "users.h"

/* A page as large as the answer's `rows` may be, and how many letters are looked at for one: the
 * store has others to serve. */
#define PAGE_MAX_BYTES 15000
#define PAGE_LOOKS     256U

enum store_status export_account_on_request(struct call *call)
{
    struct export_account_ask ask;
    struct row storage;
    struct row suppression_storage;
    struct user_row user;
    struct suppression_row suppression = {.reason = 0};

    if (!export_account_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (!user_load(call, &ask.user_id, &storage, &user))
        return STORE_NOT_FOUND;
    (void)!suppression_load(call, user.email_key, &suppression_storage, &suppression);
    export_account_answer_pack(
        &call->answer, &(struct export_account_answer){.password = user.password,
                                                       .language = user.language,
                                                       .password_changed = user.password_changed,
                                                       .letters_since = user.letters_since,
                                                       .letters_asked = user.letters_asked,
                                                       .suppressed = suppression.reason,
                                                       .extra = user.extra});
    return STORE_OK;
}

/* ---- letters ------------------------------------------------------------------------------------
 */

/* Returns false when the page is full. A letter that is older than the account is an earlier
 * owner's of the address. */
static bool list_letter(struct call *call, struct packer *rows, const struct user_row *user,
                        const struct uuid *job_id)
{
    uint8_t bytes[1024];
    struct packer row = packer_over(bytes, sizeof(bytes));
    struct row storage;
    struct letter_row letter;
    struct mail_job job;

    if (!letter_load(call, job_id, &storage, &letter) || letter.created < user->date_joined ||
        !mail_job_unpack(letter.job, &job))
        return true;
    export_letter_pack(&row, &(struct export_letter){.job_id = *job_id,
                                                     .purpose = job.purpose,
                                                     .to = job.to,
                                                     .created = letter.created,
                                                     .tries = letter.tries,
                                                     .state = letter.state,
                                                     .ended = letter.ended,
                                                     .reply = letter.reply});
    return page_add(rows, &row);
}

/* Letters to the account's address as it is now: one that it had before may be somebody else's.
 * Nor the one to a new address that is asked for: with signup.reveal = no, that there is none would
 * say that it is taken. Returns true when there are more behind last. */
static bool fill_page(struct call *call, struct address_walk *walk,
                      const struct export_letters_ask *ask, const struct user_row *user,
                      struct packer *rows, struct uuid *last)
{
    struct uuid job_id;
    unsigned looks = 0;

    *last = ask->after;
    while (address_walk_next(walk, &job_id)) {
        if (uuid_equal(&job_id, &ask->after))
            continue;
        if (looks++ == PAGE_LOOKS || !list_letter(call, rows, user, &job_id))
            return true;
        *last = job_id;
    }
    return false;
}

enum store_status export_letters_on_request(struct call *call)
{
    struct export_letters_ask ask;
    uint8_t bytes[PAGE_MAX_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));
    struct row storage;
    struct user_row user;
    struct uuid last = {{0}};
    bool more = false;

    if (!export_letters_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (!user_load(call, &ask.user_id, &storage, &user))
        return STORE_NOT_FOUND;
    if (user.email_key.len > 0) {
        struct address_walk *walk = xcalloc(1, sizeof(*walk));

        address_walk_open(walk, call, user.email_key, &ask.after);
        more = fill_page(call, walk, &ask, &user, &rows, &last);
        walk_close(&walk->walk);
        free(walk);
    }
    export_letters_answer_pack(
        &call->answer,
        &(struct export_letters_answer){.more = more, .last = last, .rows = packer_slice(&rows)});
    return STORE_OK;
}

/* What happens to an account after its sign-up, in the caller's transaction. */
#ifndef GATEPOST_STORE_ACCOUNTS_H
#define GATEPOST_STORE_ACCOUNTS_H

#include "outbox.h"
#include "record.h"
#include "rows.h"

/* Is it, or would it be taken for, another account's than own's? A login takes either in the same
 * field, so nobody's user name may be another's address. own: NULL for a new account. */
MUST_USE bool name_is_taken(struct call *call, struct slice username_key, const struct uuid *own);
MUST_USE bool address_is_taken(struct call *call, struct slice email_key, const struct uuid *own);

/* Counts a letter that somebody asked for in the user's window. Returns false when it had its
 * share; letters_max 0 is no limit. The caller saves the user row. */
MUST_USE bool user_may_have_letter(struct user_row *user, uint32_t letters_max, uint32_t window_s,
                                   wall_ms now);

/* Is a notice of what happened to the account due? Always at an address that its owner proved. One
 * that somebody else may have signed up with gets it as a letter that was asked for: within its
 * share, and counted. The caller saves the user row. */
MUST_USE bool user_may_have_notice(struct user_row *user, uint32_t letters_max, uint32_t window_s,
                                   wall_ms now);

/* Somebody asked for an address that has an account, and is not to know. */
struct attempt {
    struct uuid owner_id; /* whose address it is */
    struct uuid job_id;   /* of the letter */
    uint32_t letters_max; /* in the window; 0 is no limit */
    uint32_t window_s;
    struct slice peer;
    wall_ms now;
};

/* The owner hears of it when the window has no letter yet, so that strangers take one of the
 * owner's letters at most; an audit row says it each time. */
void owner_tell(struct call *call, const struct attempt *attempt, struct letters *letters);

/* Another address: the index follows, open proofs of the old one are void. email_key is free. The
 * caller saves the user row. */
void account_move(struct call *call, const struct uuid *user_id, struct user_row *user,
                  struct slice email, struct slice email_key);

/* Another name; username_key is free, or the account's own. The caller saves the user row. */
void account_rename(struct call *call, const struct uuid *user_id, struct user_row *user,
                    struct slice username, struct slice username_key);

/* Another password: links that are under way, for a reset or to another address, are void, since
 * whoever asked for them may be who the new password is to keep out; all sessions but keep end
 * (NULL: all). password_changed only grows. The caller saves the user row. */
void account_set_password(struct call *call, const struct uuid *user_id, struct user_row *user,
                          struct slice encoded, const struct uuid *keep, wall_ms now);

/* The account with its index entries, sessions, proofs and letters that wait with a link. What the
 * audit trail says of it stays. */
void account_remove(struct call *call, const struct uuid *user_id, struct user_row *user);

#endif

/* Accounts: rows of `users` and the three ways to find one. */
#ifndef GATEPOST_STORE_USERS_H
#define GATEPOST_STORE_USERS_H

#include "record.h"
#include "rows.h"

/* A row of any version. The record's slices point into packed. */
MUST_USE bool user_read(struct slice packed, struct user_row *user_out);

/* The record's slices point into storage. Returns false when there is no such user. */
MUST_USE bool user_load(struct call *call, const struct uuid *user_id, struct row *storage,
                        struct user_row *user_out);

/* Was a token of that iat (0: none) made before the user's password was changed? What ends with
 * their session for tokens that have one, must end by time for those of other makers. An iat has
 * whole seconds: one of the same second is given the benefit. */
static inline bool user_outdates(const struct user_row *user, wall_ms issued)
{
    return issued != 0 && issued / 1000 < user->password_changed / 1000;
}
void user_save(struct call *call, const struct uuid *user_id, const struct user_row *user);

/* by: TABLE_USERS_BY_NAME, _EMAIL or _SUBJECT. An empty key finds nobody. */
MUST_USE bool user_find(struct call *call, enum table by, struct slice key,
                        struct uuid *user_id_out);

/* By whichever of the three keys is given; none finds nobody: STORE_NOT_FOUND. A name may read like
 * another account's id: keys that find different accounts are STORE_DUPLICATE. */
MUST_USE enum store_status user_find_any(struct call *call, struct slice subject,
                                         struct slice username_key, struct slice email_key,
                                         struct uuid *user_id_out);

/* A new account: its row and the ways to find it. */
void user_add(struct call *call, const struct uuid *user_id, const struct user_row *user);
/* The same, with no look before it: returns false when there is such an id or subject already, and
 * then nothing has changed. */
MUST_USE bool user_add_new(struct call *call, const struct uuid *user_id,
                           const struct user_row *user);

#endif

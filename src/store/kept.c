/* See kept.h. A user's rows are watched by the subject, which is what a token names; a deleted
 * row says no more what that was, but its entry in users_by_subject goes with it. */
#include "kept.h"

#include "gatepost/epochs.h"

#include "record.h"
#include "users.h"

static void user_changed(struct call *call, struct slice value)
{
    struct user_row user;

    BUG_ON(!user_read(value, &user)); /* of any version: a repair may put an old row back */
    epoch_raise(call->env->segment, user.subject);
}

void kept_row_changed(struct call *call, enum table table, struct slice key, struct slice value)
{
    if (table == TABLE_SESSIONS || table == TABLE_USERS_BY_SUBJECT)
        epoch_raise(call->env->segment, key);
    else if (table == TABLE_USERS && value.len > 0)
        user_changed(call, value);
}

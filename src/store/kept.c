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

/* `me` says of an account that its address bounced. */
static void suppression_changed(struct call *call, struct slice email_key)
{
    struct row storage;
    struct uuid user_id;
    struct user_row user;

    if (user_find(call, TABLE_USERS_BY_EMAIL, email_key, &user_id) &&
        user_load(call, &user_id, &storage, &user))
        epoch_raise(call->env->segment, user.subject);
}

void kept_row_changed(struct call *call, enum table table, struct slice key, struct slice value)
{
    if (table == TABLE_SESSIONS || table == TABLE_USERS_BY_SUBJECT)
        epoch_raise(call->env->segment, key);
    else if (table == TABLE_USERS && value.len > 0)
        user_changed(call, value);
    else if (table == TABLE_SUPPRESSIONS)
        suppression_changed(call, key);
}

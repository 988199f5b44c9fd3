/* Administration: admin_sessions, admin_session_end.
 * Tables: sessions, sessions_by_user, audit. */
#include "audit.h"
#include "requests.h"
#include "sessions.h"
#include "users.h"

#define PAGE_MAX_BYTES 14000 /* as large as `rows` of the answer */
#define LOOKS_MAX      256

/* ---- list -------------------------------------------------------------------------------------
 */

/* Returns false when the page is full. One that has expired is passed over: it stands no more. */
static bool list_one(struct call *call, const struct uuid *session_id, wall_ms now,
                     struct packer *rows)
{
    uint8_t bytes[512];
    struct packer row = packer_over(bytes, sizeof(bytes));
    struct row storage;
    struct session_row session;

    if (!session_load(call, session_id, now, &storage, &session))
        return true;
    admin_session_pack(&row, &(struct admin_session){
                                 .session_id = *session_id,
                                 .created = session.created,
                                 .used = session.used,
                                 .expires = session.expires,
                                 .peer = session.peer,
                                 .user_agent = session.user_agent,
                             });
    return page_add(rows, &row);
}

enum store_status admin_sessions_on_request(struct call *call)
{
    struct admin_sessions_ask ask;
    struct admin_sessions_answer answer = {0};
    uint8_t bytes[PAGE_MAX_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));
    struct uuid user_id;
    struct uuid at;
    bool left;

    if (!admin_sessions_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    enum store_status status =
        user_find_any(call, ask.subject, ask.username_key, ask.email_key, &user_id);
    if (status != STORE_OK)
        return status;

    answer.next = at = ask.after;
    left = uuid_step(&at) && session_next(call, &user_id, &at);
    for (int looks = 0; left && looks < LOOKS_MAX && list_one(call, &at, ask.now, &rows); looks++) {
        answer.next = at;
        left = uuid_step(&at) && session_next(call, &user_id, &at);
    }
    answer.more = left;
    answer.rows = packer_slice(&rows);
    admin_sessions_answer_pack(&call->answer, &answer);
    return STORE_OK;
}

/* ---- end --------------------------------------------------------------------------------------
 */

enum store_status admin_session_end_on_request(struct call *call)
{
    struct admin_session_end_ask ask;
    struct uuid user_id;

    if (!admin_session_end_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    enum store_status status =
        user_find_any(call, ask.subject, ask.username_key, ask.email_key, &user_id);
    if (status != STORE_OK)
        return status;
    if (ask.all)
        (void)sessions_end(call, &user_id, NULL);
    else if (!session_end(call, &user_id, &ask.session_id))
        return STORE_NOT_FOUND;
    audit_add(call, ask.all ? AUDIT_ADMIN_SESSIONS_ENDED : AUDIT_ADMIN_SESSION_ENDED, &user_id,
              ask.peer);
    return STORE_OK;
}

/* The table of the routes of administration. */
#include "admin.h"
#include "routes.h"

#define READING         (METHOD_GET | METHOD_HEAD)
#define ALLOW_USERS     "GET, HEAD, POST, OPTIONS"
#define ALLOW_USER      "GET, HEAD, PATCH, DELETE, OPTIONS"
#define ALLOW_MANY      "GET, HEAD, DELETE, OPTIONS"
#define ALLOW_IMPORT    "POST, OPTIONS"
#define ALLOW_AUDIT     "GET, HEAD, OPTIONS"
#define ALLOW_SESSION   "DELETE, OPTIONS"
#define ALLOW_ADDRESSES "GET, HEAD, POST, OPTIONS"

/* Nobody is asked who he is, and nobody is counted: whoever could open the socket may do all of it.
 */
static const struct route ROUTES[] = {
    {"/admin/users", READING, ALLOW_USERS, ROUTE_NO_BODY, ROUTE_ANYBODY, users_list_on_request,
     RATE_FREE},
    {"/admin/users", METHOD_POST, ALLOW_USERS, ROUTE_API_BODY, ROUTE_ANYBODY, users_add_on_request,
     RATE_FREE},
    {"/admin/users/{user}", READING, ALLOW_USER, ROUTE_NO_BODY, ROUTE_ANYBODY, user_show_on_request,
     RATE_FREE},
    {"/admin/users/{user}", METHOD_PATCH, ALLOW_USER, ROUTE_API_BODY, ROUTE_ANYBODY,
     user_change_on_request, RATE_FREE},
    {"/admin/users/{user}", METHOD_DELETE, ALLOW_USER, ROUTE_NO_BODY, ROUTE_ANYBODY,
     user_delete_on_request, RATE_FREE},
    {"/admin/users/{user}/sessions", READING, ALLOW_MANY, ROUTE_NO_BODY, ROUTE_ANYBODY,
     user_sessions_on_request, RATE_FREE},
    {"/admin/users/{user}/sessions", METHOD_DELETE, ALLOW_MANY, ROUTE_NO_BODY, ROUTE_ANYBODY,
     user_sessions_end_on_request, RATE_FREE},
    {"/admin/users/{user}/sessions/{session}", METHOD_DELETE, ALLOW_SESSION, ROUTE_NO_BODY,
     ROUTE_ANYBODY, user_sessions_end_on_request, RATE_FREE},
    {"/admin/audit", READING, ALLOW_AUDIT, ROUTE_NO_BODY, ROUTE_ANYBODY, trail_on_request,
     RATE_FREE},
    {"/admin/audit/verify", READING, ALLOW_AUDIT, ROUTE_NO_BODY, ROUTE_ANYBODY,
     trail_verify_on_request, RATE_FREE},
    {"/admin/mail", READING, ALLOW_AUDIT, ROUTE_NO_BODY, ROUTE_ANYBODY, mail_state_show_on_request,
     RATE_FREE},
    {"/admin/mail/pause", METHOD_POST, ALLOW_IMPORT, ROUTE_NO_BODY, ROUTE_ANYBODY,
     mail_pause_begin_on_request, RATE_FREE},
    {"/admin/mail/resume", METHOD_POST, ALLOW_IMPORT, ROUTE_NO_BODY, ROUTE_ANYBODY,
     mail_pause_end_on_request, RATE_FREE},
    {"/admin/mail/drain", METHOD_POST, ALLOW_IMPORT, ROUTE_NO_BODY, ROUTE_ANYBODY,
     letters_drain_on_request, RATE_FREE},
    {"/admin/mail/retry", METHOD_POST, ALLOW_IMPORT, ROUTE_NO_BODY, ROUTE_ANYBODY,
     letters_retry_on_request, RATE_FREE},
    {"/admin/mail/cancel", METHOD_POST, ALLOW_IMPORT, ROUTE_NO_BODY, ROUTE_ANYBODY,
     letters_cancel_on_request, RATE_FREE},
    {"/admin/mail/letters", READING, ALLOW_AUDIT, ROUTE_NO_BODY, ROUTE_ANYBODY,
     letters_list_on_request, RATE_FREE},
    {"/admin/mail/letters/{id}", READING, ALLOW_MANY, ROUTE_NO_BODY, ROUTE_ANYBODY,
     letter_show_on_request, RATE_FREE},
    {"/admin/mail/letters/{id}", METHOD_DELETE, ALLOW_MANY, ROUTE_NO_BODY, ROUTE_ANYBODY,
     letter_cancel_on_request, RATE_FREE},
    {"/admin/mail/letters/{id}/retry", METHOD_POST, ALLOW_IMPORT, ROUTE_NO_BODY, ROUTE_ANYBODY,
     letter_retry_on_request, RATE_FREE},
    {"/admin/mail/suppressions", READING, ALLOW_ADDRESSES, ROUTE_NO_BODY, ROUTE_ANYBODY,
     suppressions_list_on_request, RATE_FREE},
    {"/admin/mail/suppressions", METHOD_POST, ALLOW_ADDRESSES, ROUTE_API_BODY, ROUTE_ANYBODY,
     suppression_put_on_request, RATE_FREE},
    {"/admin/mail/suppressions/{address}", METHOD_DELETE, ALLOW_SESSION, ROUTE_NO_BODY,
     ROUTE_ANYBODY, suppression_lift_on_request, RATE_FREE},
    {"/admin/import", METHOD_POST, ALLOW_IMPORT, ROUTE_LINES_BODY, ROUTE_ANYBODY,
     users_import_on_request, RATE_FREE},
    {"/admin/export", READING, ALLOW_AUDIT, ROUTE_NO_BODY, ROUTE_ANYBODY, users_export_on_request,
     RATE_FREE},
    {"/admin/backup", METHOD_POST, ALLOW_IMPORT, ROUTE_NO_BODY, ROUTE_ANYBODY,
     backup_start_on_request, RATE_FREE},
    {"/admin/backup/{id}", READING, ALLOW_MANY, ROUTE_NO_BODY, ROUTE_ANYBODY,
     backup_read_on_request, RATE_FREE},
    {"/admin/backup/{id}", METHOD_DELETE, ALLOW_MANY, ROUTE_NO_BODY, ROUTE_ANYBODY,
     backup_give_up_on_request, RATE_FREE},
    {"/admin/backup/{id}/whole", METHOD_POST, ALLOW_IMPORT, ROUTE_NO_BODY, ROUTE_ANYBODY,
     backup_whole_on_request, RATE_FREE},
    {"/admin/compact", METHOD_POST, ALLOW_IMPORT, ROUTE_NO_BODY, ROUTE_ANYBODY, compact_on_request,
     RATE_FREE},
};

const struct route_table ADMIN_ROUTES = {ROUTES, ARRAY_LEN(ROUTES)};

/* The table of the routes of administration. */
#include "admin.h"
#include "routes.h"

#define READING       (METHOD_GET | METHOD_HEAD)
#define ALLOW_USERS   "GET, HEAD, POST, OPTIONS"
#define ALLOW_USER    "GET, HEAD, PATCH, DELETE, OPTIONS"
#define ALLOW_MANY    "GET, HEAD, DELETE, OPTIONS"
#define ALLOW_IMPORT  "POST, OPTIONS"
#define ALLOW_AUDIT   "GET, HEAD, OPTIONS"
#define ALLOW_SESSION "DELETE, OPTIONS"

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
    {"/admin/import", METHOD_POST, ALLOW_IMPORT, ROUTE_LINES_BODY, ROUTE_ANYBODY,
     users_import_on_request, RATE_FREE},
    {"/admin/export", READING, ALLOW_AUDIT, ROUTE_NO_BODY, ROUTE_ANYBODY, users_export_on_request,
     RATE_FREE},
};

const struct route_table ADMIN_ROUTES = {ROUTES, ARRAY_LEN(ROUTES)};

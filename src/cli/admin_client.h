/* HTTP to the running server's admin socket. Private to this folder. */
#ifndef GATEPOST_CLI_ADMIN_CLIENT_H
#define GATEPOST_CLI_ADMIN_CLIENT_H

#include "gatepost/config.h"
#include "gatepost/err.h"

struct admin_client;

/* Talks to admin.socket, and to nobody there but root, this process's own user, or who runs the
 * server that holds master.pid_file: where master.user owns the directory, what broke into a role
 * can put a socket of its own into the place. config: borrowed until the client is freed. */
struct admin_client *admin_client_new(const struct config *config);
void admin_client_free(struct admin_client **client);

struct admin_answer {
    int status; /* of HTTP */
    char *body; /* NUL-terminated; the client's, until the next call */
    size_t len;
};

enum admin_status {
    ADMIN_OK,          /* there is an answer, whatever its status */
    ADMIN_NOT_RUNNING, /* nobody listens there */
    ADMIN_FAILED,      /* err: why */
};

/* One request. json: its body, or NULL; borrowed. */
MUST_USE enum admin_status admin_call(struct admin_client *client, const char *method,
                                      const char *path, const char *json,
                                      struct admin_answer *answer_out, struct err *err);

/* The same for many objects, one a line; borrowed. */
MUST_USE enum admin_status admin_post_lines(struct admin_client *client, const char *path,
                                            struct slice lines, struct admin_answer *answer_out,
                                            struct err *err);

/* "/admin/users/REF" and rest, with REF as one segment whatever is in it. Gives: heap text. */
char *admin_user_path(const char *ref, const char *rest);

/* text as a value of a query string. Gives: heap text. */
char *admin_escape(const char *text);

#endif

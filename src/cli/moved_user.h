/* An account as a file of another system has it, on its way to the server. Private to this folder.
 */
#ifndef GATEPOST_CLI_MOVED_USER_H
#define GATEPOST_CLI_MOVED_USER_H

#include "gatepost/json.h"

#define EXTRAS_MAX JSON_MEMBERS_MAX

/* Values as the file wrote them: what is wrong with them is the server's to say. */
struct moved_user {
    struct json_member id;
    struct json_member username;
    struct json_member email;
    struct json_member password;
    struct json_member active;
    struct json_member email_verified;
    struct json_member date_joined;
    struct json_member last_login;
    struct json_member language;
    bool is_djangos;    /* a language is an extra: its model's own field, which goes back there */
    struct slice extra; /* an object that is there already, or empty */
    struct json_member extras[EXTRAS_MAX];
    size_t extra_count;
};

/* Sorts a member in by its name: those that Django and Gatepost have, else an extra. Returns the
 * sentence that is wrong with it (a constant), or NULL. */
MUST_USE const char *moved_user_take(struct moved_user *user, const struct json_member *member);

/* A member's value as the file wrote it. */
void moved_value_write(struct json_writer *writer, const struct json_member *member);

/* As the line that POST /admin/import wants. Returns false when `extra` cannot be kept: it is no
 * object that can be read, or together with the extras it has a name twice or too many. */
MUST_USE bool moved_user_write(const struct moved_user *user, struct json_writer *writer);

#endif

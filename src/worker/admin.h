/* What the routes of administration share: whom a path names, and how what there is to tell is
 * written. They are served on admin.socket alone, to whoever may open it. */
#ifndef WORKER_ADMIN_H
#define WORKER_ADMIN_H

#include "gatepost/access_token.h"
#include "gatepost/store_messages.h"

#include "request.h"

#define ADMIN_ASK_BYTES 5120

/* An account as a path names it: "id:", "username:" or "email:" in front says as what; without,
 * it is looked for as all three. An empty text finds nobody. */
struct admin_ref {
    char subject[TOKEN_SUBJECT_BYTES];
    char username_key[USERNAME_MAX_BYTES + 1];
    char email_key[EMAIL_MAX_BYTES + 1];
};

/* segment: of a path, percent-encoded. Returns false for what can be nobody's name. */
MUST_USE bool admin_ref_read(const char *segment, struct admin_ref *ref_out);

/* The same of a text that is not encoded. */
MUST_USE bool admin_ref_of_text(struct slice text, struct admin_ref *ref_out);

/* {"id":...} as docs/api.md has it. */
void admin_write_user(struct json_writer *writer, const struct admin_user_answer *user);

/* One line for each packed row; write_row returns false for one that cannot be read. Takes the
 * request. */
typedef bool (*admin_write_row_fn)(struct json_writer *writer, struct slice row);
void admin_reply_lines(struct request **request, struct slice rows, admin_write_row_fn write_row);

/* What the store's status means where an account was asked for: 404, 400 for a name that fits two
 * accounts, or trouble. */
void admin_reply_not_found(struct request **request, enum store_status status);

/* What a store is asked with that has nothing to tell: 204, or the same. */
void admin_on_done(void *context, enum store_status status, struct slice payload);

/* A parameter of the query as text; "" when it is not there. The query stays the caller's. */
struct slice admin_parameter(const struct json_object *query, const char *name);

/* A whole number, at most `most`. Returns false for any other text. */
MUST_USE bool admin_number(struct slice text, uint64_t most, uint64_t *number_out);

/* `limit` of a list: 1 to 1000, 100 when it is not there. */
MUST_USE bool admin_limit(const struct json_object *query, uint32_t *limit_out);

/* One that is 1 or yes, 0 or no; not there is no. Returns false for any other text. */
MUST_USE bool admin_flag(const struct json_object *query, const char *name, bool *flag_out);

/* Endpoints. */
void users_list_on_request(struct request *request);
void users_add_on_request(struct request *request);
void user_show_on_request(struct request *request);
void user_change_on_request(struct request *request);
void user_delete_on_request(struct request *request);
void user_sessions_on_request(struct request *request);
void user_sessions_end_on_request(struct request *request);
void users_import_on_request(struct request *request);
void users_export_on_request(struct request *request);
void trail_on_request(struct request *request);
void trail_verify_on_request(struct request *request);
void letters_list_on_request(struct request *request);
void letter_show_on_request(struct request *request);
void letter_cancel_on_request(struct request *request);
void letter_retry_on_request(struct request *request);
void letters_retry_on_request(struct request *request);
void letters_cancel_on_request(struct request *request);
void letters_drain_on_request(struct request *request);
void mail_state_show_on_request(struct request *request);
void mail_pause_begin_on_request(struct request *request);
void mail_pause_end_on_request(struct request *request);
void suppressions_list_on_request(struct request *request);
void suppression_put_on_request(struct request *request);
void suppression_lift_on_request(struct request *request);
void backup_start_on_request(struct request *request);
void backup_read_on_request(struct request *request);
void backup_whole_on_request(struct request *request);
void backup_give_up_on_request(struct request *request);
void compact_on_request(struct request *request);

#endif

/* `gatepost user add`, `enable`, `disable`, `verify`, `set-password` and `delete`.
 *
 * What was done is told as one line, or with --json as the account that is now. */
#include "user.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gatepost/encoding.h"
#include "gatepost/proc.h"
#include "gatepost/secret.h"

#include "terminal.h"

/* ---- what is told -----------------------------------------------------------------------------
 */

/* "anna <anna@example.com>". Gives: heap text. */
static char *name_of(const struct json_object *user)
{
    char *username = terminal_text(answer_member(user, "username"));
    char *email = terminal_text(answer_member(user, "email"));
    size_t bytes = strlen(username) + strlen(email) + sizeof(" <>");
    char *name = xcalloc(1, bytes);

    snprintf(name, bytes, "%s <%s>", username, email);
    free(username);
    free(email);
    return name;
}

/* password: one that was made here, which nobody has seen yet; or NULL. */
static void tell(const struct user_order *order, const struct admin_answer *answer,
                 const char *done, const char *password)
{
    struct json_object user;

    if (has_option(order, OPTION_JSON) && password != NULL) {
        (void)printf("{\"password\":\"%s\",%s\n", password, answer->body + 1);
        return;
    }
    if (has_option(order, OPTION_JSON)) {
        (void)printf("%s\n", answer->body);
        return;
    }
    answer_object(slice_of(answer->body, answer->len), &user);
    char *name = name_of(&user);
    (void)printf("%s: %s\n", done, name);
    if (password != NULL)
        (void)printf("password: %s\n", password);
    free(name);
    json_object_fini(&user);
}

static int change(struct user_order *order, const char *json, const char *done)
{
    struct admin_answer answer = {0};
    int code = user_ask_about(order, "PATCH", "", json, &answer);

    if (code == EXIT_DONE)
        tell(order, &answer, done, NULL);
    return code;
}

int cli_user_enable(struct user_order *order)
{
    return change(order, "{\"active\":true}", "enabled");
}

int cli_user_disable(struct user_order *order)
{
    return change(order, "{\"active\":false}", "disabled, all sessions have ended");
}

int cli_user_verify(struct user_order *order)
{
    return change(order, "{\"email_verified\":true}", "verified");
}

/* ---- passwords --------------------------------------------------------------------------------
 */

static bool get_password(const struct user_order *order, char password_out[PASSWORD_TEXT_BYTES])
{
    struct err err = {0};
    bool fine = true;

    if (has_option(order, OPTION_GENERATE))
        password_generate((size_t)order->config->password_min_length, password_out);
    else if (has_option(order, OPTION_PASSWORD_STDIN))
        fine = password_read(stdin, password_out, &err);
    else
        fine = password_ask(order->operands[0], password_out, &err);
    if (!fine)
        (void)cli_fail(err.text);
    return fine;
}

static void write_text(struct json_writer *writer, const char *name, const char *text)
{
    json_string(writer, slice_of_text(name));
    json_string(writer, slice_of_text(text));
}

/* Sends the body, which may hold a password, and wipes its copy. */
static int send_body(struct user_order *order, const char *method, const char *path,
                     struct json_writer **writer, struct admin_answer *answer_out)
{
    struct slice text = json_writer_text(*writer);
    char *body = xcalloc(1, text.len + 1);

    memcpy(body, text.at, text.len);
    int code = ask(&order->asking, method, path, body, answer_out);
    secret_wipe(body, text.len);
    free(body);
    json_writer_free(writer);
    return code;
}

int cli_user_set_password(struct user_order *order)
{
    struct admin_answer answer = {0};
    char password[PASSWORD_TEXT_BYTES];

    if (!get_password(order, password))
        return EXIT_USAGE;
    struct json_writer *writer = json_writer_new();
    json_object_begin(writer);
    write_text(writer, "password", password);
    json_object_end(writer);
    char *path = admin_user_path(order->operands[0], "");
    int code = send_body(order, "PATCH", path, &writer, &answer);
    if (code == EXIT_DONE)
        tell(order, &answer, "another password is set, all sessions have ended",
             has_option(order, OPTION_GENERATE) ? password : NULL);
    secret_wipe(password, sizeof(password));
    free(path);
    return code;
}

int cli_user_add(struct user_order *order)
{
    struct admin_answer answer = {0};
    char password[PASSWORD_TEXT_BYTES] = "";

    if (!has_option(order, OPTION_NO_PASSWORD) && !get_password(order, password))
        return EXIT_USAGE;
    struct json_writer *writer = json_writer_new();
    json_object_begin(writer);
    write_text(writer, "username", order->operands[0]);
    write_text(writer, "email", order->operands[1]);
    if (password[0] != '\0')
        write_text(writer, "password", password);
    json_string(writer, SLICE_LITERAL("active"));
    json_flag(writer, !has_option(order, OPTION_DISABLED));
    json_string(writer, SLICE_LITERAL("email_verified"));
    json_flag(writer, has_option(order, OPTION_VERIFIED));
    json_object_end(writer);
    int code = send_body(order, "POST", "/admin/users", &writer, &answer);
    if (code == EXIT_DONE)
        tell(order, &answer, "added", has_option(order, OPTION_GENERATE) ? password : NULL);
    secret_wipe(password, sizeof(password));
    return code;
}

/* ---- delete -----------------------------------------------------------------------------------
 */

static bool is_wanted(const char *name)
{
    char reply[16] = "";

    (void)fprintf(stderr, "Delete %s and all that is theirs? [y/N] ", name);
    return fgets(reply, sizeof(reply), stdin) != NULL && (reply[0] == 'y' || reply[0] == 'Y');
}

/* Looks first, then deletes by the id: what is deleted is what was shown. */
int cli_user_delete(struct user_order *order)
{
    struct admin_answer answer = {0};
    struct json_object user;

    if (!has_option(order, OPTION_YES) && !isatty(STDIN_FILENO)) {
        (void)cli_fail("nobody can be asked here: delete needs --yes");
        return EXIT_USAGE;
    }
    int code = user_ask_about(order, "GET", "", NULL, &answer);
    if (code != EXIT_DONE)
        return code;
    answer_object(slice_of(answer.body, answer.len), &user);
    struct slice id = answer_member(&user, "id");
    char *name = name_of(&user);
    char *ref = xcalloc(1, id.len + sizeof("id:"));
    memcpy(ref, "id:", strlen("id:"));
    memcpy(ref + strlen("id:"), id.at, id.len);
    char *path = admin_user_path(ref, "");

    if (!has_option(order, OPTION_YES) && !is_wanted(name))
        code = cli_fail("nothing was deleted");
    else
        code = ask(&order->asking, "DELETE", path, NULL, &answer);
    if (code == EXIT_DONE)
        (void)printf("deleted: %s\n", name);
    free(path);
    free(ref);
    free(name);
    json_object_fini(&user);
    return code;
}

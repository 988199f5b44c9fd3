/* `gatepost user list`, `show` and `sessions`: what there is, as a table or as JSON.
 *
 * A list comes in pages and is printed page by page: a million accounts need no more memory than a
 * thousand. With --json the server's lines go out as they came. */
#include "user.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gatepost/proc.h"

#include "listing.h"
#include "terminal.h"

int cli_user_list(struct user_order *order)
{
    static const char *const headers[] = {"ID",       "USERNAME", "EMAIL",     "ACTIVE",
                                          "VERIFIED", "JOINED",   "LAST LOGIN"};
    static const char *const members[] = {
        "id", "username", "email", "active", "email_verified", "date_joined", "last_login"};
    static const struct listing listing = {headers, members, ARRAY_LEN(headers), 1U << 5 | 1U << 6};
    const char *search = order->options[OPTION_SEARCH];
    char *escaped = admin_escape(search != NULL ? search : "");
    size_t bytes = sizeof("/admin/users?q=&") + strlen(escaped);
    char *path = xcalloc(1, bytes);

    snprintf(path, bytes, "/admin/users?q=%s&", escaped);
    int code = listing_print_all(&order->asking, &listing, path, order->limit);
    free(path);
    free(escaped);
    return code;
}

int cli_user_show(struct user_order *order)
{
    static const char *const members[] = {"id",          "username",       "email",
                                          "active",      "email_verified", "has_password",
                                          "date_joined", "last_login"};
    struct admin_answer answer = {0};
    struct json_object object;
    int code = user_ask_about(order, "GET", "", NULL, &answer);

    if (code != EXIT_DONE)
        return code;
    if (has_option(order, OPTION_JSON)) {
        (void)printf("%s\n", answer.body);
        return EXIT_DONE;
    }
    answer_object(slice_of(answer.body, answer.len), &object);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        char *text = terminal_text(answer_member(&object, members[i]));
        (void)printf("%-15s %s\n", members[i], text);
        free(text);
    }
    json_object_fini(&object);
    return EXIT_DONE;
}

static int end_sessions(struct user_order *order)
{
    const char *id = order->options[OPTION_END];
    char *escaped = admin_escape(id != NULL ? id : "");
    struct admin_answer answer = {0};
    size_t bytes = sizeof("/sessions/") + strlen(escaped);
    char *rest = xcalloc(1, bytes);

    snprintf(rest, bytes, "/sessions%s%s", id != NULL ? "/" : "", escaped);
    int code = user_ask_about(order, "DELETE", rest, NULL, &answer);
    if (code == EXIT_DONE && !has_option(order, OPTION_JSON))
        (void)printf("%s\n", id != NULL ? "the session has ended" : "all sessions have ended");
    free(rest);
    free(escaped);
    return code;
}

int cli_user_sessions(struct user_order *order)
{
    static const char *const headers[] = {"ID",      "CREATED", "LAST USED",
                                          "EXPIRES", "ADDRESS", "USER AGENT"};
    static const char *const members[] = {"id",      "created", "last_used",
                                          "expires", "address", "user_agent"};
    static const struct listing listing = {headers, members, ARRAY_LEN(headers),
                                           1U << 1 | 1U << 2 | 1U << 3};

    if (has_option(order, OPTION_END) || has_option(order, OPTION_END_ALL))
        return end_sessions(order);
    char *path = admin_user_path(order->operands[0], "/sessions?");
    int code = listing_print_all(&order->asking, &listing, path, order->limit);
    free(path);
    return code;
}

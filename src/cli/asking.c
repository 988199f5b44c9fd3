/* See asking.h. */
#include "asking.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "gatepost/proc.h"
#include "terminal.h"

#define HTTP_DONE    200
#define HTTP_REFUSED 300

int cli_fail(const char *sentence)
{
    (void)fprintf(stderr, "gatepost: %s\n", sentence);
    return EXIT_FAILED;
}

/* A refusal's sentences. The reader of flat objects drops what is in an array, so the texts are
 * picked out here: the server's answers are {"detail":"..."} or {"field":["...",...],...}. */
static void print_refusal(const struct admin_answer *answer)
{
    char field[64] = "";
    bool told = false;
    const char *at = answer->body;

    while ((at = strchr(at, '"')) != NULL) {
        const char *end = ++at;
        while (*end != '\0' && *end != '"')
            end += end[0] == '\\' && end[1] != '\0' ? 2 : 1;
        if (*end == '\0')
            break;
        if (end[1] == ':') {
            if (!slice_to_text(slice_of(at, (size_t)(end - at)), field, sizeof(field)))
                field[0] = '\0';
        } else {
            char *text = terminal_text(slice_of(at, (size_t)(end - at)));
            bool named = strcmp(field, "detail") != 0 && strcmp(field, "non_field_errors") != 0;
            (void)fprintf(stderr, "gatepost: %s%s%s\n", named ? field : "", named ? ": " : "",
                          text);
            free(text);
            told = true;
        }
        at = end + 1;
    }
    if (!told)
        (void)fprintf(stderr, "gatepost: the server answered with status %d\n", answer->status);
}

int ask(const struct asking *asking, const char *method, const char *path, const char *json,
        struct admin_answer *answer_out)
{
    struct err err = {0};

    switch (admin_call(asking->client, method, path, json, answer_out, &err)) {
    case ADMIN_OK:
        break;
    case ADMIN_NOT_RUNNING:
        (void)cli_fail(err.text);
        return CLI_NOT_RUNNING;
    case ADMIN_FAILED:
        return cli_fail(err.text);
    }
    if (answer_out->status >= HTTP_DONE && answer_out->status < HTTP_REFUSED)
        return EXIT_DONE;
    if (answer_out->status == 404) {
        if (asking->missing != NULL)
            (void)cli_fail(asking->missing);
        return CLI_NOT_FOUND;
    }
    print_refusal(answer_out);
    return EXIT_FAILED;
}

void answer_object(struct slice text, struct json_object *object_out)
{
    struct err err = {0};

    if (json_read(text, object_out, &err) != JSON_OK)
        exit(cli_fail("the server's answer cannot be read"));
}

struct slice answer_member(const struct json_object *object, const char *name)
{
    const struct json_member *member = json_find(object, name);

    if (member == NULL)
        return SLICE_LITERAL("-");
    switch (member->type) {
    case JSON_STRING:
    case JSON_INTEGER:
    case JSON_FLOAT:
        return member->text;
    case JSON_TRUE:
        return SLICE_LITERAL("yes");
    case JSON_FALSE:
        return SLICE_LITERAL("no");
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return SLICE_LITERAL("-");
}

void cli_print_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    (void)fprintf(stderr, "%s: %s\n", where, sentence);
}

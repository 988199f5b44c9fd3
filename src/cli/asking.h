/* What the commands that ask the running server share: the question, the answer's objects, what is
 * said of a refusal. Private to this folder. */
#ifndef GATEPOST_CLI_ASKING_H
#define GATEPOST_CLI_ASKING_H

#include "admin_client.h"
#include "gatepost/json.h"

struct asking {
    struct admin_client *client;
    bool as_json;        /* objects are printed as they come, for programs */
    const char *missing; /* what is said of a 404: "no such user"; NULL: nothing */
};

/* Asks the server. Returns EXIT_DONE with the answer of a 2xx; any other outcome has been told on
 * standard error, and is the exit code. */
MUST_USE int ask(const struct asking *asking, const char *method, const char *path,
                 const char *json, struct admin_answer *answer_out);

/* A flat object of an answer. Dies when it is none: that is no server of this version. */
void answer_object(struct slice text, struct json_object *object_out);

/* A member as text: of a string its content, "yes" and "no", "-" for null or none. */
struct slice answer_member(const struct json_object *object, const char *name);

/* A problem of the configuration, to standard error. */
void cli_print_problem(void *context, const char *where, const char *sentence);

/* "gatepost: sentence". Returns EXIT_FAILED. */
int cli_fail(const char *sentence);

#endif

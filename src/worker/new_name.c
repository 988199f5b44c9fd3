/* See new_name.h. */
#include "new_name.h"

#include "gatepost/config.h"

static const char IS_ADDRESS[] =
    "Enter a valid username. This value may be no e-mail address but your own.";

bool new_name_judge(const struct worker *worker, const struct username *username,
                    const char *email_key, struct field_problems *problems)
{
    struct email address;

    if (problems->count > 0)
        return false;
    if (worker->config->signup_reveal || strcmp(username->key, email_key) == 0 ||
        !email_parse(slice_of_text(username->key), &address))
        return true;
    field_problem_add(problems, IS_ADDRESS);
    return false;
}

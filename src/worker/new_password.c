/* The rules that only new passwords have, in Django's sentences. */
#include "new_password.h"

#include <stdio.h>

#include "gatepost/config.h"
#include "gatepost/encoding.h"
#include "gatepost/password.h"

static const char TOO_COMMON[] = "This password is too common.";
static const char TOO_LONG[] = "Ensure this field has no more than 1024 characters.";
static const char TOO_LONG_BYTES[] = "Ensure this field has no more than 1024 bytes.";

bool new_password_judge(const struct worker *worker, struct slice password, const char *username,
                        const char *email, struct field_problems *problems)
{
    const struct config *config = worker->config;
    const char *at = strchr(email, '@');
    char local_part[EMAIL_MAX_BYTES + 1] = "";
    const char *words[4] = {"gatepost"};
    size_t count = 1;

    if (problems->count > 0)
        return false;
    if (username[0] != '\0')
        words[count++] = username;
    if (at != NULL) {
        snprintf(local_part, sizeof(local_part), "%.*s", (int)(at - email), email);
        words[count++] = local_part;
    }
    switch (password_judge(password, (size_t)config->password_min_length,
                           (double)config->password_min_strength, words)) {
    case PASSWORD_FINE:
        return true;
    case PASSWORD_TOO_SHORT:
        snprintf(problems->quoting, sizeof(problems->quoting),
                 "This password is too short. It must contain at least %lld characters.",
                 (long long)config->password_min_length);
        field_problem_add(problems, problems->quoting);
        break;
    case PASSWORD_TOO_LONG:
        field_problem_add(problems,
                          utf8_count(password) > PASSWORD_MAX_BYTES ? TOO_LONG : TOO_LONG_BYTES);
        break;
    case PASSWORD_TOO_COMMON:
        field_problem_add(problems, TOO_COMMON);
        break;
    }
    return false;
}

/* The rules that only new passwords have, in Django's sentences and in its order.
 *
 * There are no rules of composition (NIST SP 800-63B-4, section 3.1.1.2), so Django's "entirely
 * numeric" is none either: digits alone are refused when they are common or easily guessed. */
#include "new_password.h"

#include <stdio.h>

#include "gatepost/config.h"
#include "gatepost/encoding.h"
#include "gatepost/log.h"
#include "gatepost/password_policy.h"

static const char LIKE_USERNAME[] = "The password is too similar to the username.";
static const char LIKE_EMAIL[] = "The password is too similar to the email address.";
static const char TOO_COMMON[] = "This password is too common.";
static const char TOO_LONG[] = "Ensure this field has no more than 1024 characters.";
static const char TOO_LONG_BYTES[] = "Ensure this field has no more than 1024 bytes.";

static void tell_too_long(struct slice password, struct field_problems *problems)
{
    field_problem_add(problems,
                      utf8_count(password) > PASSWORD_MAX_BYTES ? TOO_LONG : TOO_LONG_BYTES);
}

static void tell_too_short(const struct config *config, struct field_problems *problems)
{
    snprintf(problems->quoting, sizeof(problems->quoting),
             "This password is too short. It must contain at least %lld characters.",
             (long long)config->password_min_length);
    field_problem_add(problems, problems->quoting);
}

static enum password_problem judge(const struct config *config, struct slice password,
                                   const char *username, const char *email)
{
    const char *at = strchr(email, '@');
    char local_part[EMAIL_MAX_BYTES + 1] = "";
    const char *words[4] = {"gatepost"};
    size_t count = 1;

    if (username[0] != '\0')
        words[count++] = username;
    if (at != NULL) {
        snprintf(local_part, sizeof(local_part), "%.*s", (int)(at - email), email);
        words[count++] = local_part;
    }
    return password_judge(password, (size_t)config->password_min_length,
                          (double)config->password_min_strength, words);
}

static void judge_prepared(const struct worker *worker, struct slice password, const char *username,
                           const char *email, struct field_problems *problems)
{
    const struct config *config = worker->config;
    bool common = password_list_has(worker->refused_passwords, password);

    if (config->password_min_strength > 0 && password_resembles(password, username))
        field_problem_add(problems, LIKE_USERNAME);
    else if (config->password_min_strength > 0 && password_resembles(password, email))
        field_problem_add(problems, LIKE_EMAIL);
    switch (judge(config, password, username, email)) {
    case PASSWORD_FINE:
        break;
    case PASSWORD_TOO_SHORT:
        tell_too_short(config, problems);
        break;
    case PASSWORD_TOO_LONG:
        tell_too_long(password, problems);
        break;
    case PASSWORD_TOO_COMMON:
        common = common || problems->count == 0; /* like the name, and so easily guessed */
        break;
    }
    if (common)
        field_problem_add(problems, TOO_COMMON);
}

bool new_password_judge(const struct worker *worker, struct slice password, const char *username,
                        const char *email, struct field_problems *problems)
{
    char prepared[PASSWORD_MAX_BYTES];
    size_t len;

    if (problems->count > 0)
        return false;
    if (!password_prepare(password, prepared, &len)) {
        tell_too_long(password, problems);
        return false;
    }
    judge_prepared(worker, slice_of(prepared, len), username, email, problems);
    secret_wipe(prepared, sizeof(prepared));
    return problems->count == 0;
}

struct password_list *new_password_list(const struct config *config)
{
    struct err err;
    size_t skipped;
    struct password_list *list = password_list_new(config->password_min_strength > 0,
                                                   config->password_refused_file, &skipped, &err);

    if (list == NULL)
        die(EXIT_CONFIG, "password.refused_file: %s", err.text);
    if (skipped > 0)
        log_warning("password.list_lines_skipped", "file=%s lines=%zu",
                    config->password_refused_file, skipped);
    return list;
}

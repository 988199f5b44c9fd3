/* What a reload has to replace: the reload column of every row whose value changed. */
#include "reading.h"

#include <stdio.h>

static bool same(struct config *a, struct config *b, enum config_key key)
{
    switch (config_rows[key].kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_PATH:
    case CONFIG_KIND_LIST:
        return strcmp(*config_text_field(a, key), *config_text_field(b, key)) == 0;
    case CONFIG_KIND_NUMBER:
    case CONFIG_KIND_CHOICE:
        return *config_number_field(a, key) == *config_number_field(b, key);
    case CONFIG_KIND_FLAG:
        return *config_flag_field(a, key) == *config_flag_field(b, key);
    case CONFIG_KIND_RATE:
        return config_rate_field(a, key)->count == config_rate_field(b, key)->count &&
               config_rate_field(a, key)->period_s == config_rate_field(b, key)->period_s;
    }
    BUG_ON(true);
}

static bool same_password(const struct config *a, const struct config *b)
{
    return a->smtp_password.len == b->smtp_password.len &&
           (a->smtp_password.len == 0 ||
            secret_equal(a->smtp_password.bytes, b->smtp_password.bytes, a->smtp_password.len));
}

unsigned config_difference(const struct config *old, const struct config *new, struct err *err)
{
    /* The field functions give places to write to; nothing is written here. */
    struct config *a = (struct config *)(uintptr_t)old;
    struct config *b = (struct config *)(uintptr_t) new;
    char names[384] = "";
    size_t len = 0;
    unsigned difference = 0;

    for (enum config_key key = 0; key < CONFIG_KEYS; key++) {
        const struct config_row *row = &config_rows[key];
        if (same(a, b, key))
            continue;
        difference |= row->reload;
        if (row->reload == CONFIG_RELOAD_RESTART && len < sizeof(names)) {
            int more = snprintf(names + len, sizeof(names) - len, "%s%s.%s", len > 0 ? ", " : "",
                                row->section, row->name);
            BUG_ON(more < 0);
            len += (size_t)more;
        }
    }
    if (!same_password(old, new))
        difference |= CONFIG_RELOAD_MAILER;
    if (len > 0)
        err_set(err, "needs a restart: %s", names);
    return difference;
}

/* Its words are a program's arguments: nobody knows what stands there. */
static bool may_hold_a_secret(enum config_key key)
{
    return strcmp(config_rows[key].name, "token_command") == 0;
}

void config_changes(const struct config *old, const struct config *new, config_change_fn change,
                    void *context)
{
    struct config *a = (struct config *)(uintptr_t)old;
    struct config *b = (struct config *)(uintptr_t) new;
    char name[CONFIG_VARIABLE_BYTES];
    char from[CONFIG_VALUE_BYTES];
    char to[CONFIG_VALUE_BYTES];

    for (enum config_key key = 0; key < CONFIG_KEYS; key++) {
        if (same(a, b, key))
            continue;
        int len =
            snprintf(name, sizeof(name), "%s.%s", config_rows[key].section, config_rows[key].name);
        BUG_ON(len < 0 || (size_t)len >= sizeof(name));
        config_value_text(old, key, from);
        config_value_text(new, key, to);
        if (may_hold_a_secret(key))
            change(context, name, "(not shown)", "(not shown)");
        else
            change(context, name, from, to);
    }
    if (!same_password(old, new))
        change(context, "EMAIL_HOST_PASSWORD", "(not shown)", "(not shown)");
}

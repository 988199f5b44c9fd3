/* The table of config_keys.def as data, and how to find one's way in it.
 *
 * Invariant: nothing here knows a key by name; a new row needs no new code. */
#include "reading.h"

#include "gatepost/encoding.h"

#include <ctype.h>
#include <stdio.h>

const struct config_row config_rows[CONFIG_KEYS] = {
#define KEY(section_, name_, KIND, fallback_, min_, max_, unit_, reload_, text_)                   \
    [CONFIG_KEY_##section_##_##name_] = {.section = #section_,                                     \
                                         .name = #name_,                                           \
                                         .kind = CONFIG_KIND_##KIND,                               \
                                         .fallback = (fallback_),                                  \
                                         .min = (min_),                                            \
                                         .max = (max_),                                            \
                                         .unit = (unit_),                                          \
                                         .reload = CONFIG_RELOAD_##reload_,                        \
                                         .text = (text_),                                          \
                                         .offset = offsetof(struct config, section_##_##name_)},
#include "gatepost/config_keys.def"
#undef KEY
};

enum config_key config_find(struct slice section, struct slice name)
{
    for (enum config_key key = 0; key < CONFIG_KEYS; key++) {
        if (slice_equal(section, slice_of_text(config_rows[key].section)) &&
            slice_equal(name, slice_of_text(config_rows[key].name)))
            return key;
    }
    return CONFIG_KEYS;
}

bool config_section_exists(struct slice section)
{
    for (enum config_key key = 0; key < CONFIG_KEYS; key++) {
        if (slice_equal(section, slice_of_text(config_rows[key].section)))
            return true;
    }
    return false;
}

#define NAME_MAX_BYTES 32 /* longer than any name in the table: nothing is near to such a word */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein distance, letters compared without case. */
static size_t distance(struct slice word, const char *name)
{
    size_t name_len = strlen(name);
    size_t row[NAME_MAX_BYTES + 1];

    if (word.len > NAME_MAX_BYTES || name_len > NAME_MAX_BYTES)
        return NAME_MAX_BYTES;
    for (size_t i = 0; i <= name_len; i++)
        row[i] = i;
    for (size_t i = 0; i < word.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t k = 0; k < name_len; k++) {
            bool same = tolower((unsigned char)word.at[i]) == tolower((unsigned char)name[k]);
            size_t replaced = diagonal + (same ? 0 : 1);
            diagonal = row[k + 1];
            row[k + 1] = least(replaced, least(row[k], row[k + 1]) + 1);
        }
    }
    return row[name_len];
}

/* Two slips of the finger in a long word, one in a short one. */
static size_t slips_allowed(struct slice word)
{
    return word.len < 5 ? 1 : 2;
}

enum config_key config_nearest_key(struct slice section, struct slice name)
{
    enum config_key best = CONFIG_KEYS;
    size_t best_distance = slips_allowed(name) + 1;

    for (enum config_key key = 0; key < CONFIG_KEYS; key++) {
        const struct config_row *row = &config_rows[key];
        if (!slice_equal(section, slice_of_text(row->section)))
            continue;
        size_t apart = distance(name, row->name);
        if (apart < best_distance) {
            best = key;
            best_distance = apart;
        }
    }
    /* The right word under the wrong heading. */
    for (enum config_key key = 0; best == CONFIG_KEYS && key < CONFIG_KEYS; key++) {
        if (distance(name, config_rows[key].name) == 0)
            best = key;
    }
    return best;
}

const char *config_nearest_section(struct slice section)
{
    const char *best = NULL;
    size_t best_distance = slips_allowed(section) + 1;

    for (enum config_key key = 0; key < CONFIG_KEYS; key++) {
        size_t apart = distance(section, config_rows[key].section);
        if (apart < best_distance) {
            best = config_rows[key].section;
            best_distance = apart;
        }
    }
    return best;
}

void config_variable(enum config_key key, char name_out[CONFIG_VARIABLE_BYTES])
{
    int len = snprintf(name_out, CONFIG_VARIABLE_BYTES, "GATEPOST_%s_%s", config_rows[key].section,
                       config_rows[key].name);

    BUG_ON(len < 0 || len >= CONFIG_VARIABLE_BYTES);
    for (char *at = name_out; *at != '\0'; at++)
        *at = (char)toupper((unsigned char)*at);
}

static void *field(struct config *config, enum config_key key)
{
    return (char *)config + config_rows[key].offset;
}

const char **config_text_field(struct config *config, enum config_key key)
{
    BUG_ON(config_rows[key].kind > CONFIG_KIND_LIST);
    return field(config, key);
}

int64_t *config_number_field(struct config *config, enum config_key key)
{
    BUG_ON(config_rows[key].kind != CONFIG_KIND_NUMBER &&
           config_rows[key].kind != CONFIG_KIND_CHOICE);
    return field(config, key);
}

bool *config_flag_field(struct config *config, enum config_key key)
{
    BUG_ON(config_rows[key].kind != CONFIG_KIND_FLAG);
    return field(config, key);
}

struct config_rate *config_rate_field(struct config *config, enum config_key key)
{
    BUG_ON(config_rows[key].kind != CONFIG_KIND_RATE);
    return field(config, key);
}

bool config_clean(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return false;
        /* C1 controls, which some terminals obey. */
        if (byte == 0xc2 && i + 1 < text.len && (unsigned char)text.at[i + 1] < 0xa0)
            return false;
    }
    return utf8_valid(text);
}

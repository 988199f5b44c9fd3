/* Does a name mix scripts? UTS #39, sections 5.1 to 5.3.
 *
 * Every character stands for a set of scripts; Common and Inherited stand for all. A set with one
 * of the East Asian scripts also holds the ways of writing that use it together with others
 * (table 1a: Jpan, Hanb, Kore). What all sets of a name share is what it is written in; when they
 * share nothing it is mixed. Beside Latin, those three are allowed: the level "Highly Restrictive",
 * which is what browsers show internationalised domains by. Section 5.3: decimal digits of one
 * system only.
 *
 * What this cannot see is a name that is one script throughout and looks like another (Cyrillic
 * "аррӏе"): that needs the table of confusables, which no library that is used here has. */
#include "gatepost/username.h"

#include "gatepost/encoding.h"

#include <unictype.h>

#define SET_WORDS  4
#define SCRIPT_MAX (SET_WORDS * 64 - 3) /* the last three are the ways of writing */

enum { HANB = SCRIPT_MAX, JPAN, KORE };

struct script_set {
    uint64_t words[SET_WORDS];
};

struct extension {
    uint32_t first;
    uint32_t last;
    const char *scripts; /* their long names, a blank between them */
};

#include "script_extensions.inc"

static void set_add(struct script_set *set, size_t member)
{
    set->words[member / 64] |= 1ULL << (member % 64);
}

static bool set_has(const struct script_set *set, size_t member)
{
    return (set->words[member / 64] >> (member % 64) & 1) != 0;
}

static void set_intersect(struct script_set *set, const struct script_set *other)
{
    for (size_t i = 0; i < SET_WORDS; i++)
        set->words[i] &= other->words[i];
}

static bool set_is_empty(const struct script_set *set)
{
    uint64_t all = 0;

    for (size_t i = 0; i < SET_WORDS; i++)
        all |= set->words[i];
    return all == 0;
}

static struct script_set every_script(void)
{
    struct script_set set;

    memset(&set, 0xff, sizeof(set));
    return set;
}

static bool is_named(const uc_script_t *script, const char *name)
{
    return strcmp(script->name, name) == 0;
}

static size_t number_of(const uc_script_t *script)
{
    const uc_script_t *all;
    size_t count;

    uc_all_scripts(&all, &count);
    BUG_ON(count > SCRIPT_MAX);
    return (size_t)(script - all);
}

static void add_script(struct script_set *set, const uc_script_t *script)
{
    if (is_named(script, "Common") || is_named(script, "Inherited")) {
        *set = every_script();
        return;
    }
    set_add(set, number_of(script));
    if (is_named(script, "Han") || is_named(script, "Bopomofo"))
        set_add(set, HANB);
    if (is_named(script, "Han") || is_named(script, "Hiragana") || is_named(script, "Katakana"))
        set_add(set, JPAN);
    if (is_named(script, "Han") || is_named(script, "Hangul"))
        set_add(set, KORE);
}

/* False when the character is used in its one script only. */
static bool add_extensions(struct script_set *set, uint32_t point)
{
    char name[32];

    for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
        const char *at = extensions[i].scripts;

        if (point < extensions[i].first || point > extensions[i].last)
            continue;
        while (*at != '\0') {
            size_t len = strcspn(at, " ");

            BUG_ON(!slice_to_text(slice_of(at, len), name, sizeof(name)));
            const uc_script_t *script = uc_script_byname(name);
            if (script != NULL)
                add_script(set, script);
            at += len + strspn(at + len, " ");
        }
        return true;
    }
    return false;
}

static struct script_set scripts_of(uint32_t point)
{
    struct script_set set = {{0}};
    const uc_script_t *script = uc_script(point);

    if (!add_extensions(&set, point) && script != NULL)
        add_script(&set, script);
    return set;
}

bool username_single_script(struct slice name)
{
    const uc_script_t *latin_script = uc_script_byname("Latin");
    BUG_ON(latin_script == NULL);
    const size_t latin = number_of(latin_script);
    struct script_set shared = every_script();
    struct script_set shared_beside_latin = every_script();
    uint32_t zero = 0; /* of the digits that were seen */

    while (name.len > 0) {
        uint32_t point = utf8_next(&name);
        struct script_set set = scripts_of(point);
        int digit = uc_decimal_value(point);

        set_intersect(&shared, &set);
        if (!set_has(&set, latin))
            set_intersect(&shared_beside_latin, &set);
        if (digit < 0)
            continue;
        if (zero != 0 && zero != point - (uint32_t)digit)
            return false;
        zero = point - (uint32_t)digit;
    }
    return !set_is_empty(&shared) || set_has(&shared_beside_latin, HANB) ||
           set_has(&shared_beside_latin, JPAN) || set_has(&shared_beside_latin, KORE);
}

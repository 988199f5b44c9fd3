/* Loading the letters: every file of every language is read and put together, once; then a letter
 * of each is made with the largest values there are, for one that would not fit at night is better
 * refused now. That takes most of the time, so it is done only where an operator has letters. */
#include "set.h"

#include <stdio.h>
#include <stdlib.h>

#include "built_in.h"

/* ---- choosing -----------------------------------------------------------------------------------
 */

/* RFC 4647, section 3.4: the longest of our tags that covers the one that is asked for. */
static size_t find_language(const struct letter_set *set, const char *tag)
{
    size_t found = set->count, found_len = 0;

    for (size_t i = 0; i < set->count; i++) {
        size_t len = strlen(set->languages[i].tag);
        if (len > found_len && language_covers(set->languages[i].tag, tag)) {
            found = i;
            found_len = len;
        }
    }
    return found;
}

const struct letter_language *letter_set_language(const struct letter_set *set, const char *tag)
{
    size_t found = find_language(set, tag);

    return &set->languages[found < set->count ? found : set->fallback];
}

/* ---- loading ------------------------------------------------------------------------------------
 */

static const struct source *get_of(struct letter_set *set, const char *tag, const char *stem,
                                   const char *ending)
{
    char path[128];

    snprintf(path, sizeof(path), "%s%s%s.%s", tag, tag[0] != '\0' ? "/" : "", stem, ending);
    return sources_get(&set->sources, path);
}

/* What all letters are put together with. */
struct shared {
    const struct source *layouts[PART_COUNT];
    const struct source *blocks[PART_COUNT][BLOCK_COUNT];
};

static const char *const endings[PART_COUNT] = {
    [PART_SUBJECT] = "subject",
    [PART_TEXT] = "txt",
    [PART_HTML] = "html",
};

static struct shared load_shared(struct letter_set *set)
{
    struct shared shared = {0};

    for (enum part part = PART_TEXT; part < PART_COUNT; part++) {
        shared.layouts[part] = get_of(set, "", "layout", endings[part]);
        shared.blocks[part][BLOCK_BUTTON] = get_of(set, "", "button", endings[part]);
        shared.blocks[part][BLOCK_NOTE] = get_of(set, "", "note", endings[part]);
    }
    return shared;
}

static void load_language(struct letter_set *set, struct letter_language *language,
                          const struct shared *shared)
{
    for (uint8_t purpose = 0; purpose < MAIL_PURPOSE_END; purpose++) {
        const char *name = mail_purpose_name(purpose);
        const struct source *contents[PART_COUNT];

        if (name == NULL)
            continue;
        for (enum part part = PART_SUBJECT; part < PART_COUNT; part++)
            contents[part] = get_of(set, language->tag, name, endings[part]);
        for (enum part part = PART_SUBJECT; part < PART_COUNT; part++) {
            struct assembly assembly = {
                .part = part,
                .has_link = mail_purpose_has_link(purpose),
                .language = slice_of_text(language->tag),
                .layout = shared->layouts[part],
                .content = contents[part],
                .title = contents[PART_SUBJECT],
            };
            memcpy(assembly.blocks, shared->blocks[part], sizeof(assembly.blocks));
            language->parts[purpose][part] = template_make(&assembly, set->sources.problems);
        }
    }
}

static void load_all(struct letter_set *set)
{
    char tags[LANGUAGES_MAX][LANGUAGE_TAG_BYTES];

    for (set->count = 0; set->count < BUILT_IN_LANGUAGES; set->count++)
        snprintf(tags[set->count], LANGUAGE_TAG_BYTES, "%s", built_in_languages[set->count]);
    if (set->sources.dir[0] != '\0')
        sources_scan(&set->sources, tags, &set->count);
    set->languages = xcalloc(set->count, sizeof(struct letter_language));
    const struct shared shared = load_shared(set);
    for (size_t i = 0; i < set->count; i++) {
        memcpy(set->languages[i].tag, tags[i], LANGUAGE_TAG_BYTES);
        load_language(set, &set->languages[i], &shared);
    }
}

/* ---- checking -----------------------------------------------------------------------------------
 */

static void fill_name(char *name, size_t bytes, const char *with)
{
    size_t len = strlen(with);

    for (size_t i = 0; i + len < bytes; i += len)
        memcpy(name + i, with, len);
}

static bool fits(const struct letter_set *set, const char *tag, uint8_t purpose, const char *filler)
{
    static char text[LETTER_MAX_BYTES];
    char name[LETTER_NAME_MAX_BYTES + 1] = "", to[255] = "", link[LETTER_LINK_MAX_BYTES] = "";
    const struct letter_head head = {
        .from = to, .public_url = "https://id.example.org", .letters = set};
    const struct letter letter = {
        .purpose = purpose, .to = to, .name = name, .language = tag, .link = link};
    size_t len;

    fill_name(name, sizeof(name), filler);
    fill_name(to, sizeof(to), "a");
    to[64] = '@';
    fill_name(link, sizeof(link), "a");
    return letter_compose(&head, &letter, LETTER_MESSAGE, text, sizeof(text), &len);
}

/* The name is what others choose: of markup, or of characters that take twelve bytes each. */
static void check_sizes(struct letter_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        for (uint8_t purpose = 0; purpose < MAIL_PURPOSE_END; purpose++) {
            const char *name = mail_purpose_name(purpose);
            if (name == NULL || (fits(set, set->languages[i].tag, purpose, "\"") &&
                                 fits(set, set->languages[i].tag, purpose, "\xf0\x9f\x98\x80")))
                continue;
            problem_tell(set->sources.problems,
                         get_of(set, set->languages[i].tag, name, endings[PART_HTML]), NULL,
                         "with the longest name this letter would have over %d bytes",
                         LETTER_MAX_BYTES);
        }
    }
}

static void check_fallback(struct letter_set *set, const char *language)
{
    struct problems *problems = set->sources.problems;

    set->fallback = find_language(set, language);
    if (set->fallback < set->count)
        return;
    set->fallback = 0;
    problems->count++;
    problems->told = xrealloc(problems->told, problems->count * sizeof(char *));
    problems->told[problems->count - 1] = xstrdup("");
    problems->tell(problems->context, "mail.language", "there are no letters in that language");
}

struct letter_set *letter_set_load(const char *dir, const char *language, letter_problem_fn problem,
                                   void *context)
{
    struct problems problems = {.tell = problem, .context = context};
    struct letter_set *set = xcalloc(1, sizeof(*set));

    set->sources = (struct sources){.dir = dir, .problems = &problems};
    load_all(set);
    check_fallback(set, language);
    /* The built-in letters alone are the same in every start, and a test composes them all. */
    if (problems.count == 0 && dir[0] != '\0')
        check_sizes(set);
    if (problems.count > 0)
        letter_set_free(&set);
    else
        set->sources.problems = NULL;
    for (size_t i = 0; i < problems.count; i++)
        free(problems.told[i]);
    free(problems.told);
    return set;
}

void letter_set_free(struct letter_set **set)
{
    if (*set == NULL)
        return;
    for (size_t i = 0; i < (*set)->count; i++) {
        for (size_t purpose = 0; purpose < MAIL_PURPOSE_END; purpose++) {
            for (size_t part = 0; part < PART_COUNT; part++)
                template_free(&(*set)->languages[i].parts[purpose][part]);
        }
    }
    free((*set)->languages);
    sources_free(&(*set)->sources);
    free(*set);
    *set = NULL;
}

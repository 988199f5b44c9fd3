/* From files to pieces.
 *
 * A part is read as one text: the layout, where it says {content} the letter's own file, where that
 * says {button: ...} the button's, where that says {words} what stood behind the colon. So the
 * place of every value is known from all that stands before it, in whichever file. Files nest no
 * deeper than that, for each may name only what is one level below. */
#include "template.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/encoding.h"

#define PROBLEMS_MAX 100

/* What a file may name beside values. */
enum level { LEVEL_LAYOUT, LEVEL_CONTENT, LEVEL_BLOCK, LEVEL_WORDS, LEVEL_TITLE };

struct maker {
    const struct assembly *assembly;
    struct problems *problems;
    struct template made;
    size_t room;
    struct html_reader html;
    const struct source *words_source; /* while a block is read */
    struct slice words;
    bool content_read;
    bool words_read;
    bool line_begun;    /* of a text part: something stands before on this line */
    bool link_pending;  /* a link began its line; does it end it too? */
    bool link_is_alone; /* one did */
    bool link_opens;    /* of an HTML part: one is the whole of an attribute */
};

struct reading {
    const struct source *source;
    enum level level;
};

static void read_template(struct maker *maker, struct reading reading, struct slice text);
static void read_whole(struct maker *maker, struct reading reading, struct slice text);

/* ---- problems ---------------------------------------------------------------------------------
 */

static bool was_told(struct problems *problems, const char *line)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (strcmp(problems->told[i], line) == 0)
            return true;
    }
    return false;
}

void problem_tell(struct problems *problems, const struct source *source, const char *at,
                  const char *format, ...)
{
    char sentence[256], where[512], line[sizeof(where) + sizeof(sentence) + 2];
    size_t number = 1;
    va_list args;

    problems->is_fresh = true;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    for (const char *c = source->text.at; at != NULL && c < at; c++)
        number += *c == '\n';
    snprintf(where, sizeof(where), "%s:%zu", source->where, number);
    snprintf(line, sizeof(line), "%s: %s", where, sentence);
    if (problems->count == PROBLEMS_MAX || was_told(problems, line))
        return;
    problems->told = xrealloc(problems->told, (problems->count + 1) * sizeof(char *));
    problems->told[problems->count++] = xstrdup(line);
    problems->tell(problems->context, where, sentence);
}

/* ---- pieces -----------------------------------------------------------------------------------
 */

static void add_piece(struct maker *maker, enum letter_value value, enum place place,
                      struct slice text)
{
    struct template *made = &maker->made;

    if (made->count == maker->room) {
        maker->room = maker->room == 0 ? 16 : 2 * maker->room;
        made->pieces = xrealloc(made->pieces, maker->room * sizeof(struct piece));
    }
    made->pieces[made->count++] =
        (struct piece){.value = (uint8_t)value, .place = (uint8_t)place, .text = text};
}

/* Is a link alone on its line? For whoever reads the text: nothing of a sentence is part of it. */
static void follow_lines(struct maker *maker, struct slice text)
{
    if (text.len == 0)
        return;
    if (maker->link_pending && text.at[0] == '\n')
        maker->link_is_alone = true;
    maker->link_pending = false;
    maker->line_begun = text.at[text.len - 1] != '\n';
}

static void add_text(struct maker *maker, const struct reading *reading, struct slice text)
{
    bool escaped = reading->level == LEVEL_TITLE && maker->assembly->part == PART_HTML;

    if (text.len == 0)
        return;
    if (maker->assembly->part == PART_HTML && !escaped)
        html_read(&maker->html, text);
    follow_lines(maker, text);
    add_piece(maker, VALUE_NONE, escaped ? PLACE_HTML : PLACE_RAW, text);
}

static void add_value(struct maker *maker, const struct reading *reading, enum letter_value value,
                      const char *at)
{
    enum place place = PLACE_TEXT;
    bool was_begun = maker->html.value_begun;

    if (maker->assembly->part == PART_HTML && !html_place(&maker->html, value, &place)) {
        problem_tell(maker->problems, reading->source, at,
                     "a value may stand in text, or quoted in href, src, alt, title or aria-label; "
                     "in href and src only {link} may be the beginning");
        return;
    }
    if (value == VALUE_LINK && maker->assembly->part == PART_HTML)
        maker->link_opens |= !html_is_over(&maker->html) && !was_begun && maker->html.value_begun;
    maker->link_pending = value == VALUE_LINK && !maker->line_begun;
    maker->line_begun = true;
    add_piece(maker, value, place, slice_of(NULL, 0));
}

/* ---- names ------------------------------------------------------------------------------------
 */

static const char *const value_names[VALUE_COUNT] = {
    [VALUE_NAME] = "name", [VALUE_TO] = "to",       [VALUE_SITE] = "site",
    [VALUE_WHEN] = "when", [VALUE_UNTIL] = "until", [VALUE_LINK] = "link",
};
static const char *const block_names[BLOCK_COUNT] = {
    [BLOCK_BUTTON] = "button",
    [BLOCK_NOTE] = "note",
};

static size_t find_name(const char *const *names, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] != NULL && slice_equal(name, slice_of_text(names[i])))
            return i;
    }
    return count;
}

/* A file's last line end is the file's, not the letter's. */
static struct slice body_of(const struct source *source)
{
    struct slice text = source->text;

    if (text.len > 0 && text.at[text.len - 1] == '\n')
        text.len--;
    return text;
}

/* {content}, {title}, {language}, {words}: true when the name was one that this file may use. */
static bool read_structure(struct maker *maker, const struct reading *reading, struct slice name)
{
    const struct assembly *assembly = maker->assembly;
    bool in_layout = reading->level == LEVEL_LAYOUT;

    if (reading->level == LEVEL_BLOCK && slice_equal(name, SLICE_LITERAL("words"))) {
        maker->words_read = true;
        read_whole(maker, (struct reading){maker->words_source, LEVEL_WORDS}, maker->words);
    } else if (in_layout && slice_equal(name, SLICE_LITERAL("content"))) {
        maker->content_read = true;
        read_whole(maker, (struct reading){assembly->content, LEVEL_CONTENT},
                   body_of(assembly->content));
    } else if (in_layout && slice_equal(name, SLICE_LITERAL("title"))) {
        read_template(maker, (struct reading){assembly->title, LEVEL_TITLE},
                      body_of(assembly->title));
    } else if (in_layout && slice_equal(name, SLICE_LITERAL("language"))) {
        add_text(maker, reading, assembly->language);
    } else {
        return false;
    }
    return true;
}

/* Of a name in a problem: what is no name is not printed. */
static int name_len(struct slice name)
{
    int len = 0;

    while (len < 40 && (size_t)len < name.len &&
           (name.at[len] == '_' || (name.at[len] >= 'a' && name.at[len] <= 'z')))
        len++;
    return len;
}

static void read_name(struct maker *maker, const struct reading *reading, struct slice name,
                      const char *at)
{
    size_t value = find_name(value_names, VALUE_COUNT, name);
    bool of_link = value == VALUE_LINK || value == VALUE_UNTIL;

    if (value == VALUE_COUNT && read_structure(maker, reading, name))
        return;
    if (value == VALUE_COUNT)
        problem_tell(maker->problems, reading->source, at,
                     "there is no {%.*s} here; a brace itself is written {{", name_len(name),
                     name.at);
    else if (of_link && !maker->assembly->has_link)
        problem_tell(maker->problems, reading->source, at,
                     "{%s}: a letter of this purpose has no link", value_names[value]);
    else if ((value == VALUE_LINK || value == VALUE_NAME) && reading->level == LEVEL_TITLE)
        problem_tell(maker->problems, reading->source, at, "a subject has no {%s}",
                     value_names[value]);
    else
        add_value(maker, reading, (enum letter_value)value, at);
}

/* {button: words} */
static void read_block(struct maker *maker, const struct reading *reading, struct slice name,
                       struct slice words, const char *at)
{
    size_t block = find_name(block_names, BLOCK_COUNT, name);

    while (words.len > 0 && (words.at[0] == ' ' || words.at[0] == '\n')) {
        words.at++;
        words.len--;
    }
    if (block == BLOCK_COUNT || reading->level != LEVEL_CONTENT ||
        maker->assembly->part == PART_SUBJECT) {
        problem_tell(maker->problems, reading->source, at,
                     "there is no {%.*s: ...} here; a brace itself is written {{", name_len(name),
                     name.at);
        return;
    }
    if (block == BLOCK_BUTTON && !maker->assembly->has_link) {
        problem_tell(maker->problems, reading->source, at,
                     "{button: ...}: a letter of this purpose has no link");
        return;
    }
    const struct source *source = maker->assembly->blocks[block];
    maker->words = words;
    maker->words_source = reading->source;
    maker->words_read = false;
    read_whole(maker, (struct reading){source, LEVEL_BLOCK}, body_of(source));
    if (!maker->words_read)
        problem_tell(maker->problems, source, NULL, "{words} is missing");
}

/* ---- text -------------------------------------------------------------------------------------
 */

/* How long what stands in braces is, without them; text begins behind the first. SIZE_MAX: it does
 * not end. In a block's words there may be names in braces, and {{. */
static size_t braced_len(struct slice text)
{
    size_t depth = 1;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '{' && i + 1 < text.len && text.at[i + 1] == '{')
            i++;
        else if (text.at[i] == '{')
            depth++;
        else if (text.at[i] == '}' && --depth == 0)
            return i;
    }
    return SIZE_MAX;
}

static void read_braces(struct maker *maker, const struct reading *reading, struct slice inside)
{
    const char *colon = memchr(inside.at, ':', inside.len);
    size_t name_len = colon != NULL ? (size_t)(colon - inside.at) : inside.len;
    struct slice name = slice_of(inside.at, name_len);

    if (colon == NULL)
        read_name(maker, reading, name, inside.at);
    else
        read_block(maker, reading, name, slice_of(colon + 1, inside.len - name_len - 1), inside.at);
}

/* A file, or a block's words, in a place of their own: what begins there ends there. */
static void read_whole(struct maker *maker, struct reading reading, struct slice text)
{
    bool was_over = html_is_over(&maker->html);

    read_template(maker, reading, text);
    if (!was_over || html_is_over(&maker->html))
        return;
    if (!maker->problems->is_fresh) /* else it may follow from that */
        problem_tell(maker->problems, reading.source, NULL,
                     html_has_script(&maker->html) ? "a letter has no <script>"
                                                   : "a tag, comment or <style> does not end");
    maker->html = (struct html_reader){0}; /* or it would be told of all that comes after it */
}

static void read_template(struct maker *maker, struct reading reading, struct slice text)
{
    while (text.len > 0) {
        const char *brace = memchr(text.at, '{', text.len);
        size_t plain = brace != NULL ? (size_t)(brace - text.at) : text.len;
        bool doubled = plain + 1 < text.len && text.at[plain + 1] == '{';
        size_t taken = plain + doubled; /* of "{{" the first is the text's */

        add_text(maker, &reading, slice_of(text.at, taken));
        text = slice_of(text.at + taken, text.len - taken);
        if (text.len == 0)
            return;
        text = slice_of(text.at + 1, text.len - 1); /* the brace, or the second of two */
        if (doubled)
            continue;
        size_t len = braced_len(text);
        if (len == SIZE_MAX) {
            problem_tell(maker->problems, reading.source, text.at,
                         "this brace is not closed; a brace itself is written {{");
            return;
        }
        read_braces(maker, &reading, slice_of(text.at, len));
        text = slice_of(text.at + len + 1, text.len - len - 1);
    }
}

/* ---- the part ---------------------------------------------------------------------------------
 */

static void check_subject(const struct maker *maker)
{
    const struct source *source = maker->assembly->content;
    struct slice text = body_of(source);

    if (text.len == 0)
        problem_tell(maker->problems, source, NULL, "a subject must not be empty");
    else if (memchr(text.at, '\n', text.len) != NULL || memchr(text.at, '\t', text.len) != NULL)
        problem_tell(maker->problems, source, NULL, "a subject must be one line without tabs");
    else if (text.len > SUBJECT_MAX_BYTES)
        problem_tell(maker->problems, source, NULL, "a subject must have %d bytes at most",
                     SUBJECT_MAX_BYTES);
}

static void check_end(const struct maker *maker)
{
    const struct assembly *assembly = maker->assembly;

    if (assembly->part == PART_SUBJECT) {
        check_subject(maker);
    } else if (!maker->content_read) {
        problem_tell(maker->problems, assembly->layout, NULL, "{content} is missing");
    } else if (assembly->part == PART_HTML) {
        if (assembly->has_link && !maker->link_opens)
            problem_tell(maker->problems, assembly->content, NULL,
                         "there is neither {button: ...} nor href=\"{link}\" in this letter");
    } else if (assembly->has_link && !maker->link_is_alone && !maker->link_pending) {
        problem_tell(maker->problems, assembly->content, NULL,
                     "there is neither {button: ...} nor {link} alone on a line in this letter");
    }
}

static bool is_bad(const struct assembly *assembly)
{
    bool bad = assembly->content->is_bad || assembly->title->is_bad ||
               (assembly->layout != NULL && assembly->layout->is_bad);

    for (size_t i = 0; assembly->layout != NULL && i < BLOCK_COUNT; i++)
        bad |= assembly->blocks[i]->is_bad;
    return bad;
}

struct template template_make(const struct assembly *assembly, struct problems *problems)
{
    struct maker maker = {.assembly = assembly, .problems = problems};
    const struct source *first = assembly->layout != NULL ? assembly->layout : assembly->content;

    problems->is_fresh = false;
    if (is_bad(assembly))
        return maker.made;
    read_whole(&maker,
               (struct reading){first, assembly->layout != NULL ? LEVEL_LAYOUT : LEVEL_TITLE},
               body_of(first));
    if (!problems->is_fresh) /* else it would be told what follows from that */
        check_end(&maker);
    return maker.made;
}

void template_free(struct template *template)
{
    free(template->pieces);
    *template = (struct template){0};
}

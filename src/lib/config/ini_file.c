/* The door to libinih: from the text of a file to values.
 *
 * libinih splits and strips; what it would take in silence, or report without a line, is refused
 * before it sees it. Measured on Debian's libinih1 55: it reads by lines of 200 bytes and takes the
 * rest of a longer one for the next line; it drops what follows "[section]"; it cuts section names
 * at 50 bytes; it takes an indented line for the value of the key before it, "a:b" for a key, "=x"
 * for a key without a name, and " ;" for a comment inside a value; of several errors it returns the
 * line of the first. Hence our reader, which counts lines, looks at each one and hands libinih an
 * empty line, or an unknown section, in place of a bad one. */
#include "reading.h"

#include <ini.h>
#include <stdio.h>

#define LINE_MAX_BYTES (CONFIG_VALUE_MAX + 256)

struct ini_reading {
    struct reading *reading;
    const char *name;
    struct slice rest; /* of the content */
    int line;          /* the line that libinih has in hand, from 1 */
    int first_line[CONFIG_KEYS];
};

static const char *where(const struct ini_reading *ini, char text_out[CONFIG_WHERE_BYTES])
{
    (void)snprintf(text_out, CONFIG_WHERE_BYTES, "%s:%d", ini->name, ini->line);
    return text_out;
}

static bool section_line_fits(const struct ini_reading *ini, struct slice line)
{
    char place[CONFIG_WHERE_BYTES];
    const char *end = memchr(line.at, ']', line.len);
    struct slice section;
    struct slice rest;
    const char *near;

    if (end == NULL) {
        config_complain(ini->reading, where(ini, place), "the section has no ']'");
        return false;
    }
    section = slice_of(line.at + 1, (size_t)(end - line.at) - 1);
    rest = slice_trimmed(slice_of(end + 1, line.len - section.len - 2));
    if (rest.len > 0) {
        config_complain(ini->reading, where(ini, place),
                        "nothing may follow the section on its line");
        return false;
    }
    if (config_section_exists(section))
        return true;
    near = config_nearest_section(section);
    config_complain(ini->reading, where(ini, place), "there is no section [%.*s]%s%s%s",
                    section.len > 60 ? 60 : (int)section.len, section.at,
                    near == NULL ? "" : "; did you mean [", near == NULL ? "" : near,
                    near == NULL ? "" : "]?");
    return true; /* libinih must know that another section began */
}

static bool line_fits(const struct ini_reading *ini, struct slice line)
{
    char place[CONFIG_WHERE_BYTES];
    const char *equals;
    size_t name_len;

    if (line.len > LINE_MAX_BYTES) {
        config_complain(ini->reading, where(ini, place), "the line is longer than %d bytes",
                        LINE_MAX_BYTES);
        return false;
    }
    if (!config_clean(line)) {
        config_complain(ini->reading, where(ini, place),
                        "the line holds control characters or is not UTF-8");
        return false;
    }
    line = slice_trimmed(line);
    if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';')
        return true;
    if (line.at[0] == '[')
        return section_line_fits(ini, line);
    equals = memchr(line.at, '=', line.len);
    name_len = equals == NULL ? line.len : (size_t)(equals - line.at);
    if (equals == NULL || memchr(line.at, ':', name_len) != NULL) {
        config_complain(ini->reading, where(ini, place),
                        "there is no '=' after the key; a line is \"key = value\"");
        return false;
    }
    if (name_len == 0) {
        config_complain(ini->reading, where(ini, place), "there is no key before the '='");
        return false;
    }
    return true;
}

/* What stands for a heading that could not be read: the keys below it are nobody's, and must not
 * be taken for those of the section before. */
#define NO_SECTION "[?]"

static bool begins_section(struct slice line)
{
    line = slice_trimmed(line);
    return line.len > 0 && line.at[0] == '[';
}

/* ini_reader: one line for libinih, in the place of fgets. */
static char *read_line(char *line_out, int room, void *context)
{
    struct ini_reading *ini = context;
    const char *newline;
    struct slice line;

    if (ini->rest.len == 0)
        return NULL;
    ini->line++;
    newline = memchr(ini->rest.at, '\n', ini->rest.len);
    line =
        slice_of(ini->rest.at, newline == NULL ? ini->rest.len : (size_t)(newline - ini->rest.at));
    ini->rest =
        newline == NULL ? slice_of("", 0) : slice_of(newline + 1, ini->rest.len - line.len - 1);
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    if (!line_fits(ini, line))
        line = begins_section(line) ? SLICE_LITERAL(NO_SECTION) : slice_of("", 0);
    BUG_ON(line.len >= (size_t)room);
    if (line.len > 0)
        memcpy(line_out, line.at, line.len);
    line_out[line.len] = '\0';
    return line_out;
}

static void complain_unknown(const struct ini_reading *ini, const char *section, const char *name)
{
    char place[CONFIG_WHERE_BYTES];
    enum config_key near = config_nearest_key(slice_of_text(section), slice_of_text(name));

    if (section[0] == '\0')
        config_complain(ini->reading, where(ini, place),
                        "\"%.60s\" stands before the first [section]", name);
    else if (near == CONFIG_KEYS)
        config_complain(ini->reading, where(ini, place), "there is no key %s.%.60s", section, name);
    else
        config_complain(ini->reading, where(ini, place),
                        "there is no key %s.%.60s; did you mean %s.%s?", section, name,
                        config_rows[near].section, config_rows[near].name);
}

/* ini_handler: returns 1, since problems have been told by then. */
static int on_pair(void *context, const char *section, const char *name, const char *value)
{
    struct ini_reading *ini = context;
    char place[CONFIG_WHERE_BYTES];
    enum config_key key = config_find(slice_of_text(section), slice_of_text(name));

    if (key == CONFIG_KEYS) {
        /* An unknown section was told once, at its line. */
        if (section[0] == '\0' || config_section_exists(slice_of_text(section)))
            complain_unknown(ini, section, name);
        return 1;
    }
    if (ini->first_line[key] != 0) {
        config_complain(ini->reading, where(ini, place), "%s.%s was set before, in line %d",
                        section, name, ini->first_line[key]);
        return 1;
    }
    ini->first_line[key] = ini->line;
    config_set(ini->reading, key, where(ini, place), slice_of_text(value), CONFIG_DIALECT_FILE);
    return 1;
}

void config_read_ini(struct reading *reading, const char *name, struct slice content)
{
    struct ini_reading ini = {.reading = reading, .name = name, .rest = content};
    size_t problems = reading->problems;
    int bad_line;

    /* The library's switches are its variables; nothing else in the process uses it. */
    ini_use_stack = false;
    ini_initial_alloc = LINE_MAX_BYTES + 3;
    ini_max_line = LINE_MAX_BYTES + 3;
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;

    if (content.len >= 3 && memcmp(content.at, "\xef\xbb\xbf", 3) == 0)
        ini.rest = slice_of(content.at + 3, content.len - 3);
    bad_line = ini_parse_stream(read_line, &ini, on_pair, &ini);
    if (bad_line != 0 && reading->problems == problems) {
        ini.line = bad_line;
        char place[CONFIG_WHERE_BYTES];
        config_complain(reading, where(&ini, place), "libinih cannot read this line");
    }
}

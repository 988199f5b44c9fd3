/* Templates of any bytes: refused with a place that is in the file, or filled so that no value adds
 * a line, a tag or a quote to what the template says. */
#include "gatepost/encoding.h"
#include "lib/letter/template.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum role { ROLE_LAYOUT, ROLE_BUTTON, ROLE_NOTE, ROLE_CONTENT, ROLE_SUBJECT, ROLES };

static const char *const html_files[ROLES] = {
    "<html lang=\"{language}\"><style>p {{ }</style><title>{title}</title>{content}<i>{site}</i>",
    "<a href=\"{link}\">{words}</a>",
    "<p>{words}</p>",
    "{button: go}{note: {to}}{name}{until}",
    "A & B {site} <{when}>",
};
static const char *const text_files[ROLES] = {
    "{content}\n{site}", "{words}\n{link}\n", "{words}", "{button: go}\n{note: {to}}{name}{until}",
    "A {site} {when}",
};

static void on_problem(void *context, const char *where, const char *sentence)
{
    unsigned long line = strtoul(strrchr(where, ':') + 1, NULL, 10);

    BUG_ON(*(size_t *)context != 0 && line > *(size_t *)context);
    BUG_ON(line == 0 || sentence[0] == '\0');
    for (const char *c = sentence; *c != '\0'; c++)
        BUG_ON((unsigned char)*c < 0x20);
}

static size_t count_of(struct slice text, char c)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == c;
    return count;
}

static struct slice fill(const struct template *template, const char *name, char *text,
                         size_t bytes)
{
    const struct slice values[VALUE_COUNT] = {
        [VALUE_NAME] = slice_of_text(name),
        [VALUE_TO] = SLICE_LITERAL("anna@example.com"),
        [VALUE_SITE] = SLICE_LITERAL("example.org"),
        [VALUE_WHEN] = SLICE_LITERAL("now"),
        [VALUE_UNTIL] = SLICE_LITERAL("then"),
        [VALUE_LINK] = SLICE_LITERAL("https://example.org/?a=1&b=2"),
    };
    struct packer out = packer_over(text, bytes);

    template_fill(template, values, &out);
    BUG_ON(out.overflow);
    return packer_slice(&out);
}

static void compare(const struct template *template, enum part part)
{
    static char first[1 << 20], second[1 << 20];
    struct slice tame = fill(template, "anna", first, sizeof(first));
    struct slice wild =
        fill(template, "<a href=\"x\">'&--></style>\r\n\xe2\x80\xa8{link}", second, sizeof(second));
    struct html_reader reader = {0};

    BUG_ON(count_of(tame, '\n') != count_of(wild, '\n') ||
           count_of(wild, '\r') != count_of(tame, '\r'));
    if (part == PART_SUBJECT)
        BUG_ON(tame.len != wild.len || memcmp(tame.at, wild.at, tame.len) != 0);
    if (part != PART_HTML)
        return;
    for (const char *c = "<>\"'"; *c != '\0'; c++)
        BUG_ON(count_of(tame, *c) != count_of(wild, *c));
    html_read(&reader, wild);
    BUG_ON(!html_is_over(&reader));
}

static void try_part(enum part part, enum role role, bool has_link, struct slice text)
{
    const char *const *files = part == PART_HTML ? html_files : text_files;
    struct source sources[ROLES];
    size_t lines = count_of(text, '\n') + 1;
    struct problems problems = {.tell = on_problem, .context = &lines};
    struct assembly assembly = {
        .part = part,
        .has_link = has_link,
        .language = SLICE_LITERAL("de"),
        .layout = part == PART_SUBJECT ? NULL : &sources[ROLE_LAYOUT],
        .blocks = {&sources[ROLE_BUTTON], &sources[ROLE_NOTE]},
        .content = &sources[part == PART_SUBJECT ? ROLE_SUBJECT : ROLE_CONTENT],
        .title = &sources[ROLE_SUBJECT],
    };

    for (enum role i = ROLE_LAYOUT; i < ROLES; i++)
        sources[i] = (struct source){.where = "file", .text = slice_of_text(files[i])};
    sources[role].text = text;
    if (lines < 8) /* the other files have no more */
        lines = 8;
    struct template template = template_make(&assembly, &problems);
    if (problems.count == 0)
        compare(&template, part);
    template_free(&template);
    for (size_t i = 0; i < problems.count; i++)
        free(problems.told[i]);
    free(problems.told);
}

/* The first byte: which file of which part; the rest is the file. Only UTF-8 comes so far. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0 || len > 4096 || !utf8_valid(slice_of(bytes + 1, len - 1)))
        return 0;
    char *copy = xcalloc(1, len); /* without a byte behind it */
    memcpy(copy, bytes + 1, len - 1);
    struct slice text = slice_of(copy, len - 1);
    enum role role = (enum role)(bytes[0] % ROLES);
    bool has_link = (bytes[0] & 128) == 0;

    try_part(PART_TEXT, role, has_link, text);
    try_part(PART_HTML, role, has_link, text);
    if (role == ROLE_SUBJECT)
        try_part(PART_SUBJECT, role, has_link, text);
    free(copy);
    return 0;
}

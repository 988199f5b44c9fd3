/* Templates: what they may say, and that a value is never more than words where it stands. */
#include "lib/letter/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char told[4096];

static void on_problem(void *context, const char *where, const char *sentence)
{
    size_t len = strlen(told);
    (void)context;
    snprintf(told + len, sizeof(told) - len, "%s: %s\n", where, sentence);
}

static struct source source_of(const char *name, const char *text)
{
    return (struct source){.where = (char *)(uintptr_t)name, .text = slice_of_text(text)};
}

/* One letter's files; NULL: what is plain. */
struct files {
    const char *layout, *button, *note, *content, *subject;
    bool without_link;
};

/* The part made of the files and filled, or "" with what was told. */
static const char *make(enum part part, const struct files *files)
{
    static char text[8192];
    const char *plain = part == PART_HTML ? "<a href=\"{link}\">{words}</a>" : "{words}\n\n{link}";
    struct source layout = source_of("layout", files->layout ? files->layout : "{content}");
    struct source button = source_of("button", files->button ? files->button : plain);
    struct source note = source_of("note", files->note ? files->note : "({words})");
    struct source content = source_of("content", files->content ? files->content : "{button: go}");
    struct source subject = source_of("subject", files->subject ? files->subject : "Subject");
    const struct assembly assembly = {
        .part = part,
        .has_link = !files->without_link,
        .language = SLICE_LITERAL("de"),
        .layout = part == PART_SUBJECT ? NULL : &layout,
        .blocks = {&button, &note},
        .content = part == PART_SUBJECT ? &subject : &content,
        .title = &subject,
    };
    const struct slice values[VALUE_COUNT] = {
        [VALUE_NAME] = SLICE_LITERAL("<\"a'&{x}\n>"),
        [VALUE_TO] = SLICE_LITERAL("a@b.c"),
        [VALUE_SITE] = SLICE_LITERAL("b.c"),
        [VALUE_WHEN] = SLICE_LITERAL("now"),
        [VALUE_UNTIL] = SLICE_LITERAL("then"),
        [VALUE_LINK] = SLICE_LITERAL("https://b.c/?a=1&b=2"),
    };
    struct problems problems = {.tell = on_problem};
    struct packer out = packer_over(text, sizeof(text) - 1);

    told[0] = '\0';
    struct template template = template_make(&assembly, &problems);
    if (problems.count == 0)
        template_fill(&template, values, &out);
    assert_false(out.overflow);
    text[out.len] = '\0';
    template_free(&template);
    for (size_t i = 0; i < problems.count; i++)
        free(problems.told[i]);
    free(problems.told);
    return text;
}

static void expect(enum part part, const struct files *files, const char *text)
{
    const char *made = make(part, files);

    assert_string_equal(told, "");
    assert_string_equal(made, text);
}

static void refuse(enum part part, const struct files *files, const char *problem)
{
    (void)make(part, files);
    if (strncmp(told, problem, strlen(problem)) != 0)
        fail_msg("expected \"%s\", was told \"%s\"", problem, told);
    assert_int_equal(strcspn(told, "\n") + 1, strlen(told));
}

static void test_files_are_put_together_and_values_filled_in(void **state)
{
    (void)state;
    expect(PART_TEXT,
           &(struct files){.layout = "[{title}|{language}|{content}|{site}]\n",
                           .subject = "Hi {to}\n",
                           .content = "x\n{button: do {to}}\n\n{note:\n  {when} {until}}\n"},
           "[Hi a@b.c|de|x\ndo a@b.c\n\nhttps://b.c/?a=1&b=2\n\n(now then)|b.c]");
}

static void test_a_brace_is_doubled_and_a_closing_one_is_itself(void **state)
{
    (void)state;
    expect(PART_TEXT, &(struct files){.content = "{{x} }} {{{{ {note: a {{b} }\n{link}"},
           "{x} }} {{ (a {b) }\nhttps://b.c/?a=1&b=2");
    expect(PART_SUBJECT, &(struct files){.subject = "{{{site}}"}, "{b.c}");
}

static void test_a_value_is_never_read_as_a_template(void **state)
{
    (void)state;
    expect(PART_TEXT, &(struct files){.content = "{name}\n{link}"},
           "<\"a'&{x}\xef\xbf\xbd>\nhttps://b.c/?a=1&b=2");
}

static void test_values_are_escaped_in_html_text_attributes_and_urls(void **state)
{
    (void)state;
    expect(PART_HTML,
           &(struct files){.content =
                               "{button: <b>x</b>} {name} <i title='{name}' "
                               "title = \"{name}\"></i><a href=\"https://d/?n={name}&l={link}\">"},
           "<a href=\"https://b.c/?a=1&amp;b=2\"><b>x</b></a> "
           "&lt;&quot;a&#39;&amp;{x}\xef\xbf\xbd&gt; "
           "<i title='&lt;&quot;a&#39;&amp;{x}\xef\xbf\xbd&gt;' "
           "title = \"&lt;&quot;a&#39;&amp;{x}\xef\xbf\xbd&gt;\"></i>"
           "<a href=\"https://d/?n=%3C%22a%27%26%7Bx%7D%0A%3E"
           "&l=https%3A%2F%2Fb.c%2F%3Fa%3D1%26b%3D2\">");
}

static void test_a_subject_is_escaped_as_a_title(void **state)
{
    (void)state;
    expect(
        PART_HTML,
        &(struct files){.layout = "<title>{title}</title>{content}", .subject = "A <b> & {site}"},
        "<title>A &lt;b&gt; &amp; b.c</title><a href=\"https://b.c/?a=1&amp;b=2\">go</a>");
    expect(PART_SUBJECT, &(struct files){.subject = "A <b> & {site}\n"}, "A <b> & b.c");
}

static void test_a_value_stands_nowhere_else_in_html(void **state)
{
    static const char *const places[] = {
        "<p {name}>",
        "<{name}>",
        "<p title={name}>",
        "<p title= {name}>",
        "<p title=a{name}>",
        "<p style=\"{name}\">",
        "<p onclick=\"{name}\">",
        "<iframe srcdoc=\"{name}\">",
        "<a href=\"{name}\">",
        "<a href='{site}/x'>",
        "<a HREF=\"{to}\">",
        "<!-- {name} -->",
        "<!DOCTYPE {name}>",
        "<style>{name}</style>",
        "<style type=\"text/css\">{name}</style>",
        "<STYLE a>{name}</style>",
        "<style><p>{name}</style>",
        "<p title=\"a\" {name}=\"\">",
        "<p/{name}>",
        "<a href={link}>",
    };
    char content[256], expected[64];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        snprintf(content, sizeof(content), "{button: go}\n%s\n", places[i]);
        snprintf(expected, sizeof(expected), "content:2: a value may stand in text");
        refuse(PART_HTML, &(struct files){.content = content}, expected);
    }
}

static void test_text_goes_on_where_a_tag_a_comment_a_style_end(void **state)
{
    static const char *const befores[] = {
        "<p title='<!--'>",
        "<!-- <p -- > --->",
        "<style>p::before{{content:\"</p>\"}</style>",
        "<br/>",
        "a < b",
        "<p a=b/>",
        "<p a = \"x\"b>",
        "<!DOCTYPE html>",
        "<style></p></STYLE>",
        "<p\na\n=\n'>'\n>",
        "</p>",
        "<b a=>",
        "&lt;style&gt;",
    };
    char content[256];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(befores); i++) {
        snprintf(content, sizeof(content), "{button: go}%s{to}", befores[i]);
        const char *made = make(PART_HTML, &(struct files){.content = content});
        if (told[0] != '\0' || strstr(made, "a@b.c") == NULL)
            fail_msg("%s: %s", befores[i], told);
    }
}

static void test_what_a_file_begins_it_ends(void **state)
{
    (void)state;
    refuse(PART_HTML,
           &(struct files){.content = "{button: go}<p title=\"", .layout = "{content}{site}"},
           "content:1: a tag, comment or <style> does not end");
    refuse(PART_HTML, &(struct files){.content = "{button: <b}"}, "content:1: a tag");
    refuse(PART_HTML, &(struct files){.button = "<a href=\"{link}\">{words}<!--"},
           "button:1: a tag");
    refuse(PART_HTML, &(struct files){.layout = "{content}<style>"}, "layout:1: a tag");
    refuse(PART_HTML, &(struct files){.content = "{button: go}<SCRIPT src=x></script>"},
           "content:1: a letter has no <script>");
}

static void test_what_is_not_there_or_not_there_yet_is_no_name(void **state)
{
    (void)state;
    refuse(PART_TEXT, &(struct files){.content = "{link}\n\n{nam}"},
           "content:3: there is no {nam}");
    refuse(PART_TEXT, &(struct files){.content = "{link}\n{}"}, "content:2: there is no {} here");
    refuse(PART_TEXT, &(struct files){.content = "{link}\n{NAME}"}, "content:2: there is no {}");
    refuse(PART_TEXT, &(struct files){.content = "{link}\n{words}"},
           "content:2: there is no {words}");
    refuse(PART_TEXT, &(struct files){.content = "{link}\n{title}"},
           "content:2: there is no {title}");
    refuse(PART_TEXT, &(struct files){.layout = "{content}{words}"},
           "layout:1: there is no {words}");
    refuse(PART_TEXT, &(struct files){.layout = "{content}\n{note: x}"},
           "layout:2: there is no {note: ...}");
    refuse(PART_TEXT, &(struct files){.note = "{words}{button: x}", .content = "{link}\n{note: x}"},
           "note:1: there is no {button: ...}");
    refuse(PART_TEXT, &(struct files){.content = "{link}\n{note: {note: x}}"},
           "content:2: there is no {note: ...}");
    refuse(PART_SUBJECT, &(struct files){.subject = "{note: x}"},
           "subject:1: there is no {note: ...}");
    refuse(PART_SUBJECT, &(struct files){.subject = "{language}"},
           "subject:1: there is no {language}");
    refuse(PART_TEXT, &(struct files){.content = "{link}\n{note: x {to}"}, "content:2: this brace");
    refuse(PART_TEXT, &(struct files){.content = "{link}\nx{"}, "content:2: this brace");
}

static void test_layout_and_blocks_must_show_what_they_are_for(void **state)
{
    (void)state;
    refuse(PART_TEXT, &(struct files){.layout = "x"}, "layout:1: {content} is missing");
    refuse(PART_TEXT, &(struct files){.button = "\n{link}\n"}, "button:1: {words} is missing");
}

static void test_a_letter_with_a_link_shows_it_and_one_without_has_none(void **state)
{
    const char *missing = "content:1: there is neither {button: ...} nor";
    (void)state;
    refuse(PART_TEXT, &(struct files){.content = "x"}, missing);
    refuse(PART_TEXT, &(struct files){.content = "Go to {link}"}, missing);
    refuse(PART_TEXT, &(struct files){.content = "{to}{link}\n"}, missing);
    refuse(PART_TEXT, &(struct files){.content = "{link}{to}\n"}, missing);
    refuse(PART_TEXT, &(struct files){.content = "{link}.\n"}, missing);
    refuse(PART_HTML, &(struct files){.content = "{link}"}, missing);
    refuse(PART_HTML, &(struct files){.content = "<a href='https://x/{link}'>"}, missing);
    refuse(PART_HTML, &(struct files){.content = "<a title='{link}'>"}, missing);
    refuse(PART_TEXT, &(struct files){.content = "{button: x}", .without_link = true},
           "content:1: {button: ...}: a letter of this purpose has no link");
    refuse(PART_TEXT, &(struct files){.content = "\n{until}", .without_link = true},
           "content:2: {until}: a letter of this purpose has no link");
    expect(PART_TEXT, &(struct files){.content = "x", .without_link = true}, "x");
}

static void test_a_subject_is_one_short_line_without_what_others_choose(void **state)
{
    char subject[SUBJECT_MAX_BYTES + 3];
    (void)state;
    memset(subject, 'x', sizeof(subject));
    subject[SUBJECT_MAX_BYTES] = '\n';
    subject[SUBJECT_MAX_BYTES + 1] = '\0';
    (void)make(PART_SUBJECT, &(struct files){.subject = subject});
    assert_string_equal(told, "");
    subject[SUBJECT_MAX_BYTES] = 'x';
    refuse(PART_SUBJECT, &(struct files){.subject = subject}, "subject:1: a subject must have 200");
    refuse(PART_SUBJECT, &(struct files){.subject = "\n"},
           "subject:1: a subject must not be empty");
    refuse(PART_SUBJECT, &(struct files){.subject = "a\nb\n"},
           "subject:1: a subject must be one line");
    refuse(PART_SUBJECT, &(struct files){.subject = "a\tb\n"},
           "subject:1: a subject must be one line");
    refuse(PART_SUBJECT, &(struct files){.subject = "{name}"},
           "subject:1: a subject has no {name}");
    refuse(PART_HTML, &(struct files){.subject = "{link}", .layout = "{title}{content}"},
           "subject:1: a subject has no {link}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_put_together_and_values_filled_in),
        cmocka_unit_test(test_a_brace_is_doubled_and_a_closing_one_is_itself),
        cmocka_unit_test(test_a_value_is_never_read_as_a_template),
        cmocka_unit_test(test_values_are_escaped_in_html_text_attributes_and_urls),
        cmocka_unit_test(test_a_subject_is_escaped_as_a_title),
        cmocka_unit_test(test_a_value_stands_nowhere_else_in_html),
        cmocka_unit_test(test_text_goes_on_where_a_tag_a_comment_a_style_end),
        cmocka_unit_test(test_what_a_file_begins_it_ends),
        cmocka_unit_test(test_what_is_not_there_or_not_there_yet_is_no_name),
        cmocka_unit_test(test_layout_and_blocks_must_show_what_they_are_for),
        cmocka_unit_test(test_a_letter_with_a_link_shows_it_and_one_without_has_none),
        cmocka_unit_test(test_a_subject_is_one_short_line_without_what_others_choose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

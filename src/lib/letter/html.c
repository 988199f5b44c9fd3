/* Where in HTML a byte stands. No parser: letters' templates come from people who want them to
 * work, and what is not clear is refused. */
#include "template.h"

enum state {
    IN_TEXT,
    IN_OPENING,     /* after '<': a tag's name, '/' or '!' */
    IN_TAG,         /* between attributes */
    IN_NAME,        /* an attribute's name */
    IN_ASSIGNMENT,  /* after its '=' */
    IN_DOUBLE,      /* "..." */
    IN_SINGLE,      /* '...' */
    IN_BARE,        /* a value without quotes */
    IN_DECLARATION, /* <!DOCTYPE ...> or the beginning of a comment */
    IN_COMMENT,
    IN_STYLE,
    IN_SCRIPT, /* never left */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

static bool is_named(const struct html_reader *reader, const char *name)
{
    return slice_equal(slice_of(reader->name, reader->name_len), slice_of_text(name));
}

static void begin_name(struct html_reader *reader)
{
    reader->name_len = 0;
}

/* What does not fit is no name that matters here, and stays none. */
static void add_to_name(struct html_reader *reader, char c)
{
    if (reader->name_len < sizeof(reader->name))
        reader->name[reader->name_len++] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* The end of the last bytes of what is being read, kept in name. */
static bool ends_with(struct html_reader *reader, char c, const char *end)
{
    size_t len = strlen(end);

    if (reader->name_len == len) {
        memmove(reader->name, reader->name + 1, len - 1);
        reader->name_len--;
    }
    add_to_name(reader, c);
    return is_named(reader, end);
}

/* After a tag's '>'. */
static void leave_tag(struct html_reader *reader)
{
    reader->state = reader->is_style ? IN_STYLE : IN_TEXT;
    begin_name(reader);
}

static void read_opening(struct html_reader *reader, char c)
{
    bool ends = is_blank(c) || c == '>' || c == '/';

    if (reader->name_len == 0 && c == '!') {
        reader->state = IN_DECLARATION;
    } else if (reader->name_len == 0 && is_blank(c)) {
        reader->state = IN_TEXT; /* "a < b" */
    } else if (reader->name_len == 0 || !ends) {
        add_to_name(reader, c);
    } else if (is_named(reader, "script")) {
        reader->state = IN_SCRIPT;
    } else {
        reader->is_style = is_named(reader, "style");
        reader->state = IN_TAG;
        if (c == '>')
            leave_tag(reader);
    }
}

/* Between attributes, in a name, after '='. */
static void read_tag(struct html_reader *reader, char c)
{
    if (c == '>') {
        leave_tag(reader);
    } else if (reader->state == IN_ASSIGNMENT) {
        if (!is_blank(c))
            reader->state = c == '"' ? IN_DOUBLE : c == '\'' ? IN_SINGLE : IN_BARE;
        reader->value_begun = false;
    } else if (c == '=') {
        reader->state = IN_ASSIGNMENT;
    } else if (is_blank(c) || c == '/') {
        reader->state = IN_TAG;
    } else {
        if (reader->state == IN_TAG)
            begin_name(reader);
        reader->state = IN_NAME;
        add_to_name(reader, c);
    }
}

static void read_value(struct html_reader *reader, char c)
{
    bool ends = reader->state == IN_DOUBLE   ? c == '"'
                : reader->state == IN_SINGLE ? c == '\''
                                             : is_blank(c) || c == '>';

    if (!ends)
        reader->value_begun = true;
    else if (c == '>')
        leave_tag(reader);
    else
        reader->state = IN_TAG;
}

static void read_declaration(struct html_reader *reader, char c)
{
    add_to_name(reader, c);
    if (is_named(reader, "--")) {
        reader->state = IN_COMMENT;
        begin_name(reader);
    } else if (c == '>') {
        reader->state = IN_TEXT;
    }
}

static void read_byte(struct html_reader *reader, char c)
{
    switch ((enum state)reader->state) {
    case IN_TEXT:
        if (c == '<') {
            reader->state = IN_OPENING;
            begin_name(reader);
        }
        break;
    case IN_OPENING:
        read_opening(reader, c);
        break;
    case IN_TAG:
    case IN_NAME:
    case IN_ASSIGNMENT:
        read_tag(reader, c);
        break;
    case IN_DOUBLE:
    case IN_SINGLE:
    case IN_BARE:
        read_value(reader, c);
        break;
    case IN_DECLARATION:
        read_declaration(reader, c);
        break;
    case IN_COMMENT:
        if (ends_with(reader, c, "-->"))
            reader->state = IN_TEXT;
        break;
    case IN_STYLE:
        if (ends_with(reader, c, "</style>"))
            reader->state = IN_TEXT;
        break;
    case IN_SCRIPT:
        break;
    }
}

void html_read(struct html_reader *reader, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        read_byte(reader, text.at[i]);
}

/* The attributes that a value may stand in: text for people, and where a link goes. Not those that
 * are styles, scripts or HTML again, whatever is escaped in them. */
static bool is_text_attribute(const struct html_reader *reader)
{
    return is_named(reader, "alt") || is_named(reader, "title") || is_named(reader, "aria-label");
}

static bool is_url_attribute(const struct html_reader *reader)
{
    return is_named(reader, "href") || is_named(reader, "src");
}

bool html_place(struct html_reader *reader, enum letter_value value, enum place *place_out)
{
    bool is_quoted = reader->state == IN_DOUBLE || reader->state == IN_SINGLE;

    if (reader->state == IN_TEXT || (is_quoted && is_text_attribute(reader))) {
        *place_out = PLACE_HTML;
        return true;
    }
    bool is_whole = value == VALUE_LINK && !reader->value_begun;
    if (!is_quoted || !is_url_attribute(reader) || (!is_whole && !reader->value_begun))
        return false; /* the last: a value that would choose the scheme */
    reader->value_begun = true;
    *place_out = is_whole ? PLACE_HTML : PLACE_URL;
    return true;
}

bool html_is_over(const struct html_reader *reader)
{
    return reader->state == IN_TEXT;
}

bool html_has_script(const struct html_reader *reader)
{
    return reader->state == IN_SCRIPT;
}

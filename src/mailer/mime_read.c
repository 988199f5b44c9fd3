/* Lines, fields, parts, encodings of a message that somebody else wrote.
 *
 * The walk is one pass over the lines with a stack of boundaries: a line that is a boundary of any
 * level ends everything inside of it, so a part that is cut off cannot swallow its neighbours. */
#include "mime_read.h"

#include <strings.h>

#include "gatepost/encoding.h"

struct slice mime_take_line(struct slice *text)
{
    const char *end = memchr(text->at, '\n', text->len);
    size_t len = end != NULL ? (size_t)(end - text->at) : text->len;
    size_t taken = end != NULL ? len + 1 : len;
    struct slice line = slice_of(text->at, len);

    *text = slice_of(text->at + taken, text->len - taken);
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

/* ---- fields --------------------------------------------------------------------------------- */

/* Behind what is there, with blanks for control characters, as much as fits. Returns the length. */
static size_t append_value(char *value, size_t len, struct slice more)
{
    for (size_t i = 0; i < more.len && len < MIME_VALUE_MAX_BYTES - 1; i++) {
        unsigned char byte = (unsigned char)more.at[i];
        value[len++] = byte < 0x20 || byte == 0x7f ? ' ' : (char)byte;
    }
    return len;
}

/* "Name" of "Name: value". False: the line is no field. */
static bool split_field(struct slice line, struct slice *name_out, struct slice *value_out)
{
    const char *colon = line.len > 0 ? memchr(line.at, ':', line.len) : NULL;

    if (colon == NULL || colon == line.at)
        return false;
    struct slice name = slice_of(line.at, (size_t)(colon - line.at));
    while (name.len > 0 && is_blank(name.at[name.len - 1]))
        name.len--;
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] <= ' ' || name.at[i] > '~')
            return false;
    }
    *name_out = name;
    *value_out = slice_of(colon + 1, line.len - (size_t)(colon - line.at) - 1);
    return name.len > 0;
}

static void trim_value(char *value, size_t len)
{
    size_t start = 0;

    while (len > 0 && value[len - 1] == ' ')
        len--;
    while (start < len && value[start] == ' ')
        start++;
    memmove(value, value + start, len - start);
    value[len - start] = '\0';
}

bool mime_take_field(struct slice *block, struct mime_field *field_out)
{
    struct slice name, value;

    while (block->len > 0) {
        struct slice line = mime_take_line(block);
        if (line.len == 0)
            return false;
        if (!split_field(line, &name, &value))
            continue;
        size_t kept = name.len < sizeof(field_out->name) ? name.len : sizeof(field_out->name) - 1;
        for (size_t i = 0; i < kept; i++)
            field_out->name[i] = lower(name.at[i]);
        field_out->name[kept] = '\0';
        size_t len = append_value(field_out->value, 0, value);
        while (block->len > 0 && is_blank(block->at[0]))
            len = append_value(field_out->value, len, mime_take_line(block));
        trim_value(field_out->value, len);
        return true;
    }
    return false;
}

/* ---- headings ------------------------------------------------------------------------------- */

void mime_heading_init(struct mime_heading *heading)
{
    *heading = (struct mime_heading){.type = "text/plain"};
}

/* A token or a quoted string off the front, at most bytes - 1 of it. False: it was longer, or
 * none. */
static bool take_parameter_value(const char **text, char *out, size_t bytes)
{
    bool quoted = **text == '"';
    size_t len = 0, all = 0;

    if (quoted)
        (*text)++;
    while (**text != '\0' && (quoted ? **text != '"' : **text != ';' && !is_blank(**text))) {
        if (quoted && **text == '\\' && (*text)[1] != '\0')
            (*text)++;
        if (len < bytes - 1)
            out[len++] = **text;
        all++;
        (*text)++;
    }
    if (quoted && **text == '"')
        (*text)++;
    out[len] = '\0';
    return all > 0 && all == len;
}

/* Up to the next parameter: false when there is none. A ';' in a quoted string is none. */
static bool skip_to_parameter(const char **text)
{
    bool quoted = false;

    while (**text != '\0' && (quoted || **text != ';')) {
        if (**text == '"')
            quoted = !quoted;
        else if (**text == '\\' && (*text)[1] != '\0')
            (*text)++;
        (*text)++;
    }
    if (**text == '\0')
        return false;
    (*text)++;
    *text += strspn(*text, " \t");
    return true;
}

static void take_type(struct mime_heading *heading, const char *value)
{
    static const char boundary[] = "boundary";
    size_t len = strcspn(value, "; \t");

    mime_heading_init(heading);
    if (len > 0 && len < sizeof(heading->type)) {
        for (size_t i = 0; i < len; i++)
            heading->type[i] = lower(value[i]);
        heading->type[len] = '\0';
    }
    if (strncmp(heading->type, "multipart/", 10) != 0)
        return;
    while (skip_to_parameter(&value)) {
        if (strncasecmp(value, boundary, sizeof(boundary) - 1) != 0)
            continue;
        const char *at = value + sizeof(boundary) - 1;
        at += strspn(at, " \t");
        if (*at != '=')
            continue;
        at++;
        at += strspn(at, " \t");
        if (!take_parameter_value(&at, heading->boundary, sizeof(heading->boundary)))
            heading->boundary[0] = '\0';
        return;
    }
}

void mime_heading_take(struct mime_heading *heading, const struct mime_field *field)
{
    if (strcmp(field->name, "content-type") == 0) {
        enum mime_encoding encoding = heading->encoding;
        take_type(heading, field->value);
        heading->encoding = encoding;
    } else if (strcmp(field->name, "content-transfer-encoding") == 0) {
        if (strncasecmp(field->value, "base64", 6) == 0)
            heading->encoding = MIME_BASE64;
        else if (strncasecmp(field->value, "quoted-printable", 16) == 0)
            heading->encoding = MIME_QUOTED;
    }
}

/* ---- parts ---------------------------------------------------------------------------------- */

struct walk {
    mime_leaf_fn leaf;
    void *context;
    size_t depth;
    char boundaries[MIME_DEPTH_MAX][MIME_BOUNDARY_MAX_BYTES + 1];
    size_t parts;
    const char *leaf_at; /* where the leaf under way begins; NULL: between parts */
    struct mime_heading heading;
};

/* Is the line a boundary of any level? Then which, and whether it is the last one of it. */
static bool is_boundary(const struct walk *walk, struct slice line, size_t *level_out,
                        bool *is_last_out)
{
    if (line.len < 3 || line.at[0] != '-' || line.at[1] != '-')
        return false;
    while (is_blank(line.at[line.len - 1]))
        line.len--;
    for (size_t level = walk->depth; level-- > 0;) {
        size_t len = strlen(walk->boundaries[level]);
        if (line.len < 2 + len || memcmp(line.at + 2, walk->boundaries[level], len) != 0)
            continue;
        struct slice rest = slice_of(line.at + 2 + len, line.len - 2 - len);
        if (rest.len != 0 && !slice_equal(rest, SLICE_LITERAL("--")))
            continue;
        *level_out = level;
        *is_last_out = rest.len != 0;
        return true;
    }
    return false;
}

static void end_leaf(struct walk *walk, const char *end)
{
    if (walk->leaf_at == NULL)
        return;
    walk->leaf(walk->context, &walk->heading,
               slice_of(walk->leaf_at, (size_t)(end - walk->leaf_at)));
    walk->leaf_at = NULL;
}

/* The header of a part, which a boundary ends too; then its body begins. */
static void begin_part(struct walk *walk, struct slice *text)
{
    struct slice block = *text, rest = *text;
    struct mime_field field;
    size_t level;
    bool is_last;

    while (rest.len > 0) {
        struct slice before = rest;
        struct slice line = mime_take_line(&rest);
        if (line.len == 0)
            break;
        if (is_boundary(walk, line, &level, &is_last)) {
            rest = before;
            break;
        }
    }
    block.len -= rest.len;
    mime_heading_init(&walk->heading);
    while (mime_take_field(&block, &field))
        mime_heading_take(&walk->heading, &field);
    *text = rest;
    walk->parts++;
    if (walk->heading.boundary[0] != '\0' && walk->depth < MIME_DEPTH_MAX)
        memcpy(walk->boundaries[walk->depth++], walk->heading.boundary,
               sizeof(walk->heading.boundary));
    else
        walk->leaf_at = rest.at;
}

void mime_walk(const struct mime_heading *heading, struct slice body, mime_leaf_fn leaf,
               void *context)
{
    struct walk walk = {.leaf = leaf, .context = context};
    struct slice rest = body;

    if (body.len == 0)
        return;
    if (heading->boundary[0] == '\0') {
        leaf(context, heading, body);
        return;
    }
    memcpy(walk.boundaries[walk.depth++], heading->boundary, sizeof(heading->boundary));
    while (rest.len > 0 && walk.parts < MIME_PARTS_MAX) {
        const char *line_at = rest.at;
        struct slice line = mime_take_line(&rest);
        size_t level;
        bool is_last;
        if (!is_boundary(&walk, line, &level, &is_last))
            continue;
        end_leaf(&walk, line_at);
        walk.depth = is_last ? level : level + 1;
        if (walk.depth == 0)
            return;
        if (!is_last)
            begin_part(&walk, &rest);
    }
    end_leaf(&walk, rest.at); /* cut off: what is there */
}

/* ---- encodings ------------------------------------------------------------------------------ */

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t decode_base64(struct slice body, char *out)
{
    unsigned held = 0, bits = 0;
    size_t len = 0;

    for (size_t i = 0; i < body.len && body.at[i] != '='; i++) {
        int digit = base64_digit(body.at[i]);
        if (digit < 0)
            continue;
        held = (held << 6 | (unsigned)digit) & 0xffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (char)(held >> bits & 0xff);
        }
    }
    return len;
}

/* At an '=': a soft line break, two hex digits, or itself. Returns how many bytes it took. */
static size_t decode_escape(struct slice rest, char *out, size_t *len)
{
    if (rest.len >= 2 && rest.at[1] == '\n')
        return 2;
    if (rest.len >= 3 && rest.at[1] == '\r' && rest.at[2] == '\n')
        return 3;
    if (rest.len >= 3 && hex_digit(rest.at[1]) >= 0 && hex_digit(rest.at[2]) >= 0) {
        out[(*len)++] = (char)(hex_digit(rest.at[1]) * 16 + hex_digit(rest.at[2]));
        return 3;
    }
    out[(*len)++] = '=';
    return 1;
}

struct slice mime_decode(enum mime_encoding encoding, struct slice body, char *scratch)
{
    size_t len = 0;

    if (encoding == MIME_PLAIN)
        return body;
    if (encoding == MIME_BASE64)
        return slice_of(scratch, decode_base64(body, scratch));
    for (size_t i = 0; i < body.len;) {
        if (body.at[i] == '=')
            i += decode_escape(slice_of(body.at + i, body.len - i), scratch, &len);
        else
            scratch[len++] = body.at[i++];
    }
    return slice_of(scratch, len);
}

/* Templates: how files become pieces, and pieces with values a text. Private to this folder.
 *
 *   {name}           a value, by its name
 *   {button: words}  a block: the file of that name in the layout's folder, with {words} in it
 *   {{               a brace; a } that ends nothing is itself
 *
 * Everything else is text. What a file may name is fixed, so a letter that was loaded can be
 * filled: nothing is looked up, and nothing can fail but for want of room. */
#ifndef LETTER_TEMPLATE_H
#define LETTER_TEMPLATE_H

#include "gatepost/bytes.h"
#include "gatepost/letter.h"

enum letter_value {
    VALUE_NONE, /* text of the template */
    VALUE_NAME,
    VALUE_TO,
    VALUE_SITE,
    VALUE_WHEN,
    VALUE_UNTIL,
    VALUE_LINK,
    VALUE_COUNT
};

/* Where something stands, and so how it is written. */
enum place {
    PLACE_RAW,  /* as it is: text of the template, in its own language */
    PLACE_TEXT, /* text part or header */
    PLACE_HTML, /* HTML text or quoted attribute */
    PLACE_URL,  /* inside a URL */
};

struct piece {
    uint8_t value;     /* enum letter_value */
    uint8_t place;     /* enum place */
    struct slice text; /* of VALUE_NONE; points into a source */
};

/* A part of a letter, all files put together. */
struct template
{
    struct piece *pieces; /* heap */
    size_t count;
};

#define SUBJECT_MAX_BYTES 200

enum part { PART_SUBJECT, PART_TEXT, PART_HTML, PART_COUNT };

/* A file, or a built-in one. */
struct source {
    char *where; /* heap: what problems call it */
    struct slice text;
    char *heap;  /* what text points into, or NULL: it is built in */
    bool is_bad; /* it could not be read, which has been told */
};

enum { BLOCK_BUTTON, BLOCK_NOTE, BLOCK_COUNT };

/* What one part is put together from; all borrowed. */
struct assembly {
    enum part part;
    bool has_link; /* its purpose does */
    struct slice language;
    const struct source *layout; /* NULL for a subject */
    const struct source *blocks[BLOCK_COUNT];
    const struct source *content;
    const struct source *title;
};

struct problems {
    letter_problem_fn tell;
    void *context;
    size_t count;
    char **told;   /* heap: a layout's problem would come up in every letter */
    bool is_fresh; /* something came up since this was cleared, told before or not */
};

/* Tells it once. at: where in the source, or NULL for its first line. */
void problem_tell(struct problems *problems, const struct source *source, const char *at,
                  const char *format, ...) PRINTF_LIKE(4, 5);

/* Puts a part together. What is wrong with it has been told; the template is to be freed anyway. */
struct template template_make(const struct assembly *assembly, struct problems *problems);
void template_free(struct template *template);

/* Values by enum letter_value; that of VALUE_NONE is not looked at. */
void template_fill(const struct template *template, const struct slice values[VALUE_COUNT],
                   struct packer *out);

/* A place in HTML, followed byte by byte: what stands in text, what in an attribute, what in
 * neither. */
struct html_reader {
    uint8_t state;
    char name[16]; /* of the attribute or element that is being read, in lower case */
    uint8_t name_len;
    bool value_begun; /* something of the attribute's value was read */
    bool is_style;    /* the tag that is being read begins a style */
};
void html_read(struct html_reader *reader, struct slice text);

/* How a value is to be written that stands here; value_begun from then on. False: none may. */
MUST_USE bool html_place(struct html_reader *reader, enum letter_value value,
                         enum place *place_out);

/* In text, and not in a tag, a comment, a style? */
MUST_USE bool html_is_over(const struct html_reader *reader);

/* Has there been a script? */
MUST_USE bool html_has_script(const struct html_reader *reader);

/* "24. November 2026 um 14:51 Uhr (UTC)": as the language writes it, in UTC. language: a tag;
 * one that is not known gets "2026-11-24 14:51 UTC". */
#define DATE_BYTES 96
void date_write(wall_ms when, const char *language, char text_out[DATE_BYTES]);

#endif

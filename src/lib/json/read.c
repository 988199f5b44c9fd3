/* Reads one flat JSON object by yajl's callbacks.
 *
 * Invariant: whatever yajl lets pass and JSON or RFC 3629 do not is found here: the whole body is
 * checked for UTF-8 before yajl sees it; lone surrogates, which yajl turns into something else
 * silently, are found in the raw escapes and handed to yajl as \uFFFD; names are compared; depth
 * and members are counted. yajl's memory is one block of known size, wiped at the end, because the
 * text it decodes may be a password.
 *
 * Story: json_read checks size and UTF-8, looks for lone surrogates, runs yajl over the body; the
 * on_* callbacks fill the members; every string is copied into object->text, which can never be
 * longer than the body, since decoding only shrinks. */
#include "gatepost/json.h"

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#include <stdlib.h>
#include <yajl/yajl_parse.h>

/* yajl keeps two buffers that double from 2 KiB until the longest token fits: at most 2 KiB or 4
 * times the body each. It asks for them one after the other, so this is twice what it can need. */
#define ARENA_BYTES(body_bytes) ((body_bytes)*16 + 16384)
#define ARENA_ALIGN             16

/* Most bodies and every token are small: they share one block a thread, since an allocation of
 * 20 KiB is filled twice where freed memory is overwritten (server.c). Wiped after each use. */
#define SMALL_BODY_BYTES 1024
static _Thread_local unsigned char small_arena[ARENA_BYTES(SMALL_BODY_BYTES)]
    __attribute__((aligned(ARENA_ALIGN)));

#define ESCAPE_BYTES 6 /* \uXXXX */

struct arena {
    unsigned char *bytes;
    size_t max;
    size_t used;
    size_t last; /* where the newest block begins: the only one that grows in place */
};

struct lone_surrogate {
    size_t at; /* of its backslash in the body; SIZE_MAX: none left */
    uint16_t value;
};

struct parse {
    struct slice body; /* as it came in */
    struct json_object *object;
    struct arena arena;
    yajl_handle yajl;
    struct lone_surrogate lone; /* the next one that no token has claimed yet */
    size_t depth;
    size_t nested_at; /* where the array or object of a member begins in the body */
    enum json_status status;
    const char *problem; /* why a callback gave up */
};

/* ---- yajl's memory ------------------------------------------------------------------------------
 */

static void *arena_alloc(void *context, size_t bytes)
{
    struct arena *arena = context;
    size_t at = (arena->used + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);

    /* yajl does not look for NULL, so running out must be impossible, not an error. */
    BUG_ON(bytes > arena->max || at > arena->max - bytes);
    arena->last = at;
    arena->used = at + bytes;
    return arena->bytes + at;
}

static void *arena_realloc(void *context, void *old, size_t bytes)
{
    struct arena *arena = context;

    if (old == arena->bytes + arena->last) {
        BUG_ON(bytes > arena->max - arena->last);
        arena->used = arena->last + bytes;
        return old;
    }
    void *block = arena_alloc(arena, bytes);
    if (old != NULL) {
        size_t old_max = (size_t)((unsigned char *)block - (unsigned char *)old);

        memcpy(block, old, old_max < bytes ? old_max : bytes);
    }
    return block;
}

static void arena_free(void *context, void *block)
{
    (void)context;
    (void)block;
}

/* ---- surrogates ---------------------------------------------------------------------------------
 */

/* The code unit of an escape \uXXXX at this place, or -1 when none stands there. */
static int escaped_unit(struct slice body, size_t at)
{
    int unit = 0;

    if (at > body.len || body.len - at < ESCAPE_BYTES || body.at[at] != '\\' ||
        body.at[at + 1] != 'u')
        return -1;
    for (size_t i = at + 2; i < at + ESCAPE_BYTES; i++) {
        int digit = hex_digit(body.at[i]);

        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Backslashes stand only in strings, so the raw body can be searched without a lexer; where they
 * stand elsewhere yajl refuses the body anyway. */
static struct lone_surrogate lone_surrogate_next(struct slice body, size_t from)
{
    while (from < body.len) {
        const char *backslash = memchr(body.at + from, '\\', body.len - from);
        if (backslash == NULL)
            break;
        size_t at = (size_t)(backslash - body.at);
        int unit = escaped_unit(body, at);

        if (unit < 0) {
            from = at + 2;
        } else if (unit < 0xD800 || unit > 0xDFFF) {
            from = at + ESCAPE_BYTES;
        } else {
            int low = unit <= 0xDBFF ? escaped_unit(body, at + ESCAPE_BYTES) : -1;

            if (low < 0xDC00 || low > 0xDFFF)
                return (struct lone_surrogate){.at = at, .value = (uint16_t)unit};
            from = at + 2 * ESCAPE_BYTES;
        }
    }
    return (struct lone_surrogate){.at = SIZE_MAX};
}

/* A copy of the body in which every lone surrogate is \uFFFD. Gives: heap bytes of body.len. */
static char *without_lone_surrogates(struct slice body, struct lone_surrogate lone)
{
    char *copy = xrealloc(NULL, body.len);

    memcpy(copy, body.at, body.len);
    while (lone.at != SIZE_MAX) {
        memcpy(copy + lone.at, "\\uFFFD", ESCAPE_BYTES);
        lone = lone_surrogate_next(body, lone.at + ESCAPE_BYTES);
    }
    return copy;
}

/* Did a lone surrogate stand in the token that yajl has just read? first_out: which. */
static bool claim_lone_surrogates(struct parse *parse, uint16_t *first_out)
{
    bool found = false;
    size_t read = yajl_get_bytes_consumed(parse->yajl);

    while (parse->lone.at < read) {
        if (!found)
            *first_out = parse->lone.value;
        found = true;
        parse->lone = lone_surrogate_next(parse->body, parse->lone.at + ESCAPE_BYTES);
    }
    return found;
}

/* ---- callbacks: 1 goes on, 0 ends the parse
 * ------------------------------------------------------ */

static int give_up(struct parse *parse, enum json_status status, const char *problem)
{
    parse->status = status;
    parse->problem = problem;
    return 0;
}

static struct slice keep_text(struct json_object *object, const void *text, size_t len)
{
    char *at = object->text + object->text_bytes;

    if (len > 0)
        memcpy(at, text, len);
    object->text_bytes += len;
    return slice_of(at, len);
}

static int on_value(struct parse *parse, enum json_type type, const void *text, size_t len)
{
    uint16_t surrogate = 0;
    bool has_surrogate = claim_lone_surrogates(parse, &surrogate);

    if (parse->depth == 0) {
        parse->object->top = type;
    } else if (parse->depth == 1 && parse->object->top == JSON_OBJECT) {
        struct json_member *member = &parse->object->members[parse->object->count - 1];

        member->type = type;
        member->has_surrogate = has_surrogate;
        member->surrogate = surrogate;
        member->text = keep_text(parse->object, text, len);
    } else if (has_surrogate) {
        return give_up(parse, JSON_SYNTAX, "lone surrogate inside of an array or object");
    }
    return 1;
}

static int on_null(void *context)
{
    return on_value(context, JSON_NULL, NULL, 0);
}

static int on_boolean(void *context, int value)
{
    return on_value(context, value ? JSON_TRUE : JSON_FALSE, NULL, 0);
}

static int on_number(void *context, const char *text, size_t len)
{
    bool is_float = memchr(text, '.', len) != NULL || memchr(text, 'e', len) != NULL ||
                    memchr(text, 'E', len) != NULL;

    return on_value(context, is_float ? JSON_FLOAT : JSON_INTEGER, text, len);
}

static int on_string(void *context, const unsigned char *text, size_t len)
{
    return on_value(context, JSON_STRING, text, len);
}

static int on_begin(struct parse *parse, enum json_type type)
{
    if (!on_value(parse, type, NULL, 0))
        return 0;
    if (parse->depth == 1)
        parse->nested_at = yajl_get_bytes_consumed(parse->yajl) - 1;
    if (++parse->depth > JSON_DEPTH_MAX)
        return give_up(parse, JSON_SYNTAX, "nested too deeply");
    return 1;
}

static int on_map_begin(void *context)
{
    return on_begin(context, JSON_OBJECT);
}

static int on_array_begin(void *context)
{
    return on_begin(context, JSON_ARRAY);
}

static int on_end(void *context)
{
    struct parse *parse = context;
    struct json_object *object = parse->object;

    parse->depth--;
    if (parse->depth == 1 && object->top == JSON_OBJECT)
        object->members[object->count - 1].text =
            keep_text(object, parse->body.at + parse->nested_at,
                      yajl_get_bytes_consumed(parse->yajl) - parse->nested_at);
    return 1;
}

static int on_name(void *context, const unsigned char *text, size_t len)
{
    struct parse *parse = context;
    struct json_object *object = parse->object;
    struct slice name = slice_of(text, len);
    uint16_t surrogate;

    if (claim_lone_surrogates(parse, &surrogate))
        return give_up(parse, JSON_SYNTAX, "lone surrogate in a name");
    if (parse->depth > 1 || object->top != JSON_OBJECT)
        return 1;
    for (size_t i = 0; i < object->count; i++) {
        if (slice_equal(object->members[i].name, name))
            return give_up(parse, JSON_DUPLICATE, "a name stands twice");
    }
    if (object->count == JSON_MEMBERS_MAX)
        return give_up(parse, JSON_SYNTAX, "too many members");
    object->members[object->count++] = (struct json_member){.name = keep_text(object, text, len)};
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_map_begin,
    .yajl_map_key = on_name,
    .yajl_end_map = on_end,
    .yajl_start_array = on_array_begin,
    .yajl_end_array = on_end,
};

/* ---- the reader
 * ---------------------------------------------------------------------------------- */

/* text: the body, or its copy without lone surrogates; as long as the body. */
static enum json_status run_yajl(struct parse *parse, const char *text, struct err *err)
{
    const size_t arena_bytes = ARENA_BYTES(parse->body.len);
    const bool small = arena_bytes <= sizeof(small_arena);
    yajl_alloc_funcs memory = {
        .malloc = arena_alloc, .realloc = arena_realloc, .free = arena_free, .ctx = &parse->arena};

    parse->arena = (struct arena){.bytes = small ? small_arena : xrealloc(NULL, arena_bytes),
                                  .max = arena_bytes};
    parse->yajl = yajl_alloc(&callbacks, &memory, parse);
    BUG_ON(parse->yajl == NULL);

    yajl_status status = yajl_parse(parse->yajl, (const unsigned char *)text, parse->body.len);
    if (status == yajl_status_ok)
        status = yajl_complete_parse(parse->yajl);
    if (status == yajl_status_client_canceled) {
        err_set(err, "%s", parse->problem);
    } else if (status == yajl_status_error) {
        parse->status = JSON_SYNTAX;
        err_set(err, "malformed near byte %zu", yajl_get_bytes_consumed(parse->yajl));
    } else {
        parse->status = parse->object->top == JSON_OBJECT ? JSON_OK : JSON_NOT_OBJECT;
    }

    yajl_free(parse->yajl);
    secret_wipe(parse->arena.bytes, parse->arena.used);
    if (!small)
        free(parse->arena.bytes);
    return parse->status;
}

enum json_status json_read(struct slice body, struct json_object *object_out, struct err *err)
{
    object_out->count = 0;
    object_out->text = NULL;
    object_out->text_bytes = 0;
    if (body.len == 0 || body.len > JSON_BODY_MAX_BYTES) {
        err_set(err, body.len == 0 ? "no text" : "text too long");
        return JSON_SYNTAX;
    }
    if (!utf8_valid(body)) {
        err_set(err, "text is not UTF-8");
        return JSON_SYNTAX;
    }

    struct parse parse = {.body = body, .object = object_out, .lone = lone_surrogate_next(body, 0)};
    object_out->top = JSON_NULL;
    object_out->text = xrealloc(NULL, body.len);

    enum json_status status;
    if (parse.lone.at == SIZE_MAX) {
        status = run_yajl(&parse, body.at, err);
    } else {
        char *copy = without_lone_surrogates(body, parse.lone);

        status = run_yajl(&parse, copy, err);
        secret_wipe(copy, body.len);
        free(copy);
    }
    if (status == JSON_SYNTAX || status == JSON_DUPLICATE)
        json_object_fini(object_out);
    return status;
}

void json_object_fini(struct json_object *object)
{
    if (object->text != NULL)
        secret_wipe(object->text, object->text_bytes);
    free(object->text);
    object->text = NULL;
    object->text_bytes = 0;
    object->count = 0;
}

const struct json_member *json_find(const struct json_object *object, const char *name)
{
    for (size_t i = 0; i < object->count; i++) {
        if (slice_equal(object->members[i].name, slice_of_text(name)))
            return &object->members[i];
    }
    return NULL;
}

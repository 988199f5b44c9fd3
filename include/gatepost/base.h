/* What every file may lean on: assertions that stay in, allocation that does not fail, slices.
 *
 * L0: nothing here knows the log, the configuration or another process. */
#ifndef GATEPOST_BASE_H
#define GATEPOST_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_LEN(array)       (sizeof(array) / sizeof((array)[0]))
#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* A bug of ours: prints file:line and the condition to descriptor 2 and aborts. In every build. */
#define BUG_ON(cond)                                                                               \
    do {                                                                                           \
        if (__builtin_expect(!!(cond), 0))                                                         \
            bug_found(__FILE__, __LINE__, #cond);                                                  \
    } while (0)

_Noreturn void bug_found(const char *file, int line, const char *condition);

/* Says it instead of bug_found, before the abort; NULL: one line of text to descriptor 2. The log
 * sets it where its lines have another form. */
extern void (*bug_report)(const char *file, int line, const char *condition);

/* Bytes or text that somebody else owns. Text is UTF-8 and not NUL-terminated.
 * A slice with len 0 may have at == NULL. */
struct slice {
    const char *at;
    size_t len;
};

/* What a request is known by: in the log, to the client, in lanes. */
#define REQUEST_ID_BYTES 65 /* with the NUL */

/* Is it one that can harm no log and no header: 1 to 64 letters, digits, '-', '_', '.'? */
bool request_id_is_safe(struct slice id);

#define SLICE_LITERAL(text) ((struct slice){(text), sizeof(text) - 1})

static inline struct slice slice_of(const void *at, size_t len)
{
    return (struct slice){at, len};
}

static inline struct slice slice_of_text(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Without the blanks and tabs around it. */
struct slice slice_trimmed(struct slice text);

/* Copies a slice into a caller's array as NUL-terminated text.
 * Returns false, with nothing written, when it does not fit or holds a NUL. */
MUST_USE bool slice_to_text(struct slice slice, char *text_out, size_t text_bytes);

/* Processors that this process may run on: at least 1. */
unsigned cores_available(void);

/* Zeroed memory that the caller frees with free(). Never NULL: a process without memory dies and
 * the master replaces it, so every size that comes from outside is bounded first. */
void *xcalloc(size_t count, size_t size) __attribute__((returns_nonnull, malloc));
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((returns_nonnull, malloc));

#ifdef GATEPOST_FAULTS
/* Of test builds: when set, asked at every allocation whether it is to fail (fault.h, "malloc"). */
extern bool (*xalloc_fails)(void);
#endif

/* Writes all of it, repeating after EINTR and short writes.
 * Returns false with errno on the first error. */
MUST_USE bool fd_write_all(int fd, const void *bytes, size_t len);

#endif

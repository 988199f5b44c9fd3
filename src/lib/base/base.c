/* The few things that must not fail, and what happens when they do. */
#include "gatepost/base.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void (*bug_report)(const char *file, int line, const char *condition);

_Noreturn void bug_found(const char *file, int line, const char *condition)
{
    char text[512];

    if (bug_report != NULL) {
        void (*report)(const char *, int, const char *) = bug_report;
        bug_report = NULL; /* a bug in there ends here */
        report(file, line, condition);
        abort();
    }
    int len = snprintf(text, sizeof(text), "bug: %s:%d: %s\n", file, line, condition);

    if (len > 0)
        (void)!write(STDERR_FILENO, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text));
    abort();
}

bool slice_to_text(struct slice slice, char *text_out, size_t text_bytes)
{
    if (slice.len >= text_bytes || (slice.len > 0 && memchr(slice.at, 0, slice.len) != NULL))
        return false;
    if (slice.len > 0)
        memcpy(text_out, slice.at, slice.len);
    text_out[slice.len] = '\0';
    return true;
}

unsigned cores_available(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : (unsigned)online;
}

#ifdef GATEPOST_FAULTS
bool (*xalloc_fails)(void);
#define MEMORY_IS_OUT (xalloc_fails != NULL && xalloc_fails())
#else
#define MEMORY_IS_OUT false
#endif

void *xcalloc(size_t count, size_t size)
{
    void *memory = MEMORY_IS_OUT ? NULL : calloc(count > 0 ? count : 1, size > 0 ? size : 1);

    BUG_ON(memory == NULL);
    return memory;
}

void *xrealloc(void *old, size_t size)
{
    void *memory = MEMORY_IS_OUT ? NULL : realloc(old, size > 0 ? size : 1);

    BUG_ON(memory == NULL);
    return memory;
}

char *xstrdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = xcalloc(bytes, 1);

    memcpy(copy, text, bytes);
    return copy;
}

bool request_id_is_safe(struct slice id)
{
    if (id.len == 0 || id.len >= REQUEST_ID_BYTES)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        const char c = id.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

struct slice slice_trimmed(struct slice text)
{
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = slice_of(text.at + 1, text.len - 1);
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return text;
}

bool fd_write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t written = write(fd, at, len);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            return false;
        }
        at += written;
        len -= (size_t)written;
    }
    return true;
}

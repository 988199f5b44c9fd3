/* The process title: what `ps` shows instead of the command line.
 *
 * The kernel shows the memory where argv and the environment were put at exec. proc_title_init
 * copies both to the heap and makes that memory ours; so the copies are what the program uses
 * afterwards, and no secret of the environment stays visible in /proc/PID/environ.
 * Source: PostgreSQL's ps_status.c. */
#include "gatepost/proc.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "gatepost/secret.h"

static struct {
    char *begin; /* NULL until init */
    size_t bytes;
    char **copies; /* of the environment; unsetenv takes them out of environ, never out of here */
} area;

/* The end of the contiguous memory that begins at `end`, if text is what follows it. */
static char *extend(char *end, char *text)
{
    return text == end ? text + strlen(text) + 1 : end;
}

void proc_title_init(int argc, char **argv)
{
    if (argc < 1 || area.begin != NULL)
        return;
    char *begin = argv[0];
    char *end = begin;
    for (int i = 0; i < argc; i++)
        end = extend(end, argv[i]);
    char *arguments_end = end;
    size_t count = 0;
    for (; environ[count] != NULL; count++)
        end = extend(end, environ[count]);

    area.copies = xcalloc(count + 1, sizeof *area.copies);
    for (size_t i = 0; i < count; i++)
        area.copies[i] = xstrdup(environ[i]);
    environ = xcalloc(count + 1, sizeof *environ);
    memcpy(environ, area.copies, count * sizeof *environ);
    for (int i = 0; i < argc; i++)
        argv[i] = xstrdup(argv[i]);
    program_invocation_name = argv[0];
    char *slash = strrchr(argv[0], '/');
    program_invocation_short_name = slash != NULL ? slash + 1 : argv[0];

    secret_wipe(arguments_end, (size_t)(end - arguments_end));
    area.begin = begin;
    area.bytes = (size_t)(end - begin);
}

void proc_title_set(const char *title)
{
    prctl(PR_SET_NAME, title); /* the kernel cuts it at 15 characters */
    if (area.begin == NULL || area.bytes < 2)
        return;
    size_t len = strnlen(title, area.bytes - 1);
    memset(area.begin, 0, area.bytes);
    memcpy(area.begin, title, len);
}

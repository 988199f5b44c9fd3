/* The file that runs, by name, and the words it was called with.
 *
 * By name and not by descriptor: an upgrade looks for a new file where this one was, or for what a
 * symbolic link there points at by then. The kernel tells the name as it was given to execve
 * (AT_EXECFN); where that is not the file that runs (a loader was called), /proc/self/exe does. */
#include "launch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAKEOVER_WORD "--takeover="
#define TRIAL_WORD    "--trial="
#define DELETED       " (deleted)"

static char *const no_words[] = {NULL};
static struct launch launch = {
    .state_fd = -1, .answer_fd = -1, .file = "", .words = (char *const *)no_words};

/* Gives: heap text; NULL where it cannot be said. */
static char *absolute(const char *path)
{
    char directory[PATH_MAX];
    char *text;

    if (path[0] == '/')
        return xstrdup(path);
    if (path[0] == '\0' || getcwd(directory, sizeof directory) == NULL)
        return NULL;
    size_t bytes = strlen(directory) + 1 + strlen(path) + 1;
    text = xcalloc(bytes, 1);
    snprintf(text, bytes, "%s/%s", directory, path);
    return text;
}

static bool is_what_runs(const char *path)
{
    struct stat named;
    struct stat running;

    return stat(path, &named) == 0 && stat("/proc/self/exe", &running) == 0 &&
           named.st_ino == running.st_ino && named.st_dev == running.st_dev;
}

/* Gives: heap text. */
static char *find_file(void)
{
    const char *executed = (const char *)(uintptr_t)getauxval(AT_EXECFN);
    char *named = executed != NULL ? absolute(executed) : NULL;
    char linked[PATH_MAX];

    if (named != NULL && is_what_runs(named))
        return named;
    ssize_t len = readlink("/proc/self/exe", linked, sizeof linked - 1);
    if (len <= 0)
        return named != NULL ? named : xstrdup("");
    linked[len] = '\0';
    free(named);
    size_t cut = strlen(DELETED); /* it was replaced since: what stands there now is meant */
    if ((size_t)len > cut && strcmp(linked + (size_t)len - cut, DELETED) == 0)
        linked[(size_t)len - cut] = '\0';
    return xstrdup(linked);
}

/* "7" or "7,8": descriptors above the standard ones. */
static bool read_descriptors(const char *text, int count, int *fds_out)
{
    for (int i = 0; i < count; i++) {
        char *end;
        errno = 0;
        long fd = strtol(text, &end, 10);
        if (errno != 0 || end == text || fd <= STDERR_FILENO || fd > INT_MAX ||
            *end != (i + 1 < count ? ',' : '\0'))
            return false;
        fds_out[i] = (int)fd;
        text = end + 1;
    }
    return true;
}

void launch_init(int *argc, char **argv)
{
    int fds[2] = {-1, -1};
    bool sound = true;

    launch.file = find_file();
    launch.words = argv;
    if (*argc < 2)
        return;
    if (strncmp(argv[1], TAKEOVER_WORD, strlen(TAKEOVER_WORD)) == 0) {
        launch.kind = LAUNCH_TAKEOVER;
        sound = read_descriptors(argv[1] + strlen(TAKEOVER_WORD), 1, fds);
    } else if (strncmp(argv[1], TRIAL_WORD, strlen(TRIAL_WORD)) == 0) {
        launch.kind = LAUNCH_TRIAL;
        sound = read_descriptors(argv[1] + strlen(TRIAL_WORD), 2, fds);
    } else {
        return;
    }
    launch.complaint = sound ? NULL : "its descriptors make no sense";
    launch.state_fd = fds[0];
    launch.answer_fd = fds[1];
    free(argv[1]); /* proc_title_init's copy */
    for (int i = 1; i < *argc; i++)
        argv[i] = argv[i + 1];
    (*argc)--;
}

const struct launch *launch_get(void)
{
    return &launch;
}

char **launch_words(enum launch_kind kind, int state_fd, int answer_fd)
{
    size_t count = 0;
    char word[64];

    while (launch.words[count] != NULL)
        count++;
    BUG_ON(count == 0 || kind == LAUNCH_FRESH);
    if (kind == LAUNCH_TRIAL)
        snprintf(word, sizeof word, TRIAL_WORD "%d,%d", state_fd, answer_fd);
    else
        snprintf(word, sizeof word, TAKEOVER_WORD "%d", state_fd);
    char **words = xcalloc(count + 2, sizeof *words);
    words[0] = launch.words[0];
    words[1] = xstrdup(word);
    memcpy(words + 2, launch.words + 1, (count - 1) * sizeof *words);
    return words;
}

void launch_words_free(char ***words)
{
    free((*words)[1]);
    free(*words);
    *words = NULL;
}

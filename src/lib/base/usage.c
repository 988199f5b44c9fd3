/* The two files are those of the process that opened them, whatever it may open later. */
#include "gatepost/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    int memory_fd; /* smaps_rollup; -1: there is none */
    int fds_fd;    /* the directory of descriptors */
} opened = {-1, -1};

void usage_open(void)
{
    opened.memory_fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    opened.fds_fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* "Pss:                2324 kB". */
static bool find_kib(const char *text, const char *key, uint64_t *kib_out)
{
    const char *line = strstr(text, key);

    if (line == NULL)
        return false;
    *kib_out = strtoull(line + strlen(key), NULL, 10);
    return true;
}

bool usage_read(struct usage *usage)
{
    char text[2048];

    if (opened.memory_fd < 0 || lseek(opened.memory_fd, 0, SEEK_SET) != 0)
        return false;
    const ssize_t len = read(opened.memory_fd, text, sizeof(text) - 1);
    if (len <= 0)
        return false;
    text[len] = '\0';
    return find_kib(text, "\nRss:", &usage->rss_kib) && find_kib(text, "\nPss:", &usage->pss_kib);
}

/* Since Linux 6.2 the directory's size is their number; before it is 0. */
bool usage_count_descriptors(uint64_t *count_out)
{
    struct stat status;
    uint64_t count = 0;

    if (opened.fds_fd < 0 || fstat(opened.fds_fd, &status) != 0)
        return false;
    if (status.st_size > 0) {
        *count_out = (uint64_t)status.st_size;
        return true;
    }
    const int copy = fcntl(opened.fds_fd, F_DUPFD_CLOEXEC, 0);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    if (directory == NULL) {
        if (copy >= 0)
            close(copy);
        return false;
    }
    rewinddir(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    *count_out = count - 1; /* the copy */
    return true;
}

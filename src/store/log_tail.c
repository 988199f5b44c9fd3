/* See log_tail.h.
 *
 * Every recovery ends with zeros from the log's last record to the end of its file, 4 KiB at a time
 * (__log_zero in log.c of Berkeley DB 5.3): up to 32 MiB in 8,192 system calls, which the first
 * flush then waits for. They replace zeros: a file of the log is made at its full size, and what
 * was never written of it reads as zeros. Cut off before and added again after the recovery, as a
 * hole, they need not be written.
 *
 * Nothing but zeros is ever cut off, so whatever a power cut leaves of the two changes is a log
 * with the same records; Berkeley DB takes the end of a file for the end of its records, too. */
#include "log_tail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/backup.h"

#define BLOCK_BYTES 65536

/* Returns 0 when there is none. */
static uint32_t newest_log(const char *dir, char name_out[NAME_MAX + 1])
{
    DIR *entries = opendir(dir);
    struct dirent *entry;
    uint32_t newest = 0;

    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        const uint32_t number = backup_log_number(entry->d_name);

        if (number <= newest)
            continue;
        newest = number;
        snprintf(name_out, NAME_MAX + 1, "%s", entry->d_name);
    }
    if (entries != NULL)
        closedir(entries);
    return newest;
}

/* Where the last stretch ends that is no hole; a file system that knows no holes calls all data.
 * -1: it does not say. Only ENXIO is "no data from there on": a file system that refuses the
 * question, or an error of the disk, says nothing about what is there. */
static off_t end_of_data(int fd)
{
    off_t end = 0;
    off_t data;

    while (end >= 0 && (data = lseek(fd, end, SEEK_DATA)) >= 0)
        end = lseek(fd, data, SEEK_HOLE);
    return end >= 0 && errno == ENXIO ? end : -1;
}

static size_t last_written(const uint8_t *bytes, size_t len)
{
    if (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0) /* nearly always */
        return 0;
    while (len > 0 && bytes[len - 1] == 0)
        len--;
    return len;
}

/* Behind the last byte that is not 0; -1: it cannot be read. */
static off_t end_of_bytes(int fd)
{
    uint8_t block[BLOCK_BYTES];
    off_t end = end_of_data(fd);

    while (end > 0) {
        const off_t begin = (end - 1) / BLOCK_BYTES * BLOCK_BYTES;
        const ssize_t len = pread(fd, block, (size_t)(end - begin), begin);

        if (len != (ssize_t)(end - begin))
            return -1;
        const size_t written = last_written(block, (size_t)len);
        if (written > 0)
            return begin + (off_t)written;
        end = begin;
    }
    return end;
}

void log_tail_cut(const char *dir, struct log_tail *tail_out)
{
    char name[NAME_MAX + 1];
    struct stat status;

    memset(tail_out, 0, sizeof(*tail_out));
    if (newest_log(dir, name) == 0 ||
        snprintf(tail_out->path, sizeof(tail_out->path), "%s/%s", dir, name) >= PATH_MAX) {
        tail_out->path[0] = '\0';
        return;
    }
    int fd = open(tail_out->path, O_RDWR | O_CLOEXEC);
    const off_t end = fd >= 0 ? end_of_bytes(fd) : -1;
    if (end < 0 || fstat(fd, &status) != 0 || end + LOG_TAIL_KEPT_BYTES >= status.st_size ||
        ftruncate(fd, end + LOG_TAIL_KEPT_BYTES) != 0)
        tail_out->path[0] = '\0';
    else
        tail_out->size = status.st_size;
    if (fd >= 0)
        close(fd);
}

void log_tail_restore(const struct log_tail *tail)
{
    struct stat status;

    /* Without it the file grows with each write, as in any environment without this. */
    if (tail->path[0] != '\0' && stat(tail->path, &status) == 0 && status.st_size < tail->size)
        (void)!truncate(tail->path, tail->size);
}

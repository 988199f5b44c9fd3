/* See archive.h. The note is one line, with each number twice, so that what is half there is not
 * taken for one; without it nothing counts as backed up. */
#include "archive.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gatepost/log.h"

#define NOTE_NAME   "backed-up"
#define NOTE_FORMAT "%010" PRIu32 " %020" PRId64 " %010" PRIu32 " %020" PRId64 "\n"
#define NOTE_BYTES  64

struct archive {
    const char *dir;
    pthread_mutex_t mutex;
    /* under the mutex: */
    struct archive_view view;
    uint32_t pin; /* 0: none */
    bool due;     /* files may be removed that were kept so far */
};

static void note_path(const struct archive *archive, char path_out[4096])
{
    (void)snprintf(path_out, 4096, "%s/" NOTE_NAME, archive->dir);
}

static void read_note(struct archive *archive)
{
    char path[4096];
    char text[NOTE_BYTES + 1] = {0};
    uint32_t file;
    uint32_t file_again;
    int64_t when;
    int64_t when_again;

    note_path(archive, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (pread(fd, text, NOTE_BYTES, 0) == NOTE_BYTES &&
        sscanf(text, "%10" SCNu32 " %20" SCNd64 " %10" SCNu32 " %20" SCNd64, &file, &when,
               &file_again, &when_again) == 4 &&
        file == file_again && when == when_again) {
        archive->view.backed_up = file;
        archive->view.when = when;
    }
    close(fd);
}

struct archive *archive_new(const char *dir, bool keeps)
{
    struct archive *archive = xcalloc(1, sizeof(*archive));

    archive->dir = dir;
    archive->view.keeps = keeps;
    pthread_mutex_init(&archive->mutex, NULL);
    read_note(archive);
    return archive;
}

void archive_free(struct archive **archive)
{
    if (*archive == NULL)
        return;
    pthread_mutex_destroy(&(*archive)->mutex);
    free(*archive);
    *archive = NULL;
}

struct archive_view archive_look(struct archive *archive)
{
    pthread_mutex_lock(&archive->mutex);
    const struct archive_view view = archive->view;
    pthread_mutex_unlock(&archive->mutex);
    return view;
}

uint32_t archive_first_kept(struct archive *archive)
{
    uint32_t first = 0;

    if (archive == NULL)
        return 0;
    pthread_mutex_lock(&archive->mutex);
    if (archive->view.keeps)
        first = archive->view.backed_up > 0 ? archive->view.backed_up : 1;
    if (archive->pin != 0 && (first == 0 || archive->pin < first))
        first = archive->pin;
    pthread_mutex_unlock(&archive->mutex);
    return first;
}

void archive_set_kept(struct archive *archive, uint64_t files)
{
    if (archive == NULL)
        return;
    pthread_mutex_lock(&archive->mutex);
    archive->view.kept = files;
    pthread_mutex_unlock(&archive->mutex);
}

void archive_pin(struct archive *archive, uint32_t file)
{
    pthread_mutex_lock(&archive->mutex);
    archive->pin = file;
    pthread_mutex_unlock(&archive->mutex);
}

void archive_note(struct archive *archive, uint32_t file, wall_ms now)
{
    char path[4096];
    char text[NOTE_BYTES + 1];

    pthread_mutex_lock(&archive->mutex);
    archive->view.backed_up = file;
    archive->view.when = now;
    archive->due = true;
    pthread_mutex_unlock(&archive->mutex);
    note_path(archive, path);
    (void)snprintf(text, sizeof(text), NOTE_FORMAT, file, now, file, now);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || pwrite(fd, text, NOTE_BYTES, 0) != NOTE_BYTES)
        log_warning("store.note_refused", "note=\"that there is a backup: %s\"", path);
    if (fd >= 0)
        close(fd);
}

bool archive_take_due(struct archive *archive)
{
    bool due;

    if (archive == NULL)
        return false;
    pthread_mutex_lock(&archive->mutex);
    due = archive->due;
    archive->due = false;
    pthread_mutex_unlock(&archive->mutex);
    return due;
}

/* The file transport: each letter becomes <job id>.eml in mail.dir.
 *
 * Story of a batch: write every letter under <job id>.tmp, start its flush, wait for the flushes,
 * rename, flush the folder once, tell the outcomes. Invariant: a name that ends in .eml is a whole
 * letter that is on disk once its outcome is told; a repeat replaces itself. What fails is the
 * disk's fault, not the letter's: it counts as trouble with the relay. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/fault.h"

#include "transport.h"

#define FILE_LANES      32 /* a batch: one flush of the folder for so many letters */
#define FILE_NAME_BYTES (UUID_TEXT_BYTES + 4)

struct pending_file {
    struct delivery *delivery;
    size_t len;
    int fd;
    int error; /* errno of what failed, or 0 */
    char bytes[LETTER_MAX_BYTES];
};

struct file_transport {
    struct transport transport; /* first */
    const char *folder;         /* mail.dir; the configuration's */
    int folder_fd;
    size_t count;
    struct pending_file pending[FILE_LANES];
};

static void file_name(const struct delivery *delivery, const char *suffix,
                      char name_out[FILE_NAME_BYTES])
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&delivery->job_id, id);
    snprintf(name_out, FILE_NAME_BYTES, "%s%s", id, suffix);
}

static void file_send(struct transport *transport, struct delivery *delivery, struct slice letter)
{
    struct file_transport *file = (struct file_transport *)transport;
    BUG_ON(file->count == FILE_LANES || letter.len > LETTER_MAX_BYTES);
    struct pending_file *pending = &file->pending[file->count++];

    pending->delivery = delivery;
    pending->len = letter.len;
    pending->fd = -1;
    pending->error = 0;
    memcpy(pending->bytes, letter.at, letter.len);
}

static void write_out(const struct file_transport *file, struct pending_file *pending)
{
    char name[FILE_NAME_BYTES];
    file_name(pending->delivery, ".tmp", name);
    pending->fd =
        openat(file->folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (pending->fd < 0 || !fd_write_all(pending->fd, pending->bytes, pending->len)) {
        pending->error = errno;
        return;
    }
    /* Only starts the writing, so that the flushes below wait for the disk together. */
    sync_file_range(pending->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static void flush_and_name(const struct file_transport *file, struct pending_file *pending)
{
    char from[FILE_NAME_BYTES], to[FILE_NAME_BYTES];
    file_name(pending->delivery, ".tmp", from);
    file_name(pending->delivery, ".eml", to);
    if (pending->error == 0)
        pending->error = FAULT_ERRNO("m.file_flush");
    if (pending->error == 0 && fdatasync(pending->fd) != 0)
        pending->error = errno;
    if (pending->fd >= 0 && close(pending->fd) != 0 && pending->error == 0)
        pending->error = errno;
    if (pending->error == 0 && renameat(file->folder_fd, from, file->folder_fd, to) != 0)
        pending->error = errno;
    FAULT("m.file_named");
    if (pending->error != 0)
        unlinkat(file->folder_fd, from, 0);
}

static void tell(struct file_transport *file, const struct pending_file *pending)
{
    char text[128];
    struct outcome outcome = {.judgement = {.verdict = VERDICT_DELIVERED}};

    if (pending->error == 0) {
        outcome.reply = SLICE_LITERAL("written");
    } else {
        snprintf(text, sizeof(text), "mail.dir: %s", strerror(pending->error));
        outcome.judgement = (struct judgement){.verdict = VERDICT_RELAY, .relay_troubled = true};
        outcome.trouble = TROUBLE_DISK;
        outcome.reply = slice_of_text(text);
    }
    file->transport.on_outcome(file->transport.context, pending->delivery, &outcome);
}

/* The folder: made where only it is missing, a real one, ours to write. */
static int folder_open(const char *path, struct err *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        err_set(err, "mail.dir: %s cannot be made: %s", path, strerror(errno));
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        err_set(err, "mail.dir: %s cannot be opened: %s", path, strerror(errno));
        return -1;
    }
    if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        err_set(err, "mail.dir: %s cannot be written to: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

/* Somebody who empties the folder may remove it, or put another in its place: letters go to the one
 * that has the name now. On failure the old one stays, and its errors are told with the letters. */
static void folder_look(struct file_transport *file)
{
    struct stat named, held;
    struct err err;

    if (stat(file->folder, &named) == 0 && fstat(file->folder_fd, &held) == 0 &&
        named.st_dev == held.st_dev && named.st_ino == held.st_ino)
        return;
    int folder_fd = folder_open(file->folder, &err);
    if (folder_fd < 0)
        return;
    close(file->folder_fd);
    file->folder_fd = folder_fd;
}

static bool file_work(struct transport *transport)
{
    struct file_transport *file = (struct file_transport *)transport;
    const size_t count = file->count;

    if (count == 0)
        return false;
    folder_look(file);
    for (size_t i = 0; i < count; i++) {
        file->transport.on_wait(file->transport.context);
        write_out(file, &file->pending[i]);
        FAULT("m.file_written");
    }
    for (size_t i = 0; i < count; i++) {
        file->transport.on_wait(file->transport.context);
        flush_and_name(file, &file->pending[i]);
    }
    file->transport.on_wait(file->transport.context);
    int folder_error = fsync(file->folder_fd) == 0 ? 0 : errno;

    file->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (file->pending[i].error == 0)
            file->pending[i].error = folder_error;
        tell(file, &file->pending[i]);
    }
    return true;
}

static void file_wait(struct transport *transport, struct pollfd *fds, size_t fd_count,
                      int timeout_ms)
{
    const struct file_transport *file = (const struct file_transport *)transport;
    poll(fds, (nfds_t)fd_count, file->count > 0 ? 0 : timeout_ms);
}

static void file_close(struct transport **transport)
{
    struct file_transport *file = (struct file_transport *)*transport;
    close(file->folder_fd);
    free(file);
    *transport = NULL;
}

struct transport *file_open(const struct config *config, struct err *err)
{
    int folder_fd = folder_open(config->mail_dir, err);
    if (folder_fd < 0)
        return NULL;
    struct file_transport *file = xcalloc(1, sizeof(*file));
    file->folder = config->mail_dir;
    file->folder_fd = folder_fd;
    file->transport = (struct transport){
        .name = "file",
        .relay_count = 1,
        .relays = {{.name = "file", .lanes = FILE_LANES}},
        .send = file_send,
        .work = file_work,
        .wait = file_wait,
        .close = file_close,
    };
    return &file->transport;
}

/* See backup.h: the manifest is text, a line a fact, in a fixed order; the last one is the SHA-256
 * of all before it, so that a manifest that is half there, or was edited, is told from one that is
 * whole. That is no signature. */
#include "gatepost/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/encoding.h"

#define TITLE              "gatepost-backup 1\n"
#define MANIFEST_NEW       BACKUP_MANIFEST ".new"
#define MANIFEST_MAX_BYTES (32U << 20)
#define LINE_MAX_BYTES     512
#define PLACE              "%" PRIu32 "/%" PRIu32

/* ---- names and files ----------------------------------------------------------------------------
 */

bool backup_name_is_good(const char *name)
{
    const size_t len = strlen(name);

    if (len == 0 || len >= BACKUP_NAME_BYTES || name[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++) {
        const char c = name[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'))
            return false;
    }
    return true;
}

void backup_log_name(uint32_t file, char name_out[BACKUP_LOG_NAME_BYTES])
{
    (void)snprintf(name_out, BACKUP_LOG_NAME_BYTES, "log.%010" PRIu32, file);
}

uint32_t backup_log_number(const char *name)
{
    uint32_t number = 0;
    int used = 0;

    if (sscanf(name, "log.%10" SCNu32 "%n", &number, &used) != 1 ||
        used != BACKUP_LOG_NAME_BYTES - 1 || name[used] != '\0')
        return 0;
    return number;
}

const struct backup_file *backup_file_find(const struct backup_manifest *manifest, const char *name)
{
    for (size_t i = manifest->count; i > 0; i--) {
        if (strcmp(manifest->files[i - 1].name, name) == 0)
            return &manifest->files[i - 1];
    }
    return NULL;
}

struct backup_file *backup_file_of(struct backup_manifest *manifest, const char *name)
{
    const struct backup_file *found = backup_file_find(manifest, name);

    if (found != NULL)
        return &manifest->files[found - manifest->files];
    BUG_ON(manifest->count == BACKUP_FILES_MAX || !backup_name_is_good(name));
    manifest->files = xrealloc(manifest->files, (manifest->count + 1) * sizeof(*manifest->files));
    struct backup_file *file = &manifest->files[manifest->count++];
    *file = (struct backup_file){.bytes = 0};
    (void)snprintf(file->name, sizeof(file->name), "%s", name);
    return file;
}

void backup_manifest_free(struct backup_manifest *manifest)
{
    free(manifest->files);
    manifest->files = NULL;
    manifest->count = 0;
}

bool backup_digest(int fd, uint64_t bytes, uint8_t digest_out[DIGEST_BYTES],
                   backup_bytes_fn on_bytes, void *context)
{
    enum { PIECE = 1 << 18 };
    struct digest *digest = digest_new();
    uint8_t *piece = xcalloc(1, PIECE);
    uint64_t done = 0;
    ssize_t got = 1;

    while (done < bytes && got > 0) {
        const uint64_t left = bytes - done;

        got = pread(fd, piece, left < PIECE ? (size_t)left : PIECE, (off_t)done);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        if (got <= 0)
            break;
        digest_add(digest, piece, (size_t)got);
        done += (uint64_t)got;
        if (on_bytes != NULL)
            on_bytes(context, (size_t)got);
    }
    free(piece);
    if (got == 0)
        errno = EIO;
    if (done < bytes) {
        digest_free(&digest);
        return false;
    }
    digest_end(&digest, digest_out);
    return true;
}

/* ---- writing ------------------------------------------------------------------------------------
 */

static void print(const struct backup_manifest *manifest, FILE *to)
{
    char began[CLOCK_ISO_BYTES];
    char ended[CLOCK_ISO_BYTES];
    char hex[HEX_TEXT_BYTES(DIGEST_BYTES)];

    clock_iso(manifest->began, began);
    clock_iso(manifest->ended, ended);
    hex_encode(manifest->audit_chain, DIGEST_BYTES, hex);
    (void)fprintf(to,
                  TITLE "version %s\nformat %" PRIu32 "\nbegan %s\nended %s\nset %s\n"
                        "users %" PRIu64 "\naudit %" PRIu64 " %s\nlog %" PRIu32 " " PLACE " " PLACE
                        "\n",
                  manifest->version, manifest->format, began, ended, manifest->set, manifest->users,
                  manifest->audit_events, hex, manifest->log_first, manifest->base.file,
                  manifest->base.offset, manifest->end.file, manifest->end.offset);
    for (size_t i = 0; i < manifest->count; i++) {
        hex_encode(manifest->files[i].digest, DIGEST_BYTES, hex);
        (void)fprintf(to, "file %" PRIu64 " %s %s\n", manifest->files[i].bytes, hex,
                      manifest->files[i].name);
    }
}

static char *text_of(const struct backup_manifest *manifest, size_t *len_out)
{
    char *text = NULL;
    uint8_t digest[DIGEST_BYTES];
    char hex[HEX_TEXT_BYTES(DIGEST_BYTES)];
    FILE *to = open_memstream(&text, len_out);

    BUG_ON(to == NULL);
    print(manifest, to);
    BUG_ON(fflush(to) != 0);
    digest_sha256(text, *len_out, digest);
    hex_encode(digest, sizeof(digest), hex);
    (void)fprintf(to, "whole %s\n", hex);
    BUG_ON(fclose(to) != 0);
    return text;
}

bool backup_manifest_write(int dir_fd, const struct backup_manifest *manifest, struct err *err)
{
    size_t len = 0;
    char *text = text_of(manifest, &len);
    int fd =
        openat(dir_fd, MANIFEST_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && fd_write_all(fd, text, len) && fsync(fd) == 0;

    written = written && renameat(dir_fd, MANIFEST_NEW, dir_fd, BACKUP_MANIFEST) == 0 &&
              fsync(dir_fd) == 0;
    if (!written)
        err_set(err, "cannot write " BACKUP_MANIFEST ": %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    free(text);
    return written;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

/* Bytes of the file, NUL-terminated. NULL: errno. */
static char *load(int dir_fd, size_t *len_out)
{
    int fd = openat(dir_fd, BACKUP_MANIFEST, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    char *text = NULL;
    size_t len = 0;
    ssize_t got = 0;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
        status.st_size <= MANIFEST_MAX_BYTES) {
        const size_t size = (size_t)status.st_size;

        text = xcalloc(1, size + 1);
        while (len < size && (got = read(fd, text + len, size - len)) > 0)
            len += (size_t)got;
        *len_out = len;
    } else {
        errno = EINVAL;
    }
    close(fd);
    return text;
}

/* Does the last line carry the digest of all before it? That line is cut off. */
static bool is_whole(char *text, size_t len)
{
    enum { TAIL = sizeof("whole \n") - 1 + 2 * DIGEST_BYTES };
    uint8_t digest[DIGEST_BYTES];
    char tail[TAIL + 1];
    char hex[HEX_TEXT_BYTES(DIGEST_BYTES)];

    if (len < TAIL || strlen(text) != len)
        return false;
    digest_sha256(text, len - TAIL, digest);
    hex_encode(digest, sizeof(digest), hex);
    (void)snprintf(tail, sizeof(tail), "whole %s\n", hex);
    if (memcmp(text + len - TAIL, tail, TAIL) != 0)
        return false;
    text[len - TAIL] = '\0';
    return true;
}

static bool read_hex(const char *text, uint8_t bytes_out[DIGEST_BYTES])
{
    size_t len = 0;

    return hex_decode(slice_of_text(text), bytes_out, DIGEST_BYTES, &len) && len == DIGEST_BYTES;
}

static bool read_head(const char *text, struct backup_manifest *manifest, int *used_out)
{
    char began[32];
    char ended[32];
    char hex[2 * DIGEST_BYTES + 1];

    *used_out = 0;
    if (sscanf(text,
               TITLE "version %31s\nformat %" SCNu32
                     "\nbegan %31s\nended %31s\nset %63s\nusers %" SCNu64 "\naudit %" SCNu64
                     " %64s\nlog %" SCNu32 " %" SCNu32 "/%" SCNu32 " %" SCNu32 "/%" SCNu32 "\n%n",
               manifest->version, &manifest->format, began, ended, manifest->set, &manifest->users,
               &manifest->audit_events, hex, &manifest->log_first, &manifest->base.file,
               &manifest->base.offset, &manifest->end.file, &manifest->end.offset,
               used_out) != 13 ||
        *used_out == 0)
        return false;
    return clock_read_iso(began, strlen(began), &manifest->began) &&
           clock_read_iso(ended, strlen(ended), &manifest->ended) &&
           read_hex(hex, manifest->audit_chain) && backup_name_is_good(manifest->set) &&
           strncmp(manifest->set, BACKUP_SET_PREFIX, sizeof(BACKUP_SET_PREFIX) - 1) == 0;
}

static bool read_file_line(const char *line, struct backup_manifest *manifest)
{
    char hex[2 * DIGEST_BYTES + 1];
    char name[BACKUP_NAME_BYTES];
    uint64_t bytes;
    int used = 0;

    if (sscanf(line, "file %" SCNu64 " %64s %63s\n%n", &bytes, hex, name, &used) != 3 ||
        used == 0 || !backup_name_is_good(name) || manifest->count == BACKUP_FILES_MAX ||
        bytes > INT64_MAX)
        return false;
    struct backup_file *file = backup_file_of(manifest, name);
    file->bytes = bytes;
    return read_hex(hex, file->digest);
}

static bool read_files(const char *text, struct backup_manifest *manifest)
{
    for (const char *line = text; *line != '\0';) {
        const char *end = strchr(line, '\n');

        if (end == NULL || !read_file_line(line, manifest))
            return false;
        line = end + 1;
    }
    return true;
}

enum backup_status backup_manifest_read(int dir_fd, struct backup_manifest *manifest_out,
                                        struct err *err)
{
    struct backup_manifest manifest = {.count = 0};
    size_t len = 0;
    int used = 0;
    char *text = load(dir_fd, &len);

    if (text == NULL && errno == ENOENT)
        return BACKUP_NONE;
    if (text == NULL) {
        err_set(err, BACKUP_MANIFEST ": %s", strerror(errno));
        return BACKUP_BAD;
    }
    const bool good = is_whole(text, len) && read_head(text, &manifest, &used) &&
                      read_files(text + used, &manifest);
    free(text);
    if (!good) {
        backup_manifest_free(&manifest);
        err_set(err, BACKUP_MANIFEST " is damaged, or of another version of Gatepost");
        return BACKUP_BAD;
    }
    *manifest_out = manifest;
    return BACKUP_OK;
}

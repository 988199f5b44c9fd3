/* A backup on a disk: its manifest, and the stream that it comes in.
 *
 * A backup's directory holds `manifest` and one directory of files, the set that the manifest
 * names. The manifest is written last and takes its name when all the rest is on disk, so that a
 * backup that was cut short has none, or still the one of the set before it. */
#ifndef GATEPOST_BACKUP_H
#define GATEPOST_BACKUP_H

#include "gatepost/clock.h"
#include "gatepost/err.h"
#include "gatepost/secret.h"

#define BACKUP_MANIFEST       "manifest"
#define BACKUP_SET_PREFIX     "set-"
#define BACKUP_NAME_BYTES     64 /* of a file or a set, with the NUL */
#define BACKUP_FILES_MAX      20000U
#define BACKUP_LOG_NAME_BYTES 15 /* "log.0000000001", with the NUL */

/* A place in the log of the database: number of the file, byte in it. */
struct backup_place {
    uint32_t file; /* 0: none */
    uint32_t offset;
};

struct backup_file {
    char name[BACKUP_NAME_BYTES];
    uint64_t bytes; /* of what may lie behind them, nothing counts */
    uint8_t digest[DIGEST_BYTES];
};

struct backup_manifest {
    char version[32]; /* of the program that made it */
    uint32_t format;  /* of the database's records */
    wall_ms began;    /* of the pages */
    wall_ms ended;    /* of the newest log: the backup holds all that was answered before began */
    char set[BACKUP_NAME_BYTES];
    uint64_t users;        /* as told when the last part began; no checked sum */
    uint64_t audit_events; /* then: so many rows, and the chain of the last of them */
    uint8_t audit_chain[DIGEST_BYTES];
    uint32_t log_first;       /* the first file of the log that is in it */
    struct backup_place base; /* the log up to here is needed to make sense of the pages */
    struct backup_place end;  /* and is there up to here */
    size_t count;
    struct backup_file *files; /* owned */
};

enum backup_status {
    BACKUP_OK,
    BACKUP_NONE, /* there is no manifest: nothing, or a backup that was cut short */
    BACKUP_BAD,  /* err: what is wrong with it */
};

/* dir_fd: the backup's directory. On BACKUP_OK *manifest_out is to be freed. */
MUST_USE enum backup_status backup_manifest_read(int dir_fd, struct backup_manifest *manifest_out,
                                                 struct err *err);

/* Whole or not at all, and on disk when it returns true. */
MUST_USE bool backup_manifest_write(int dir_fd, const struct backup_manifest *manifest,
                                    struct err *err);
void backup_manifest_free(struct backup_manifest *manifest);

/* The file of that name, added when it is not there; dies beyond BACKUP_FILES_MAX. Good until the
 * next one is added. */
struct backup_file *backup_file_of(struct backup_manifest *manifest, const char *name);
const struct backup_file *backup_file_find(const struct backup_manifest *manifest,
                                           const char *name); /* NULL: none */

/* A name that a file of a backup may have: "users.db", "log.0000000001". Never a path. */
MUST_USE bool backup_name_is_good(const char *name);
void backup_log_name(uint32_t file, char name_out[BACKUP_LOG_NAME_BYTES]);
/* The number of a log file; 0: it is none. */
uint32_t backup_log_number(const char *name);

/* SHA-256 of a file's first bytes. Errors: false with errno; EIO when it has fewer. on_bytes,
 * unless NULL, hears of each piece. */
typedef void (*backup_bytes_fn)(void *context, size_t len);
MUST_USE bool backup_digest(int fd, uint64_t bytes, uint8_t digest_out[DIGEST_BYTES],
                            backup_bytes_fn on_bytes, void *context);

/* ---- the stream ---------------------------------------------------------------------------------
 * Frame after frame: kind (u8), length (u32 big-endian), that many bytes. */
enum backup_frame {
    BACKUP_FRAME_FILE = 1, /* its name: what follows belongs to it */
    BACKUP_FRAME_DATA = 2, /* offset (u64), bytes */
    BACKUP_FRAME_END = 3,  /* a packed backup_summary: all of it has come */
    BACKUP_FRAME_FAIL = 4, /* a sentence: there will be no more */
};
#define BACKUP_FRAME_HEAD_BYTES 5
#define BACKUP_FRAME_MAX_BYTES  (256U * 1024 + 64)

/* Reads a stream that comes in pieces of any size. */
struct backup_stream;
struct backup_stream *backup_stream_new(void);
void backup_stream_free(struct backup_stream **stream);
void backup_stream_put(struct backup_stream *stream, struct slice piece); /* copied */

enum backup_next {
    BACKUP_NEXT_FRAME,
    BACKUP_NEXT_MORE,  /* what is there is no whole frame yet */
    BACKUP_NEXT_WRONG, /* this is no such stream */
};
/* body_out: borrowed until the next call. */
MUST_USE enum backup_next backup_stream_next(struct backup_stream *stream,
                                             enum backup_frame *kind_out, struct slice *body_out);

#endif

/* How far the log is known to be on disk, in a file beside it.
 *
 * Berkeley DB takes the first log record that it cannot read, or whose checksum is wrong, for the
 * end of the log: what was answered behind it would be gone without a word, and written over. So
 * each flush notes here where it ended, and a start that finds the log ending before that place is
 * refused, with nothing changed. The note is written after the flush and not flushed itself: it is
 * never ahead of the log, only behind it after a power cut. A copy of the directory that was made
 * file by file while the store ran may have one that is ahead: then it is no backup. */
#ifndef GATEPOST_STORE_DURABLE_H
#define GATEPOST_STORE_DURABLE_H

#include <db.h>

#include "gatepost/err.h"

struct log_end {
    uint32_t file;
    uint32_t offset;
};

/* Before the environment is opened. False with a sentence when a log file is missing, the log ends
 * too early, or it cannot be looked at. Cost: reads the newest log file once. */
MUST_USE bool durable_check(const char *dir, struct err *err);

/* Opens the note of an environment that has just been opened; made when it is missing. Returns the
 * descriptor, or -1: then nothing is noted. */
int durable_open(DB_ENV *db_env, const char *dir);

/* Where the log ends now; {0, 0} when it cannot be told. */
struct log_end durable_end_of_log(DB_ENV *db_env);

/* What is known to be on disk of it. */
struct log_end durable_end_on_disk(DB_ENV *db_env);

/* All before that place is on disk. One thread at a time. */
void durable_note(int fd, struct log_end end);

/* What writes the note: pwrite, unless a test puts something in its place that writes it down. */
typedef ssize_t (*durable_write_fn)(int fd, const void *bytes, size_t len, off_t at);
void durable_replace_write(durable_write_fn write);

/* After a checkpoint: removes the log files that nothing needs any more, and notes, on disk, which
 * is the first that is needed. first_kept: that one and those behind it stay (archive.h); 0: none
 * does for that. kept_out: how many stayed for it. Returns 0 or what failed. One thread at a time.
 */
MUST_USE int durable_remove_old(DB_ENV *db_env, int fd, uint32_t first_kept, uint64_t *kept_out);

/* The first log file that a recovery would read now. Returns 0 or what failed. */
MUST_USE int durable_first_needed(DB_ENV *db_env, uint32_t *file_out);

/* Beside a log that was put back, in a directory where there is none: it is to be found readable up
 * to there. False: errno. */
MUST_USE bool durable_put_back(int dir_fd, uint32_t first, struct log_end end);

#endif

/* Log files that are kept although no checkpoint needs them: until a backup has them, and while one
 * is being made. */
#ifndef GATEPOST_STORE_ARCHIVE_H
#define GATEPOST_STORE_ARCHIVE_H

#include "gatepost/base.h"
#include "gatepost/clock.h"

struct archive;

/* keeps: store.archive. dir: borrowed. What an earlier store noted is read. Any thread may call
 * what follows. */
struct archive *archive_new(const char *dir, bool keeps);
void archive_free(struct archive **archive);

struct archive_view {
    bool keeps;
    uint32_t backed_up; /* a backup has all log files before this one; 0: none has any */
    wall_ms when;       /* it was made; 0: never */
    uint64_t kept;      /* files that only wait for a backup, at the last checkpoint */
};
struct archive_view archive_look(struct archive *archive);

/* The first file that must stay; 0: all may go that no checkpoint needs. NULL: the same. */
uint32_t archive_first_kept(struct archive *archive);
void archive_set_kept(struct archive *archive, uint64_t files);

/* A backup is under way that needs this file and all behind it; 0: it is over. */
void archive_pin(struct archive *archive, uint32_t file);

/* A backup is whole that has all log files before this one. Kept in the file `backed-up`, which is
 * not synced: after a power cut more is kept than is needed. */
void archive_note(struct archive *archive, uint32_t file, wall_ms now);

/* True once after archive_note: there may be files to be removed. NULL: false. */
MUST_USE bool archive_take_due(struct archive *archive);

#endif

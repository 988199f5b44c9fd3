/* The files that accounts are moved in from. Private to this folder. */
#ifndef GATEPOST_CLI_IMPORT_FILE_H
#define GATEPOST_CLI_IMPORT_FILE_H

#include "gatepost/err.h"

#include "moved_user.h"

/* One account. line: where it begins in the file. Returns false to end the reading. */
typedef bool (*import_user_fn)(void *context, const struct moved_user *user, uint64_t line);
/* What cannot even be read as one; sentence: a constant. Returns false to end the reading. */
typedef bool (*import_refuse_fn)(void *context, uint64_t line, const char *sentence);

struct import_sink {
    import_user_fn on_user;
    import_refuse_fn on_refused;
    void *context;
    const char *model; /* of Django: "auth.user"; others are counted as skipped */
    uint64_t skipped;
};

struct import_file;

/* format: "django", "csv" or "jsonl". Returns NULL for another word. */
struct import_file *import_file_new(const char *format, struct import_sink *sink);
void import_file_free(struct import_file **file);

/* The next bytes, cut anywhere. Returns false when the rest cannot be read (err), or the sink ended
 * it (err is as it was). */
MUST_USE bool import_file_feed(struct import_file *file, struct slice bytes, struct err *err);
MUST_USE bool import_file_end(struct import_file *file, struct err *err);

#endif

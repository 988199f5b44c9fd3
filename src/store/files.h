/* The database's files before Berkeley DB opens them: one that was half made is begun anew, of one
 * that was used nothing is in the page cache only. */
#ifndef GATEPOST_STORE_FILES_H
#define GATEPOST_STORE_FILES_H

#include "env.h"

/* Before the environment is opened. In a directory without a database a mark is left; a mark that
 * was left says that nothing was ever acknowledged here: what lies there is put aside. Else all
 * bytes and names that a killed predecessor may have written without a sync are made durable.
 * is_new_out: tables are to be made, and files_born to be called when they are on disk.
 * Errors: a sentence; a failed fsync never comes back (sync.h). */
MUST_USE bool files_prepare(struct env *env, const char *dir, bool *is_new_out, struct err *err);

/* Makes the names of new tables durable. */
MUST_USE bool files_settle_names(const char *dir, struct err *err);

/* The database has all it needs and its pages are on disk. Makes its files' names durable, and then
 * that the mark is gone. */
MUST_USE bool files_born(const char *dir, struct err *err);

/* A name of a table or of a log file. */
MUST_USE bool files_is_data(const char *name);

/* A name of a file that a store makes in its directory, its notes included. */
MUST_USE bool files_is_ours(const char *name);

#endif

/* A new folder for what a program of the bench keeps while it runs, below TMPDIR: bench/run has a
 * folder of its own there and removes it, so nothing stays of a program that was ended by a signal.
 */
#ifndef BENCH_TEMPORARY_FOLDER_H
#define BENCH_TEMPORARY_FOLDER_H

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/base.h"

#define TEMPORARY_FOLDER_BYTES 200

static inline void temporary_folder(const char *name, char path_out[TEMPORARY_FOLDER_BYTES])
{
    const char *parent = getenv("TMPDIR");
    const int len =
        snprintf(path_out, TEMPORARY_FOLDER_BYTES, "%s/%s-XXXXXX", parent ? parent : "/tmp", name);

    BUG_ON(len < 0 || len >= TEMPORARY_FOLDER_BYTES || mkdtemp(path_out) == NULL);
}

#endif

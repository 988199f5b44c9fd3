/* A bar on standard error, when that is a terminal. Private to this folder. */
#ifndef GATEPOST_CLI_PROGRESS_H
#define GATEPOST_CLI_PROGRESS_H

#include "gatepost/base.h"
#include "gatepost/clock.h"

struct progress {
    bool shows;    /* there is a terminal */
    bool is_shown; /* the line at the cursor is ours */
    uint64_t all;  /* bytes; 0: not known */
    uint64_t read; /* the owner counts them */
    mono_ns began;
    mono_ns drawn;
};

void progress_begin(struct progress *progress, uint64_t all_bytes);
/* Draws it, ten times a second at most. done: accounts. */
void progress_show(struct progress *progress, uint64_t done);
/* The same where what is done is what was read. */
void progress_show_bytes(struct progress *progress);
void progress_hide(struct progress *progress); /* before anything else is printed */

#endif

/* Answers that are an object a line. Private to this folder. */
#ifndef GATEPOST_CLI_LINES_H
#define GATEPOST_CLI_LINES_H

#include "gatepost/base.h"

/* Takes the next line off text. Returns false when none is left. */
MUST_USE bool next_line(struct slice *text, struct slice *line_out);

/* "2026-11-23 14:51:47", or what is no time as it is: people need no milliseconds. */
#define TIME_TEXT_BYTES 20
struct slice time_text(struct slice iso, char storage[TIME_TEXT_BYTES]);

#endif

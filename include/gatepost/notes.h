/* The last lines that asked for attention, of all processes, in the segment: what `gatepost status`
 * shows without reading a log. */
#ifndef GATEPOST_NOTES_H
#define GATEPOST_NOTES_H

#include "gatepost/segment.h"

#define NOTES_MAX      32  /* the newest; older ones are overwritten */
#define NOTE_MAX_BYTES 503 /* a longer line is cut */

/* Any thread of any process; without a lock and without waiting. Two that come round to one place
 * in the same moment may spoil it: then the reader leaves it out. */
void note_put(struct segment *segment, struct slice line);

/* The newest lines, oldest first, as they were when this looked; NUL-terminated, printable: what
 * is no clean text is left out. Returns how many. */
size_t notes_read(const struct segment *segment, char lines_out[NOTES_MAX][NOTE_MAX_BYTES + 1]);

#endif

/* Load and health of the last minute, for the status page. */
#ifndef MASTER_WATCH_H
#define MASTER_WATCH_H

#include "gatepost/clock.h"
#include "gatepost/segment.h"

struct master;
struct watch;

struct watch *watch_new(void);
void watch_free(struct watch **watch);

/* Notes the counters, once a second. Who calls it: the loop, once a turn. Cost: some microseconds a
 * second. */
void watch_look(struct watch *watch, const struct segment *segment, mono_ns now);

/* The page's lines. Gives: heap text. */
char *watch_text(const struct master *master);

#endif

/* Points in time as people name them. Private to this folder. */
#ifndef GATEPOST_CLI_WHEN_H
#define GATEPOST_CLI_WHEN_H

#include "gatepost/base.h"
#include "gatepost/clock.h"

/* "2026-11-28T12:00:00Z", "2026-11-28", or so long ago: "30m", "12h", "7d". */
MUST_USE bool when_read(const char *text, wall_ms *when_out);

#endif

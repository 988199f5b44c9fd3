/* The number that decides whether an upgrade can leave the segment and its processes as they are.
 *
 * Old and new processes work side by side for a while: they read each other's lanes, seats, limits
 * and counters, and hear each other's master. So all of that is in it, and nothing else: what a
 * process keeps to itself, or what is on the disk, may differ. */
#include "layout.h"

#include "gatepost/layout.h"
#include "gatepost/limit.h"
#include "gatepost/metrics.h"
#include "gatepost/proc.h"
#include "gatepost/segment_parts.h"
#include "gatepost/store_messages.h"

/* Another layout for tests: make CFLAGS=-DGATEPOST_LAYOUT_SALT=1, or another figure in its place in
 * the binary, which a compiler that could work the sum out beforehand would take away. */
#ifndef GATEPOST_LAYOUT_SALT
#define GATEPOST_LAYOUT_SALT 0
#endif
#define TEXT_OF(figure) #figure
#define SALT(figure)    "gatepost layout salt " TEXT_OF(figure)
static const char *const volatile salt = SALT(GATEPOST_LAYOUT_SALT);

static uint64_t included = LAYOUT_BEGIN;

void layout_include(uint64_t part)
{
    included = layout_fold(included, part);
}

uint64_t layout_of_this_binary(void)
{
    const uint64_t parts[] = {
        segment_layout(),
        limits_layout(),
        metrics_layout(),
        store_messages_layout(),
        sizeof(struct proc_message),
        PROC_MESSAGE_KINDS,
        included,
    };
    uint64_t layout = LAYOUT_BEGIN;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        layout = layout_fold(layout, parts[i]);
    return layout_fold_text(layout, salt);
}

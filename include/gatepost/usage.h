/* What this process takes of the machine: memory and descriptors, from /proc. */
#ifndef GATEPOST_USAGE_H
#define GATEPOST_USAGE_H

#include "gatepost/base.h"

struct usage {
    uint64_t pss_kib; /* private pages, and of shared ones a share */
    uint64_t rss_kib;
    uint64_t descriptors;
};

/* Opens what the other two read. Who calls it: every process once, at its start, before it changes
 * its user or enters a sandbox: later these files can be opened no more. One that has no /proc goes
 * without. Descriptors: two, closed by exec. */
void usage_open(void);

/* Both return false where there is nothing to read. Cost of the first: the kernel walks all pages,
 * some 2 ms for 100 MiB; of the second: a system call. */
MUST_USE bool usage_read(struct usage *usage);
MUST_USE bool usage_count_descriptors(uint64_t *count_out);

#endif

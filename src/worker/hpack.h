/* As much of HPACK (RFC 7541) as it takes to count: how many fields a header block makes. */
#ifndef WORKER_HPACK_H
#define WORKER_HPACK_H

#include "gatepost/base.h"

/* How many fields a block stands for. A byte of it may be a field of 4 KiB that was said before,
 * so that its length says little of what it costs.
 * Of a block that is broken what stands before the break is counted: the decoder will refuse it.
 * Cost: one look at each field's first bytes; strings are skipped. */
size_t hpack_count_fields(struct slice block);

#endif

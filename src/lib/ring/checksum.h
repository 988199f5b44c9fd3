/* Copies a record and sums it up in one pass. The sum tells random damage from work; it is no
 * defence against a forger. Private to lib/ring.
 *
 * The source is read in this pass alone: whatever another process writes meanwhile, what the caller
 * looks at afterwards is its copy. The position goes in, so that the bytes of an earlier lap, whole
 * as they are, are no record of this one. Both sides run on one machine, so its byte order and its
 * instructions are good enough: which function it is must be the same in all processes of a
 * segment. */
#ifndef GATEPOST_RING_CHECKSUM_H
#define GATEPOST_RING_CHECKSUM_H

#include "gatepost/base.h"

/* to: may be NULL, for the sum alone. len: 1 or more. */
typedef uint32_t (*checksum_fn)(uint64_t position, uint8_t *to, const uint8_t *from, size_t len);

/* The fastest on this processor; the first of the two that it can run. */
checksum_fn checksum_choose(void);

/* NULL where the processor, or the compiler's target, has no AES instructions. */
checksum_fn checksum_aes(void);
uint32_t checksum_plain(uint64_t position, uint8_t *to, const uint8_t *from, size_t len);

#endif

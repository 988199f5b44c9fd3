/* Stored bytes that a damaged disk gives back: a record is read whole or refused, never beyond its
 * end, and what was read packs to the same bytes again.
 *
 * Shape of an input: a byte that picks the record, then its bytes. */
#include <stdlib.h>

#include "store/record.h"

static void check(const uint8_t *bytes, size_t len, uint8_t which)
{
    uint8_t again[65536];
    struct packer packer = packer_over(again, sizeof(again));
    struct slice packed = slice_of(bytes, len);
    uint8_t number = 0;

#define U8(field)
#define U32(field)
#define U64(field)
#define WALL(field)
#define UUID(field)
#define SLICE(field, max)
#define RECORD_BEGIN(name, version)                                                                \
    if (which == number++) {                                                                       \
        struct name record;                                                                        \
        if (!name##_unpack(packed, &record))                                                       \
            return;                                                                                \
        name##_pack(&packer, &record);                                                             \
    }
#define RECORD_END(name)
#include "store/records.def"
    if (which < number)
        BUG_ON(packer.overflow || !slice_equal(packer_slice(&packer), packed));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t *copy;

    if (len < 1)
        return 0;
    copy = malloc(len > 1 ? len - 1 : 1); /* a heap block: ASan sees its ends */
    memcpy(copy, bytes + 1, len - 1);
    check(copy, len - 1, bytes[0]);
    free(copy);
    return 0;
}

/* Header blocks of HTTP/2 of any bytes: a field takes a byte at least, what follows a block does
 * not change how many stand before it, and cutting a block never makes more of them. */
#include <stdint.h>

#include "worker/hpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t whole = hpack_count_fields(slice_of(data, size));
    const size_t half = hpack_count_fields(slice_of(data, size / 2));

    BUG_ON(whole > size || half > size / 2 || half > whole);
    return 0;
}

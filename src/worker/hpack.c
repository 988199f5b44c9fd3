/* Only lengths are read: nothing is looked up, nothing decoded. Source: RFC 7541 sections 5, 6. */
#include "hpack.h"

#define INTEGER_BYTES_MAX 5 /* behind the prefix; libh2o takes no longer ones */

/* An integer whose first byte holds that many bits of it. Returns false when it ends too late. */
static bool take_integer(struct slice *rest, unsigned prefix_bits, size_t *value_out)
{
    const size_t most = (1U << prefix_bits) - 1;
    size_t value = (unsigned char)rest->at[0] & most;
    size_t used = 1;

    if (value == most) {
        for (unsigned shift = 0;; shift += 7) {
            if (used == rest->len || used > INTEGER_BYTES_MAX)
                return false;
            const unsigned char byte = (unsigned char)rest->at[used++];
            value += (size_t)(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0)
                break;
        }
    }
    *rest = slice_of(rest->at + used, rest->len - used);
    *value_out = value;
    return true;
}

static bool skip_string(struct slice *rest)
{
    size_t len;

    if (rest->len == 0 || !take_integer(rest, 7, &len) || len > rest->len)
        return false;
    *rest = slice_of(rest->at + len, rest->len - len);
    return true;
}

size_t hpack_count_fields(struct slice block)
{
    size_t count = 0;
    size_t index;

    while (block.len > 0) {
        const unsigned char kind = (unsigned char)block.at[0];
        if (kind >= 0x80) { /* indexed */
            if (!take_integer(&block, 7, &index))
                break;
        } else if (kind >= 0x20 && kind < 0x40) { /* the table's new size: no field */
            if (!take_integer(&block, 5, &index))
                break;
            continue;
        } else { /* literal, with its name or an index for it */
            if (!take_integer(&block, kind >= 0x40 ? 6 : 4, &index) ||
                (index == 0 && !skip_string(&block)) || !skip_string(&block))
                break;
        }
        count++;
    }
    return count;
}

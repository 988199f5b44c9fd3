/* Packing and unpacking: the one codec for records, store requests and mail jobs.
 *
 * Shape: fixed-width integers big-endian; a slice is a 16-bit length and its bytes; a uuid its 16
 * bytes. Errors are sticky, so a caller packs or unpacks everything and looks once at the end. */
#ifndef GATEPOST_BYTES_H
#define GATEPOST_BYTES_H

#include "gatepost/base.h"
#include "gatepost/uuid.h"

/* Writes into the caller's array. overflow: something did not fit; len is then meaningless. */
struct packer {
    uint8_t *bytes;
    size_t max;
    size_t len;
    bool overflow;
};

static inline struct packer packer_over(void *bytes, size_t max)
{
    return (struct packer){.bytes = bytes, .max = max};
}

void pack_u8(struct packer *packer, uint8_t value);
void pack_u16(struct packer *packer, uint16_t value);
void pack_u32(struct packer *packer, uint32_t value);
void pack_u64(struct packer *packer, uint64_t value);
void pack_raw(struct packer *packer, const void *bytes, size_t len); /* no length in front */
void pack_uuid(struct packer *packer, const struct uuid *uuid);
void pack_slice(struct packer *packer, struct slice slice); /* at most 65535 bytes */

static inline struct slice packer_slice(const struct packer *packer)
{
    return slice_of(packer->bytes, packer->len);
}

/* Reads from bytes that stay the owner's; slices point into them. bad: ran out, or a length was
 * over its limit; every later value is then zero. The bytes may be hostile. */
struct unpacker {
    const uint8_t *bytes;
    size_t len; /* left */
    bool bad;
};

static inline struct unpacker unpacker_over(struct slice slice)
{
    return (struct unpacker){.bytes = (const uint8_t *)slice.at, .len = slice.len};
}

uint8_t unpack_u8(struct unpacker *unpacker);
uint16_t unpack_u16(struct unpacker *unpacker);
uint32_t unpack_u32(struct unpacker *unpacker);
uint64_t unpack_u64(struct unpacker *unpacker);
void unpack_raw(struct unpacker *unpacker, void *bytes_out, size_t len);
struct uuid unpack_uuid(struct unpacker *unpacker);
struct slice unpack_slice(struct unpacker *unpacker, size_t max_bytes);

/* True when nothing was wrong and nothing is left. */
static inline bool unpacker_done(const struct unpacker *unpacker)
{
    return !unpacker->bad && unpacker->len == 0;
}

#endif

/* See bytes.h. */
#include "gatepost/bytes.h"

static void pack_integer(struct packer *packer, uint64_t value, unsigned width)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < width; i++)
        bytes[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    pack_raw(packer, bytes, width);
}

void pack_u8(struct packer *packer, uint8_t value)
{
    pack_integer(packer, value, 1);
}

void pack_u16(struct packer *packer, uint16_t value)
{
    pack_integer(packer, value, 2);
}

void pack_u32(struct packer *packer, uint32_t value)
{
    pack_integer(packer, value, 4);
}

void pack_u64(struct packer *packer, uint64_t value)
{
    pack_integer(packer, value, 8);
}

void pack_raw(struct packer *packer, const void *bytes, size_t len)
{
    if (packer->overflow || len > packer->max - packer->len) {
        packer->overflow = true;
        return;
    }
    if (len > 0)
        memcpy(packer->bytes + packer->len, bytes, len);
    packer->len += len;
}

void pack_uuid(struct packer *packer, const struct uuid *uuid)
{
    pack_raw(packer, uuid->bytes, UUID_BYTES);
}

void pack_slice(struct packer *packer, struct slice slice)
{
    if (slice.len > UINT16_MAX) {
        packer->overflow = true;
        return;
    }
    pack_u16(packer, (uint16_t)slice.len);
    pack_raw(packer, slice.at, slice.len);
}

/* The next len bytes, or NULL. */
static const uint8_t *take(struct unpacker *unpacker, size_t len)
{
    const uint8_t *at = unpacker->bytes;

    if (unpacker->bad || len > unpacker->len) {
        unpacker->bad = true;
        return NULL;
    }
    unpacker->bytes += len;
    unpacker->len -= len;
    return at;
}

static uint64_t unpack_integer(struct unpacker *unpacker, unsigned width)
{
    const uint8_t *at = take(unpacker, width);
    uint64_t value = 0;

    for (unsigned i = 0; at != NULL && i < width; i++)
        value = value << 8 | at[i];
    return value;
}

uint8_t unpack_u8(struct unpacker *unpacker)
{
    return (uint8_t)unpack_integer(unpacker, 1);
}

uint16_t unpack_u16(struct unpacker *unpacker)
{
    return (uint16_t)unpack_integer(unpacker, 2);
}

uint32_t unpack_u32(struct unpacker *unpacker)
{
    return (uint32_t)unpack_integer(unpacker, 4);
}

uint64_t unpack_u64(struct unpacker *unpacker)
{
    return unpack_integer(unpacker, 8);
}

void unpack_raw(struct unpacker *unpacker, void *bytes_out, size_t len)
{
    const uint8_t *at = take(unpacker, len);

    if (at == NULL)
        memset(bytes_out, 0, len);
    else if (len > 0)
        memcpy(bytes_out, at, len);
}

struct uuid unpack_uuid(struct unpacker *unpacker)
{
    struct uuid uuid;

    unpack_raw(unpacker, uuid.bytes, UUID_BYTES);
    return uuid;
}

struct slice unpack_slice(struct unpacker *unpacker, size_t max_bytes)
{
    size_t len = unpack_u16(unpacker);
    const uint8_t *at;

    if (len > max_bytes)
        unpacker->bad = true;
    at = take(unpacker, len);
    return at == NULL ? slice_of(NULL, 0) : slice_of(at, len);
}

/* Copies a record and sums it up in one pass. The sum tells random damage from work; it is no
 * defence against a forger.
 *
 * Every byte is read once: what was summed is what was copied, whatever another process writes
 * meanwhile. Sixteen bytes a multiplication, in four chains, since one waits for the one before
 * it: copy and sum of 1,024 bytes cost 40 ns, in two passes it was 60. Damage goes unseen once in
 * 2^32 times. Source: the shape of wyhash, final version 4 (github.com/wangyi-fudan/wyhash). */
#ifndef GATEPOST_RING_CHECKSUM_H
#define GATEPOST_RING_CHECKSUM_H

#include "gatepost/base.h"

#define CHECKSUM_INLINE static inline __attribute__((always_inline))

/* The high half of a product depends on all bits of both factors, the low half on the low ones. */
CHECKSUM_INLINE uint64_t checksum_mix(uint64_t a, uint64_t b)
{
    __extension__ const unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Bytes at any address, of any type. A memcpy of eight bytes is the same, until its checked form
 * finds the size of an array and becomes a call. */
struct word_at {
    uint64_t value;
} __attribute__((packed, may_alias));
struct half_at {
    uint32_t value;
} __attribute__((packed, may_alias));

/* The empty asm: the compiler may not read the source a second time. */
CHECKSUM_INLINE uint64_t checksum_word(bool copies, uint8_t *to, const uint8_t *from, size_t at)
{
    uint64_t word = ((const struct word_at *)(from + at))->value;

    __asm__("" : "+r"(word));
    if (copies)
        ((struct word_at *)(to + at))->value = word;
    return word;
}

CHECKSUM_INLINE uint64_t checksum_half(bool copies, uint8_t *to, const uint8_t *from, size_t at)
{
    uint32_t half = ((const struct half_at *)(from + at))->value;

    __asm__("" : "+r"(half));
    if (copies)
        ((struct half_at *)(to + at))->value = half;
    return half;
}

CHECKSUM_INLINE uint64_t checksum_byte(bool copies, uint8_t *to, const uint8_t *from, size_t at)
{
    uint32_t byte = from[at];

    __asm__("" : "+r"(byte));
    if (copies)
        to[at] = (uint8_t)byte;
    return byte;
}

CHECKSUM_INLINE uint64_t checksum_pair(bool copies, uint8_t *to, const uint8_t *from, size_t at,
                                       uint64_t odd, uint64_t chain)
{
    const uint64_t first = checksum_word(copies, to, from, at);
    const uint64_t second = checksum_word(copies, to, from, at + 8);

    return checksum_mix(first ^ odd, second ^ chain);
}

/* The last one to sixteen bytes; where there are fewer, the pieces overlap. */
CHECKSUM_INLINE uint64_t checksum_end(bool copies, uint8_t *to, const uint8_t *from, size_t at,
                                      size_t len, uint64_t odd, uint64_t chain)
{
    uint64_t first, last;

    if (len - at >= 8) {
        first = checksum_word(copies, to, from, at);
        last = checksum_word(copies, to, from, len - 8);
    } else if (len - at >= 4) {
        first = checksum_half(copies, to, from, at);
        last = checksum_half(copies, to, from, len - 4);
    } else {
        first = checksum_byte(copies, to, from, at);
        first |= checksum_byte(copies, to, from, at + (len - at) / 2) << 8;
        last = checksum_byte(copies, to, from, len - 1);
    }
    return checksum_mix(first ^ odd, last ^ chain);
}

/* The position goes in, so that the bytes of an earlier lap, whole as they are, are no record of
 * this one. Both sides run on one machine: its byte order is good enough. */
CHECKSUM_INLINE uint32_t checksum_of(bool copies, uint64_t position, uint8_t *to,
                                     const uint8_t *from, size_t len)
{
    const uint64_t odd_a = 0x9e3779b97f4a7c15ULL, odd_b = 0xc2b2ae3d27d4eb4fULL,
                   odd_c = 0x165667b19e3779f9ULL, odd_d = 0xd6e8feb86659fd93ULL;
    uint64_t a = position ^ odd_d, b = len ^ odd_c, c = odd_b, d = odd_a;
    size_t at = 0;

    for (; len - at >= 64; at += 64) {
        a = checksum_pair(copies, to, from, at, odd_a, a);
        b = checksum_pair(copies, to, from, at + 16, odd_b, b);
        c = checksum_pair(copies, to, from, at + 32, odd_c, c);
        d = checksum_pair(copies, to, from, at + 48, odd_d, d);
    }
    if (len - at >= 32) {
        a = checksum_pair(copies, to, from, at, odd_a, a);
        b = checksum_pair(copies, to, from, at + 16, odd_b, b);
        at += 32;
    }
    if (len - at >= 16) {
        c = checksum_pair(copies, to, from, at, odd_c, c);
        at += 16;
    }
    if (at < len)
        d = checksum_end(copies, to, from, at, len, odd_d, d);
    return (uint32_t)(((a ^ b ^ c ^ d) * odd_a) >> 32);
}

CHECKSUM_INLINE uint32_t checksum_copy(uint64_t position, uint8_t *to, const uint8_t *from,
                                       size_t len)
{
    return checksum_of(true, position, to, from, len);
}

static inline uint32_t checksum(uint64_t position, const uint8_t *bytes, size_t len)
{
    return checksum_of(false, position, NULL, bytes, len);
}

#endif

/* See siphash.h. */
#include "gatepost/siphash.h"

#include <endian.h>

#define WORD_BYTES 8U

static uint64_t rotate(uint64_t value, unsigned by)
{
    return value << by | value >> (64 - by);
}

static void rounds(uint64_t v[4], int count)
{
    while (count-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32) + v[3];
        v[2] += v[1];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

static void take_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
}

/* The bytes are little-endian words; the last one is filled up with zeros and the length. */
uint64_t siphash(const uint64_t key[2], const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    const uint8_t *end = at + len - len % WORD_BYTES;
    uint64_t last = (uint64_t)len << 56;
    uint64_t v[4] = {
        key[0] ^ 0x736f6d6570736575U,
        key[1] ^ 0x646f72616e646f6dU,
        key[0] ^ 0x6c7967656e657261U,
        key[1] ^ 0x7465646279746573U,
    };

    for (; at < end; at += WORD_BYTES) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        take_word(v, le64toh(word));
    }
    for (size_t i = 0; i < len % WORD_BYTES; i++)
        last |= (uint64_t)at[i] << (8 * i);
    take_word(v, last);
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

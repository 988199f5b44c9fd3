/* See checksum.h. A sum by AES rounds where the processor has them, else by multiplications.
 *
 * Each reads in four chains, since one step waits for the one before it: copy and sum of 1,024
 * bytes cost 20 ns by AES, 45 by multiplications. Damage goes unseen once in 2^32 times. */
#include "checksum.h"

#define INLINE static inline __attribute__((always_inline))

/* ---- by multiplications ------------------------------------------------------------------------
 */

/* Sixteen bytes each. The shape is that of wyhash, final version 4
 * (github.com/wangyi-fudan/wyhash). The high half of a product depends on all bits of both factors,
 * the low half on the low ones. */
INLINE uint64_t mix(uint64_t a, uint64_t b)
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
INLINE uint64_t word_of(bool copies, uint8_t *to, const uint8_t *from, size_t at)
{
    uint64_t word = ((const struct word_at *)(from + at))->value;

    __asm__("" : "+r"(word));
    if (copies)
        ((struct word_at *)(to + at))->value = word;
    return word;
}

INLINE uint64_t half_of(bool copies, uint8_t *to, const uint8_t *from, size_t at)
{
    uint32_t half = ((const struct half_at *)(from + at))->value;

    __asm__("" : "+r"(half));
    if (copies)
        ((struct half_at *)(to + at))->value = half;
    return half;
}

INLINE uint64_t byte_of(bool copies, uint8_t *to, const uint8_t *from, size_t at)
{
    uint32_t byte = from[at];

    __asm__("" : "+r"(byte));
    if (copies)
        to[at] = (uint8_t)byte;
    return byte;
}

INLINE uint64_t pair_of(bool copies, uint8_t *to, const uint8_t *from, size_t at, uint64_t odd,
                        uint64_t chain)
{
    const uint64_t first = word_of(copies, to, from, at);
    const uint64_t second = word_of(copies, to, from, at + 8);

    return mix(first ^ odd, second ^ chain);
}

/* The last one to fifteen bytes, in two words that overlap where there are fewer. */
INLINE void ends_of(bool copies, uint8_t *to, const uint8_t *from, size_t at, size_t len,
                    uint64_t *first_out, uint64_t *last_out)
{
    if (len - at >= 8) {
        *first_out = word_of(copies, to, from, at);
        *last_out = word_of(copies, to, from, len - 8);
    } else if (len - at >= 4) {
        *first_out = half_of(copies, to, from, at);
        *last_out = half_of(copies, to, from, len - 4);
    } else {
        *first_out = byte_of(copies, to, from, at);
        *first_out |= byte_of(copies, to, from, at + (len - at) / 2) << 8;
        *last_out = byte_of(copies, to, from, len - 1);
    }
}

INLINE uint32_t plain(bool copies, uint64_t position, uint8_t *to, const uint8_t *from, size_t len)
{
    const uint64_t odd_a = 0x9e3779b97f4a7c15ULL, odd_b = 0xc2b2ae3d27d4eb4fULL,
                   odd_c = 0x165667b19e3779f9ULL, odd_d = 0xd6e8feb86659fd93ULL;
    uint64_t a = position ^ odd_d, b = len ^ odd_c, c = odd_b, d = odd_a;
    uint64_t first, last;
    size_t at = 0;

    for (; len - at >= 64; at += 64) {
        a = pair_of(copies, to, from, at, odd_a, a);
        b = pair_of(copies, to, from, at + 16, odd_b, b);
        c = pair_of(copies, to, from, at + 32, odd_c, c);
        d = pair_of(copies, to, from, at + 48, odd_d, d);
    }
    if (len - at >= 32) {
        a = pair_of(copies, to, from, at, odd_a, a);
        b = pair_of(copies, to, from, at + 16, odd_b, b);
        at += 32;
    }
    if (len - at >= 16) {
        c = pair_of(copies, to, from, at, odd_c, c);
        at += 16;
    }
    if (at < len)
        ends_of(copies, to, from, at, len, &first, &last), d = mix(first ^ odd_d, last ^ d);
    return (uint32_t)(((a ^ b ^ c ^ d) * odd_a) >> 32);
}

uint32_t checksum_plain(uint64_t position, uint8_t *to, const uint8_t *from, size_t len)
{
    return to ? plain(true, position, to, from, len) : plain(false, position, NULL, from, len);
}

/* ---- by AES rounds -----------------------------------------------------------------------------
 */

#ifdef __x86_64__
#include <wmmintrin.h>

#define AES        __attribute__((target("aes")))
#define AES_INLINE static inline __attribute__((always_inline, target("aes")))

AES_INLINE __m128i aes_piece(bool copies, uint8_t *to, const uint8_t *from, size_t at,
                             __m128i chain)
{
    __m128i piece = _mm_loadu_si128((const __m128i_u *)(from + at));

    __asm__("" : "+x"(piece));
    if (copies)
        _mm_storeu_si128((__m128i_u *)(to + at), piece);
    return _mm_aesenc_si128(chain, piece);
}

/* A record of less than sixteen bytes. */
AES_INLINE __m128i aes_short(bool copies, uint8_t *to, const uint8_t *from, size_t len,
                             __m128i chain)
{
    uint64_t first, last;

    ends_of(copies, to, from, 0, len, &first, &last);
    return _mm_aesenc_si128(chain, _mm_set_epi64x((long long)last, (long long)first));
}

/* A round is a bijection of the chain and of the piece, so what is damaged stays different until
 * the last three, which spread it over all bits. (Two do not: bytes of pieces that overlap could
 * meet in one column and leave the four that are kept as they were.) */
AES_INLINE uint32_t by_aes(bool copies, uint64_t position, uint8_t *to, const uint8_t *from,
                           size_t len)
{
    const __m128i key = _mm_set_epi64x(0x165667b19e3779f9, 0x1e3779b97f4a7c15);
    __m128i a = _mm_set_epi64x((long long)len, (long long)position), b = key, c = ~key,
            d = _mm_slli_epi64(key, 1);
    size_t at = 0;

    for (; len - at >= 64; at += 64) {
        a = aes_piece(copies, to, from, at, a);
        b = aes_piece(copies, to, from, at + 16, b);
        c = aes_piece(copies, to, from, at + 32, c);
        d = aes_piece(copies, to, from, at + 48, d);
    }
    if (len - at >= 32) {
        a = aes_piece(copies, to, from, at, a);
        b = aes_piece(copies, to, from, at + 16, b);
        at += 32;
    }
    if (len - at >= 16) {
        c = aes_piece(copies, to, from, at, c);
        at += 16;
    }
    if (at < len)
        d = len >= 16 ? aes_piece(copies, to, from, len - 16, d)
                      : aes_short(copies, to, from, len, d);
    a = _mm_aesenc_si128(_mm_aesenc_si128(a, b), _mm_aesenc_si128(c, d));
    a = _mm_aesenc_si128(_mm_aesenc_si128(_mm_aesenc_si128(a, key), key), key);
    return (uint32_t)_mm_cvtsi128_si32(a);
}

AES static uint32_t copy_by_aes(uint64_t position, uint8_t *to, const uint8_t *from, size_t len)
{
    return to ? by_aes(true, position, to, from, len) : by_aes(false, position, NULL, from, len);
}

checksum_fn checksum_aes(void)
{
    return __builtin_cpu_supports("aes") ? copy_by_aes : NULL;
}
#else
checksum_fn checksum_aes(void)
{
    return NULL;
}
#endif

checksum_fn checksum_choose(void)
{
    checksum_fn aes = checksum_aes();

    return aes ? aes : checksum_plain;
}

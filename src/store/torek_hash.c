/* See torek_hash.h.
 *
 * The library's function is Torek's: h = 33 h + c for each byte c, from 0 on, in 32 bits. Each step
 * waits for the one before it, three cycles a byte; a cold lookup in a large database spent more
 * time on that than on reading the page. But it is a polynomial in 33, and its sum may be taken in
 * any order: 8 bytes at a time with the powers of 33 as factors, or, with AVX2, in 32 sums of their
 * own, each over every 32nd group of four bytes, which are put together at the end.
 * Source: Berkeley DB 5.3, src/hash/hash_func.c, HASH4; the same as DJBX33A from 0. */
#include "torek_hash.h"

#define P1   33U
#define P2   (P1 * P1)
#define P3   (P2 * P1)
#define P4   (P2 * P2)
#define P8   (P4 * P4)
#define P16  (P8 * P8)
#define P32  (P16 * P16)
#define P64  (P32 * P32)
#define P96  (P64 * P32)
#define P128 (P64 * P64)

#define WIDE_BLOCK 128U
#define WIDE_MIN   256U

static uint32_t add_bytes(uint32_t sum, const uint8_t *at, size_t len)
{
    for (; len >= 8; at += 8, len -= 8)
        sum = sum * P8 + at[0] * (P4 * P3) + at[1] * (P4 * P2) + at[2] * (P4 * P1) + at[3] * P4 +
              at[4] * P3 + at[5] * P2 + at[6] * P1 + at[7];
    for (; len > 0; at++, len--)
        sum = sum * P1 + *at;
    return sum;
}

uint32_t torek_hash_plain(const uint8_t *bytes, size_t len)
{
    return add_bytes(0, bytes, len);
}

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))

bool torek_hash_has_wide(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

/* 32 bytes as 8 sums of 4 bytes each. A sum of two bytes stays below 2^15. */
TARGET static inline __m256i sums_of_four(const uint8_t *at)
{
    const __m256i bytes = _mm256_loadu_si256((const void *)at);
    const __m256i pairs = _mm256_maddubs_epi16(bytes, _mm256_set1_epi16((1 << 8) | (int)P1));

    return _mm256_madd_epi16(pairs, _mm256_set1_epi32((1 << 16) | (int)P2));
}

TARGET static inline __m256i times(__m256i sums, uint32_t factor)
{
    return _mm256_mullo_epi32(sums, _mm256_set1_epi32((int)factor));
}

TARGET uint32_t torek_hash_wide(const uint8_t *bytes, size_t len)
{
    __m256i sums[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                       _mm256_setzero_si256()};
    uint32_t parts[8];
    uint32_t sum = 0;

    for (; len >= WIDE_BLOCK; bytes += WIDE_BLOCK, len -= WIDE_BLOCK) {
        for (size_t i = 0; i < 4; i++)
            sums[i] = _mm256_add_epi32(times(sums[i], P128), sums_of_four(bytes + 32 * i));
    }
    const __m256i early = _mm256_add_epi32(times(sums[0], P96), times(sums[1], P64));
    const __m256i late = _mm256_add_epi32(times(sums[2], P32), sums[3]);
    _mm256_storeu_si256((void *)parts, _mm256_add_epi32(early, late));
    for (size_t i = 0; i < 8; i++)
        sum = sum * P4 + parts[i];
    return add_bytes(sum, bytes, len);
}

#else

bool torek_hash_has_wide(void)
{
    return false;
}

uint32_t torek_hash_wide(const uint8_t *bytes, size_t len)
{
    return torek_hash_plain(bytes, len);
}

#endif

uint32_t torek_hash(const void *bytes, size_t len)
{
    return len >= WIDE_MIN && torek_hash_has_wide() ? torek_hash_wide(bytes, len)
                                                    : torek_hash_plain(bytes, len);
}

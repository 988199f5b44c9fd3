/* One chain, or two at a time, on the SHA extensions of x86-64 processors.
 *
 * OpenSSL uses the same instructions, but loads, swaps and orders a block's bytes for each
 * compression, and waits for the end of each round pair. Here words stay in registers in the order
 * the instructions want, and a second chain's rounds run in the waits of the first one's.
 *
 * Registers hold the state as ABEF and CDGH, a first in the highest element. Source: Intel SHA
 * Extensions, July 2013. */
#ifdef __x86_64__

#include "pbkdf2.h"

#include "gatepost/secret.h"

#include "sha256_constants.h"

#include <cpuid.h>
#include <immintrin.h>

#define LANES_MAX 2
#define INLINE    static inline __attribute__((always_inline, target("sha,sse4.1")))

struct sha_state {
    __m128i abef;
    __m128i cdgh;
};

struct sha_words {
    __m128i low;  /* words 0 to 3, the first in the lowest element */
    __m128i high; /* 4 to 7 */
};

INLINE struct sha_state state_of(const uint32_t words[PBKDF2_WORDS])
{
    return (struct sha_state){
        _mm_set_epi32((int)words[0], (int)words[1], (int)words[4], (int)words[5]),
        _mm_set_epi32((int)words[2], (int)words[3], (int)words[6], (int)words[7])};
}

INLINE struct sha_words words_of(const uint32_t words[PBKDF2_WORDS])
{
    return (struct sha_words){_mm_loadu_si128((const __m128i *)words),
                              _mm_loadu_si128((const __m128i *)(words + 4))};
}

INLINE void words_store(struct sha_words from, uint32_t words_out[PBKDF2_WORDS])
{
    _mm_storeu_si128((__m128i *)words_out, from.low);
    _mm_storeu_si128((__m128i *)(words_out + 4), from.high);
}

/* The next four words of the schedule, in place of the oldest four. group: of four, from 4 on. */
INLINE void extend(__m128i schedule[4], unsigned group)
{
    const __m128i newest = schedule[(group + 3) % 4];
    __m128i next = _mm_sha256msg1_epu32(schedule[group % 4], schedule[(group + 1) % 4]);

    next = _mm_add_epi32(next, _mm_alignr_epi8(newest, schedule[(group + 2) % 4], 4));
    schedule[group % 4] = _mm_sha256msg2_epu32(next, newest);
}

/* width: a constant after inlining, so that the loops over chains are gone. */
INLINE void compress(const struct sha_state *pads, struct sha_words *words, const unsigned width)
{
    struct sha_state state[LANES_MAX];
    __m128i schedule[LANES_MAX][4];

#pragma GCC unroll 2
    for (unsigned chain = 0; chain < width; chain++) {
        state[chain] = pads[chain];
        schedule[chain][0] = words[chain].low;
        schedule[chain][1] = words[chain].high;
        schedule[chain][2] = _mm_set_epi32(0, 0, 0, (int)PBKDF2_WORD_8);
        schedule[chain][3] = _mm_set_epi32((int)PBKDF2_WORD_15, 0, 0, 0);
    }
#pragma GCC unroll 16
    for (unsigned group = 0; group < 16; group++) {
        const __m128i constants = _mm_load_si128((const __m128i *)&sha256_constants[4 * group]);

#pragma GCC unroll 2
        for (unsigned chain = 0; chain < width; chain++) {
            struct sha_state *at = &state[chain];

            if (group >= 4)
                extend(schedule[chain], group);
            __m128i input = _mm_add_epi32(schedule[chain][group % 4], constants);
            at->cdgh = _mm_sha256rnds2_epu32(at->cdgh, at->abef, input);
            input = _mm_shuffle_epi32(input, 0x0e); /* the upper two words */
            at->abef = _mm_sha256rnds2_epu32(at->abef, at->cdgh, input);
        }
    }
#pragma GCC unroll 2
    for (unsigned chain = 0; chain < width; chain++) {
        /* From ABEF and CDGH back to a b c d, e f g h, lowest first. */
        const __m128i feba =
            _mm_shuffle_epi32(_mm_add_epi32(state[chain].abef, pads[chain].abef), 0x1b);
        const __m128i dchg =
            _mm_shuffle_epi32(_mm_add_epi32(state[chain].cdgh, pads[chain].cdgh), 0xb1);
        words[chain].low = _mm_blend_epi16(feba, dchg, 0xf0);
        words[chain].high = _mm_alignr_epi8(dchg, feba, 8);
    }
}

INLINE void run(struct pbkdf2_chain *const *chains, const unsigned width, uint32_t iterations)
{
    struct sha_state inner[LANES_MAX];
    struct sha_state outer[LANES_MAX];
    struct sha_words last[LANES_MAX];
    struct sha_words sum[LANES_MAX];

#pragma GCC unroll 2
    for (unsigned chain = 0; chain < width; chain++) {
        inner[chain] = state_of(chains[chain]->inner);
        outer[chain] = state_of(chains[chain]->outer);
        last[chain] = words_of(chains[chain]->last);
        sum[chain] = words_of(chains[chain]->sum);
        chains[chain]->left -= iterations;
    }
    while (iterations-- > 0) {
        compress(inner, last, width);
        compress(outer, last, width);
#pragma GCC unroll 2
        for (unsigned chain = 0; chain < width; chain++) {
            sum[chain].low = _mm_xor_si128(sum[chain].low, last[chain].low);
            sum[chain].high = _mm_xor_si128(sum[chain].high, last[chain].high);
        }
    }
#pragma GCC unroll 2
    for (unsigned chain = 0; chain < width; chain++) {
        words_store(last[chain], chains[chain]->last);
        words_store(sum[chain], chains[chain]->sum);
    }
    secret_wipe(inner, sizeof(inner));
    secret_wipe(outer, sizeof(outer));
    secret_wipe(last, sizeof(last));
    secret_wipe(sum, sizeof(sum));
}

__attribute__((target("sha,sse4.1"))) static void step_one(struct pbkdf2_chain *const *chains,
                                                           size_t count, uint32_t iterations)
{
    BUG_ON(count != 1);
    run(chains, 1, iterations);
}

__attribute__((target("sha,sse4.1"))) static void step_two(struct pbkdf2_chain *const *chains,
                                                           size_t count, uint32_t iterations)
{
    if (count == 1)
        run(chains, 1, iterations);
    else
        run(chains, 2, iterations);
}

/* Leaf 7: GCC 12's __builtin_cpu_supports does not know these. */
static bool has_sha(void)
{
    unsigned eax, ebx, ecx, edx;

    return __builtin_cpu_supports("sse4.1") != 0 &&
           __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & bit_SHA) != 0;
}

const struct pbkdf2_kernel pbkdf2_sha = {"sha", 1, has_sha, step_one};
const struct pbkdf2_kernel pbkdf2_sha_pair = {"sha pair", 2, has_sha, step_two};

#else

/* Elsewhere OpenSSL's block function uses what there is. */
extern const int pbkdf2_sha_is_for_x86_64;

#endif

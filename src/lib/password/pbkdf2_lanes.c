/* Many chains side by side, one in each lane of a vector: chains of different passwords have
 * nothing to do with one another, so what a processor can do to 4, 8 or 16 words at once it can do
 * to as many chains.
 *
 * One source, pbkdf2_lanes.inc, in the compiler's vector types; each width is compiled for the
 * instructions it needs, and only called where the processor has them. GCC 12 makes of it what one
 * would write by hand (for AVX-512: vprord, and vpternlogd for each of the four functions), so
 * there are no intrinsics. */
#include "pbkdf2.h"

#include "gatepost/secret.h"

#include "sha256_constants.h"

/* ---- 4: what every processor of the architecture has
 * --------------------------------------------- */

#define LANES 4
#define TARGET
#define LANE(x) x##_4
#include "pbkdf2_lanes.inc"

static bool anywhere(void)
{
    return true;
}

#ifdef __x86_64__
#define VECTOR4_NAME "sse2"
#elif defined(__aarch64__)
#define VECTOR4_NAME "neon"
#else
#define VECTOR4_NAME "vector4"
#endif

const struct pbkdf2_kernel pbkdf2_vector4 = {VECTOR4_NAME, 4, anywhere, step_4};

#ifdef __x86_64__

/* ---- 8
 * ------------------------------------------------------------------------------------------- */

#define LANES   8
#define TARGET  __attribute__((target("avx2")))
#define LANE(x) x##_8
#include "pbkdf2_lanes.inc"

/* Asks the operating system too: it must save the registers. */
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

const struct pbkdf2_kernel pbkdf2_vector8 = {"avx2", 8, has_avx2, step_8};

/* ---- 16
 * ------------------------------------------------------------------------------------------ */

#define LANES   16
#define TARGET  __attribute__((target("avx512f")))
#define LANE(x) x##_16
#include "pbkdf2_lanes.inc"

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") != 0;
}

__attribute__((target("avx512f"))) void pbkdf2_wipe_registers16(void)
{
#define CLEAR(number) "vpxord %%zmm" #number ", %%zmm" #number ", %%zmm" #number "\n\t"
    __asm__ volatile(
        CLEAR(16) CLEAR(17) CLEAR(18) CLEAR(19) CLEAR(20) CLEAR(21) CLEAR(22) CLEAR(23) CLEAR(24)
            CLEAR(25) CLEAR(26) CLEAR(27) CLEAR(28) CLEAR(29) CLEAR(30) CLEAR(31)::
                : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
                  "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
#undef CLEAR
}

const struct pbkdf2_kernel pbkdf2_vector16 = {"avx512", 16, has_avx512, step_16};

#endif

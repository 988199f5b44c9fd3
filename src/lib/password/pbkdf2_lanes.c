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

const struct pbkdf2_kernel pbkdf2_vector16 = {"avx512", 16, has_avx512, step_16};

#endif

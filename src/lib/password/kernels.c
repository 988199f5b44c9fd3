/* The choice of kernels.
 *
 * The widest is not always the best: a chain on SHA extensions is as fast as three lanes of
 * AVX-512, so that for few chains it is the better one, and for many the lanes are. So every kernel
 * is measured, and for each number of chains the cheapest set of groups is worked out once: the
 * cost of n chains is the least, over all kernels, of one step of that kernel and the cost of the
 * chains that it leaves. */
#include "kernels.h"

#include "gatepost/clock.h"
#include "gatepost/log.h"
#include "gatepost/secret.h"

#include <openssl/evp.h>
#include <stdio.h>

#define MEASURE_ROUNDS     5
#define MEASURE_ITERATIONS 64   /* 10 to 60 us a round */
#define WORTH_A_LANE       0.97 /* more chains at once must gain 3 % to be worth their latency */

size_t kernels_all(const struct pbkdf2_kernel *kernels_out[KERNELS_MAX])
{
    size_t count = 0;

    kernels_out[count++] = &pbkdf2_openssl;
    kernels_out[count++] = &pbkdf2_vector4;
#ifdef __x86_64__
    kernels_out[count++] = &pbkdf2_vector8;
    kernels_out[count++] = &pbkdf2_vector16;
    kernels_out[count++] = &pbkdf2_sha;
    kernels_out[count++] = &pbkdf2_sha_pair;
#endif
    return count;
}

/* ---- right or wrong ---------------------------------------------------------------------------
 */

struct trial {
    char password[32];
    char salt[32];
    uint32_t iterations;
};

/* Other bytes, and another number of iterations, in every lane. */
static struct trial trial_of(size_t lane)
{
    struct trial trial;

    (void)snprintf(trial.password, sizeof(trial.password), "self test %zu", lane * 7919);
    (void)snprintf(trial.salt, sizeof(trial.salt), "gatepost %zu", lane);
    trial.iterations = 12 + (uint32_t)(lane * 5 % 7);
    return trial;
}

static bool answer_right(const struct trial *trial, struct pbkdf2_chain *chain)
{
    uint8_t expected[PBKDF2_BYTES];
    uint8_t found[PBKDF2_BYTES];

    if (PKCS5_PBKDF2_HMAC(trial->password, (int)strlen(trial->password),
                          (const unsigned char *)trial->salt, (int)strlen(trial->salt),
                          (int)trial->iterations, EVP_sha256(), sizeof(expected), expected) != 1)
        return false;
    pbkdf2_chain_end(chain, found);
    return secret_equal(expected, found, sizeof(found));
}

/* All of them together as far as the shortest goes, then each alone to its end. */
static bool group_right(const struct pbkdf2_kernel *kernel, size_t count)
{
    struct pbkdf2_chain storage[PBKDF2_LANES_MAX];
    struct pbkdf2_chain *chains[PBKDF2_LANES_MAX] = {NULL};
    struct trial trials[PBKDF2_LANES_MAX];
    bool right = true;

    for (size_t lane = 0; lane < count; lane++) {
        trials[lane] = trial_of(lane);
        chains[lane] = &storage[lane];
        pbkdf2_chain_begin(chains[lane], slice_of_text(trials[lane].password),
                           slice_of_text(trials[lane].salt), trials[lane].iterations);
    }
    kernel->step(chains, count, 1);
    kernel->step(chains, count, 10);
    for (size_t lane = 0; lane < count; lane++) {
        if (storage[lane].left > 0)
            kernel->step(&chains[lane], 1, storage[lane].left);
        right = answer_right(&trials[lane], chains[lane]) && right;
    }
    return right;
}

bool kernel_right(const struct pbkdf2_kernel *kernel)
{
    BUG_ON(kernel->lanes == 0 || kernel->lanes > PBKDF2_LANES_MAX);
    return group_right(kernel, kernel->lanes) &&
           (kernel->lanes == 1 || group_right(kernel, kernel->lanes - 1));
}

/* ---- fast or slow ------------------------------------------------------------------------------
 */

/* The best of some rounds: whatever else the machine did in the others is not the kernel's. */
static double measure(const struct pbkdf2_kernel *kernel)
{
    struct pbkdf2_chain storage[PBKDF2_LANES_MAX] = {{.left = 0}};
    struct pbkdf2_chain *chains[PBKDF2_LANES_MAX];
    mono_ns best = UINT64_MAX;

    for (size_t lane = 0; lane < kernel->lanes; lane++) {
        chains[lane] = &storage[lane];
        storage[lane].left = MEASURE_ROUNDS * MEASURE_ITERATIONS;
    }
    for (unsigned round = 0; round < MEASURE_ROUNDS; round++) {
        const mono_ns begun = clock_mono_ns();

        kernel->step(chains, kernel->lanes, MEASURE_ITERATIONS);
        const mono_ns took = clock_mono_ns() - begun;
        best = took < best ? took : best;
    }
    return (double)(best > 0 ? best : 1) / MEASURE_ITERATIONS; /* a clock may stand still */
}

void kernels_plan(struct kernel_choice *choice)
{
    choice->plan_ns[0] = 0;
    for (size_t n = 1; n <= PBKDF2_LANES_MAX; n++) {
        for (size_t i = 0; i < choice->count; i++) {
            const size_t lanes = choice->kernels[i]->lanes;
            const double ns = choice->step_ns[i] + choice->plan_ns[n > lanes ? n - lanes : 0];

            if (choice->plan[n] == NULL || ns < choice->plan_ns[n]) {
                choice->plan[n] = choice->kernels[i];
                choice->plan_ns[n] = ns;
            }
        }
    }
    choice->lanes_best = 1;
    for (unsigned n = 2; n <= PBKDF2_LANES_MAX; n++) {
        if (choice->plan_ns[n] / n <
            WORTH_A_LANE * choice->plan_ns[choice->lanes_best] / choice->lanes_best)
            choice->lanes_best = n;
    }
}

bool kernels_choose(const struct pbkdf2_kernel *const *offered, size_t count, unsigned lanes_max,
                    struct kernel_choice *choice_out)
{
    struct kernel_choice choice = {.count = 0};

    BUG_ON(count > KERNELS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!offered[i]->runs_here() || offered[i]->lanes > lanes_max)
            continue;
        if (!kernel_right(offered[i])) {
            log_error("password.kernel_refused", "kernel=\"%s\" reason=\"wrong answers\"",
                      offered[i]->name);
            continue;
        }
        choice.step_ns[choice.count] = measure(offered[i]);
        choice.kernels[choice.count++] = offered[i];
    }
    if (choice.count == 0)
        return false;
    kernels_plan(&choice);
    *choice_out = choice;
    return true;
}

void kernels_step(const struct kernel_choice *choice, struct pbkdf2_chain *const *chains,
                  size_t count, uint32_t iterations)
{
    while (count > 0) {
        const struct pbkdf2_kernel *kernel = choice->plan[count];
        const size_t group = count < kernel->lanes ? count : kernel->lanes;

        kernel->step(chains, group, iterations);
        chains += group;
        count -= group;
    }
}

/* The compiler clears the upper halves of the others when a kernel returns, and every call of the C
 * library uses their lower ones. */
void kernels_wipe_registers(void)
{
#ifdef __x86_64__
    if (pbkdf2_vector16.runs_here())
        pbkdf2_wipe_registers16();
#endif
}

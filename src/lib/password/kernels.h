/* Which kernels this machine has, which of them are right, and which to use for how many chains. */
#ifndef GATEPOST_PASSWORD_KERNELS_H
#define GATEPOST_PASSWORD_KERNELS_H

#include "pbkdf2.h"

#define KERNELS_MAX 8

struct kernel_choice {
    const struct pbkdf2_kernel *kernels[KERNELS_MAX];
    double step_ns[KERNELS_MAX]; /* one iteration of a full step of each, measured */
    size_t count;
    unsigned lanes_best; /* chains at once that make the most of this machine */
    /* For so many chains: the kernel that takes the first of them, and what an iteration of all of
     * them costs. [0] is nothing. */
    const struct pbkdf2_kernel *plan[PBKDF2_LANES_MAX + 1];
    double plan_ns[PBKDF2_LANES_MAX + 1];
};

/* Every kernel of this build, the plainest first. Returns how many. */
size_t kernels_all(const struct pbkdf2_kernel *kernels_out[KERNELS_MAX]);

/* Holds the kernel's answers against OpenSSL's PKCS5_PBKDF2_HMAC: full and partly filled, in one
 * step and in several. Cost: under a millisecond. */
MUST_USE bool kernel_right(const struct pbkdf2_kernel *kernel);

/* Out of those offered, takes the ones that run here, have at most lanes_max lanes and are right;
 * measures and plans. One that differs is left out and logged as an error. Returns false when none
 * is left. Any thread. Cost: a few milliseconds. */
MUST_USE bool kernels_choose(const struct pbkdf2_kernel *const *offered, size_t count,
                             unsigned lanes_max, struct kernel_choice *choice_out);

/* Fills plan, plan_ns and lanes_best from kernels and step_ns. */
void kernels_plan(struct kernel_choice *choice);

/* Advances 1 to PBKDF2_LANES_MAX chains, in groups as planned. */
void kernels_step(const struct kernel_choice *choice, struct pbkdf2_chain *const *chains,
                  size_t count, uint32_t iterations);

/* Overwrites the vector registers that nothing else comes along to use. */
void kernels_wipe_registers(void);

#endif

/* PBKDF2-HMAC-SHA-256 on one core: OpenSSL's PKCS5_PBKDF2_HMAC, and every kernel that this machine
 * has, in turn over several rounds. CPU time of this thread; a figure is the median over the
 * rounds, a ratio the median of the rounds' ratios.
 *
 *   password_bench [--cpu N] [--json] [--rounds N]
 *
 * Cycles are counted at the clock that was measured right before and after, by a chain of rotations
 * of one cycle each. "without SHA" is OpenSSL in a process that was told (OPENSSL_ia32cap) not to
 * use SHA extensions: what a machine of the same kind without them would do. */
#include "lib/password/kernels.h"

#include "timing.h"

#include <errno.h>
#include <openssl/evp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ITERATIONS   600000
#define ROUNDS       9
#define ROUNDS_MAX   MEDIAN_MAX
#define ROWS_MAX     (KERNELS_MAX + 2)
#define SLICE_STEPS  20000   /* iterations a measurement */
#define CLOCK_TURNS  1000000 /* cycles */
#define CLOCK_TRIES  10
#define LIMIT_CYCLES 51 /* a compression and lane, if both ports of AVX-512 never rest */
#define WITHOUT_SHA  ":~0x20000000"

struct row {
    const char *name;
    unsigned lanes;
    double iteration_ns[ROUNDS_MAX]; /* of one chain */
    double ghz[ROUNDS_MAX];          /* meanwhile */
};

/* ---- what is measured
 * ------------------------------------------------------------------------------ */

/* The most of some tries: what another guest of the machine takes looks like a slower clock. */
static double clock_ghz(void)
{
    double most = 0;

    for (int try = 0; try < CLOCK_TRIES; try++) {
        uint64_t word = 1;
        const double begun = cpu_ns();

        for (int i = 0; i < CLOCK_TURNS; i++) {
            word = (word >> 7) | (word << 57);
            __asm__ volatile("" : "+r"(word));
        }
        const double ghz = CLOCK_TURNS / (cpu_ns() - begun);
        most = ghz > most ? ghz : most;
    }
    return most;
}

static double openssl_ns(void)
{
    uint8_t hash[PBKDF2_BYTES];
    const double begun = cpu_ns();

    BUG_ON(PKCS5_PBKDF2_HMAC("testpass123", 11, (const unsigned char *)"salt", 4, SLICE_STEPS,
                             EVP_sha256(), sizeof(hash), hash) != 1);
    return (cpu_ns() - begun) / SLICE_STEPS;
}

static double kernel_ns(const struct pbkdf2_kernel *kernel)
{
    struct pbkdf2_chain storage[PBKDF2_LANES_MAX];
    struct pbkdf2_chain *chains[PBKDF2_LANES_MAX] = {NULL};

    for (size_t i = 0; i < kernel->lanes; i++) {
        chains[i] = &storage[i];
        pbkdf2_chain_begin(chains[i], SLICE_LITERAL("testpass123"), SLICE_LITERAL("salt"),
                           SLICE_STEPS + 1);
    }
    const double begun = cpu_ns();
    kernel->step(chains, kernel->lanes, SLICE_STEPS);
    return (cpu_ns() - begun) / SLICE_STEPS / kernel->lanes;
}

/* This program again, for one figure. 0: it could not be had. */
static double openssl_without_sha_ns(const char *self)
{
    char command[4096];
    double ns = 0;

    if (snprintf(command, sizeof(command), "OPENSSL_ia32cap='" WITHOUT_SHA "' '%s' --one", self) >=
        (int)sizeof(command))
        return 0;
    FILE *child = popen(command, "r");
    if (child == NULL)
        return 0;
    if (fscanf(child, "%lf", &ns) != 1)
        ns = 0;
    return pclose(child) == 0 ? ns : 0;
}

/* ---- one run
 * --------------------------------------------------------------------------------------- */

struct run {
    size_t rounds;
    size_t rows;
    struct row row[ROWS_MAX];
    size_t kernels;
    const struct pbkdf2_kernel *kernel[KERNELS_MAX];
};

/* Rows: OpenSSL, OpenSSL without SHA extensions, then the kernels. */
static void measure(struct run *run, const char *self)
{
    const struct pbkdf2_kernel *all[KERNELS_MAX];
    const size_t count = kernels_all(all);

    run->row[0] = (struct row){.name = "PKCS5_PBKDF2_HMAC", .lanes = 1};
    run->row[1] = (struct row){.name = "  the same without SHA", .lanes = 1};
    run->rows = 2;
    for (size_t i = 0; i < count; i++) {
        if (!all[i]->runs_here())
            continue;
        BUG_ON(!kernel_right(all[i]));
        run->kernel[run->kernels++] = all[i];
        run->row[run->rows++] = (struct row){.name = all[i]->name, .lanes = all[i]->lanes};
    }
    for (size_t round = 0; round < run->rounds; round++) {
        double before = clock_ghz();

        for (size_t i = 0; i < run->rows; i++) {
            run->row[i].iteration_ns[round] = i == 0   ? openssl_ns()
                                              : i == 1 ? openssl_without_sha_ns(self)
                                                       : kernel_ns(run->kernel[i - 2]);
            const double after = clock_ghz();
            run->row[i].ghz[round] = before > after ? before : after;
            before = after;
        }
    }
}

static double ratio(const struct run *run, size_t base, size_t row)
{
    double ratios[ROUNDS_MAX];

    for (size_t i = 0; i < run->rounds; i++)
        ratios[i] = run->row[base].iteration_ns[i] / run->row[row].iteration_ns[i];
    return median(ratios, run->rounds);
}

/* Two compressions an iteration. */
static double cycles(const struct run *run, size_t row)
{
    double values[ROUNDS_MAX];

    for (size_t i = 0; i < run->rounds; i++)
        values[i] = run->row[row].iteration_ns[i] * run->row[row].ghz[i] / 2;
    return median(values, run->rounds);
}

static double hashes_per_second(const struct run *run, size_t row)
{
    return 1e9 / (median(run->row[row].iteration_ns, run->rounds) * ITERATIONS);
}

static void print_table(const struct run *run, const struct kernel_choice *choice)
{
    printf("PBKDF2-HMAC-SHA-256, %d iterations, one core at %.2f GHz, median of %zu rounds\n\n",
           ITERATIONS, median(run->row[0].ghz, run->rounds), run->rounds);
    printf("%-24s %5s %9s %12s %11s %11s\n", "", "lanes", "hashes/s", "cycles a", "ratio to",
           "without");
    printf("%-24s %5s %9s %12s %11s %11s\n", "", "", "", "compression", "OpenSSL", "SHA");
    for (size_t i = 0; i < run->rows; i++) {
        if (run->row[i].iteration_ns[0] <= 0)
            continue;
        printf("%-24s %5u %9.2f %12.1f %11.2f %11.2f\n", run->row[i].name, run->row[i].lanes,
               hashes_per_second(run, i), cycles(run, i), ratio(run, 0, i), ratio(run, 1, i));
        if (run->row[i].lanes == 16)
            printf("%-24s %5s %9s %12.2f of the limit of %d cycles\n", "", "", "",
                   LIMIT_CYCLES / cycles(run, i), LIMIT_CYCLES);
    }
    printf("\nchains at once   plan");
    for (size_t n = 1; n <= PBKDF2_LANES_MAX; n++)
        printf("\n%14zu   %-9s %6.1f ms for all of them", n, choice->plan[n]->name,
               choice->plan_ns[n] * ITERATIONS / 1e6);
    printf("\n");
}

static void print_json(const struct run *run, const struct kernel_choice *choice)
{
    double best = 0;

    printf("{\"iterations\": %d, \"ghz\": %.3f, \"kernels\": [", ITERATIONS,
           median(run->row[0].ghz, run->rounds));
    for (size_t i = 2; i < run->rows; i++) {
        const double rate = hashes_per_second(run, i);

        best = rate > best ? rate : best;
        printf("%s{\"name\": \"%s\", \"lanes\": %u, \"hashes_per_second\": %.3f, "
               "\"cycles_per_compression\": %.1f, \"ratio_to_openssl\": %.3f, "
               "\"ratio_to_openssl_without_sha\": %.3f}",
               i == 2 ? "" : ", ", run->row[i].name, run->row[i].lanes, rate, cycles(run, i),
               ratio(run, 0, i), ratio(run, 1, i));
    }
    printf("], \"openssl_hashes_per_second\": %.3f, \"openssl_without_sha_hashes_per_second\": "
           "%.3f, \"best_hashes_per_second\": %.3f, \"chain_seconds\": %.4f, "
           "\"eight_seconds\": %.4f}\n",
           hashes_per_second(run, 0), hashes_per_second(run, 1), best,
           choice->plan_ns[1] * ITERATIONS / 1e9, choice->plan_ns[8] * ITERATIONS / 1e9);
}

/* ---- the command line
 * ------------------------------------------------------------------------------ */

static long number_of(const char *text, long least, long most)
{
    char *end;

    errno = 0;
    const long value = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || value < least || value > most) {
        fprintf(stderr, "not a number from %ld to %ld: %s\n", least, most, text);
        exit(2);
    }
    return value;
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        perror("sched_setaffinity");
}

/* The plan of this machine, with the costs of this run instead of the start's short look. */
static void plan(const struct run *run, struct kernel_choice *choice_out)
{
    *choice_out = (struct kernel_choice){.count = run->kernels};
    for (size_t i = 0; i < run->kernels; i++) {
        choice_out->kernels[i] = run->kernel[i];
        choice_out->step_ns[i] =
            median(run->row[2 + i].iteration_ns, run->rounds) * run->kernel[i]->lanes;
    }
    kernels_plan(choice_out);
}

int main(int argc, char **argv)
{
    static struct run run = {.rounds = ROUNDS};
    struct kernel_choice choice;
    bool json = false;
    int cpu = sched_getcpu();

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--one") == 0) {
            printf("%f\n", openssl_ns());
            return 0;
        }
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--cpu") == 0 && i + 1 < argc) {
            cpu = (int)number_of(argv[++i], 0, CPU_SETSIZE - 1);
        } else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
            run.rounds = (size_t)number_of(argv[++i], 1, ROUNDS_MAX);
        } else {
            fprintf(stderr, "usage: password_bench [--cpu N] [--json] [--rounds N]\n");
            return 2;
        }
    }
    pin(cpu);
    measure(&run, argv[0]);
    plan(&run, &choice);
    (json ? print_json : print_table)(&run, &choice);
    return 0;
}

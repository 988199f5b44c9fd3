/* Every kernel computes OpenSSL's PBKDF2-HMAC-SHA-256, alone and mixed, in any steps; a kernel that
 * does not is not used; and for each number of chains the cheapest kernels are planned. */
#include "lib/password/kernels.h"

#include "gatepost/encoding.h"

#include <fcntl.h>
#include <math.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    } /* a slice, as an initializer */
#define CASES          10000
#define PASSWORD_BYTES 1024
#define SALT_BYTES     1024

struct example {
    uint8_t password[PASSWORD_BYTES];
    size_t password_len;
    uint8_t salt[SALT_BYTES];
    size_t salt_len;
    uint32_t iterations;
};

/* The same numbers at every run: what fails once fails again. */
static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return *seed >> 33;
}

/* Lengths around a block's edges as often as any, and every length now and then. */
static size_t random_len(uint64_t *seed)
{
    static const size_t edges[] = {0, 1, 31, 32, 54, 55, 56, 63, 64, 65, 119, 120, 127, 128, 1024};

    return next_random(seed) % 4 == 0 ? edges[next_random(seed) % ARRAY_LEN(edges)]
                                      : next_random(seed) % (PASSWORD_BYTES + 1);
}

static void make_example(uint64_t *seed, struct example *example_out)
{
    example_out->password_len = random_len(seed);
    example_out->salt_len = random_len(seed);
    for (size_t i = 0; i < example_out->password_len; i++)
        example_out->password[i] = (uint8_t)next_random(seed);
    for (size_t i = 0; i < example_out->salt_len; i++)
        example_out->salt[i] = (uint8_t)next_random(seed);
    example_out->iterations = 1 + (uint32_t)(next_random(seed) % 37);
}

static void begin(struct pbkdf2_chain *chain, const struct example *example)
{
    pbkdf2_chain_begin(chain, slice_of(example->password, example->password_len),
                       slice_of(example->salt, example->salt_len), example->iterations);
}

static void assert_openssls(struct pbkdf2_chain *chain, const struct example *example)
{
    uint8_t expected[PBKDF2_BYTES];
    uint8_t found[PBKDF2_BYTES];

    assert_int_equal(PKCS5_PBKDF2_HMAC((const char *)example->password, (int)example->password_len,
                                       example->salt, (int)example->salt_len,
                                       (int)example->iterations, EVP_sha256(), sizeof(expected),
                                       expected),
                     1);
    pbkdf2_chain_end(chain, found);
    assert_memory_equal(expected, found, sizeof(found));
}

static uint32_t least_left(struct pbkdf2_chain *const *chains, size_t count)
{
    uint32_t least = UINT32_MAX;

    for (size_t i = 0; i < count; i++)
        least = chains[i]->left < least ? chains[i]->left : least;
    return least;
}

/* What a step's kernel is drawn from. */
struct kernel_picker {
    const struct pbkdf2_kernel *kernels[KERNELS_MAX];
    size_t count;
};

/* Chains come and go at random between steps of random length. */
static void churn(const struct kernel_picker *picker, size_t cases, uint64_t seed)
{
    struct example *examples = xcalloc(PBKDF2_LANES_MAX, sizeof(*examples));
    struct pbkdf2_chain storage[PBKDF2_LANES_MAX];
    bool used[PBKDF2_LANES_MAX] = {false};
    size_t begun = 0;
    size_t done = 0;

    while (done < cases) {
        const struct pbkdf2_kernel *kernel = picker->kernels[next_random(&seed) % picker->count];
        struct pbkdf2_chain *chains[PBKDF2_LANES_MAX];
        size_t count = 0;

        for (size_t i = 0; i < PBKDF2_LANES_MAX; i++) {
            if (!used[i] && begun < cases && next_random(&seed) % 4 != 0) {
                make_example(&seed, &examples[i]);
                begin(&storage[i], &examples[i]);
                used[i] = true;
                begun++;
            }
            if (used[i] && storage[i].left > 0 && count < kernel->lanes)
                chains[count++] = &storage[i];
        }
        if (count > 0)
            kernel->step(chains, count,
                         1 + (uint32_t)(next_random(&seed) % least_left(chains, count)));
        for (size_t i = 0; i < PBKDF2_LANES_MAX; i++) {
            if (used[i] && storage[i].left == 0) {
                assert_openssls(&storage[i], &examples[i]);
                used[i] = false;
                done++;
            }
        }
    }
    free(examples);
}

static void churn_alone(const struct pbkdf2_kernel *kernel)
{
    const struct kernel_picker alone = {.kernels = {kernel}, .count = 1};

    if (!kernel->runs_here()) {
        print_message("skipped: this processor does not have what \"%s\" needs\n", kernel->name);
        skip();
    }
    churn(&alone, CASES, 4711);
}

static void test_openssls_block_function_gives_openssls_bytes(void **state)
{
    (void)state;
    churn_alone(&pbkdf2_openssl);
}

static void test_4_lanes_give_openssls_bytes(void **state)
{
    (void)state;
    churn_alone(&pbkdf2_vector4);
}

#ifdef __x86_64__
static void test_8_lanes_give_openssls_bytes(void **state)
{
    (void)state;
    churn_alone(&pbkdf2_vector8);
}

static void test_16_lanes_give_openssls_bytes(void **state)
{
    (void)state;
    churn_alone(&pbkdf2_vector16);
}

static void test_sha_extensions_give_openssls_bytes(void **state)
{
    (void)state;
    churn_alone(&pbkdf2_sha);
}

static void test_a_pair_on_sha_extensions_gives_openssls_bytes(void **state)
{
    (void)state;
    churn_alone(&pbkdf2_sha_pair);
}
#endif

static void test_chains_go_on_with_any_other_kernel(void **state)
{
    (void)state;
    struct kernel_picker all = {.count = 0};
    const struct pbkdf2_kernel *offered[KERNELS_MAX];
    const size_t count = kernels_all(offered);

    for (size_t i = 0; i < count; i++) {
        if (offered[i]->runs_here())
            all.kernels[all.count++] = offered[i];
    }
    churn(&all, CASES, 4712);
}

/* RFC 7914, section 11, the first 32 bytes of each; and the vectors of RFC 6070 with SHA-256, as
 * they are handed around (computed with Python's hashlib, 32 bytes). */
static void test_published_answers(void **state)
{
    (void)state;
    static const struct {
        struct slice password;
        struct slice salt;
        uint32_t iterations;
        const char *hex;
    } answers[] = {
        {TEXT("passwd"), TEXT("salt"), 1,
         "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"},
        {TEXT("Password"), TEXT("NaCl"), 80000,
         "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"},
        {TEXT("password"), TEXT("salt"), 1,
         "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"},
        {TEXT("password"), TEXT("salt"), 2,
         "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43"},
        {TEXT("password"), TEXT("salt"), 4096,
         "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"},
        {TEXT("pass\0word"), TEXT("sa\0lt"), 4096,
         "89b69d0516f829893c696226650a86878c029ac13ee276509d5ae58b6466a724"},
    };
    const struct pbkdf2_kernel *kernels[KERNELS_MAX];
    const size_t count = kernels_all(kernels);

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        for (size_t j = 0; j < count; j++) {
            struct pbkdf2_chain chain;
            struct pbkdf2_chain *chains[] = {&chain};
            uint8_t found[PBKDF2_BYTES];
            char hex[2 * PBKDF2_BYTES + 1];

            if (!kernels[j]->runs_here())
                continue;
            pbkdf2_chain_begin(&chain, answers[i].password, answers[i].salt, answers[i].iterations);
            if (chain.left > 0)
                kernels[j]->step(chains, 1, chain.left);
            pbkdf2_chain_end(&chain, found);
            hex_encode(found, sizeof(found), hex);
            assert_string_equal(hex, answers[i].hex);
        }
    }
}

/* ---- the choice --------------------------------------------------------------------------------
 */

static bool anywhere(void)
{
    return true;
}

static bool nowhere(void)
{
    return false;
}

/* One bit of one word of one lane is wrong, as a broken adder would do it. */
static void step_wrongly(struct pbkdf2_chain *const *chains, size_t count, uint32_t iterations)
{
    for (size_t i = 0; i < count; i++)
        pbkdf2_openssl.step(&chains[i], 1, iterations);
    if (count == 4)
        chains[3]->last[7] ^= 0x80;
}

static const struct pbkdf2_kernel wrong = {"wrong", 4, anywhere, step_wrongly};

static void test_a_kernel_that_differs_is_left_out_and_logged(void **state)
{
    (void)state;
    const struct pbkdf2_kernel *offered[] = {&wrong, &pbkdf2_openssl};
    char path[] = "/tmp/gatepost-test-XXXXXX";
    char line[512] = "";
    struct kernel_choice choice;
    int file = mkstemp(path);
    int old = dup(STDERR_FILENO);

    assert_true(file >= 0 && old >= 0);
    assert_false(kernel_right(&wrong));
    assert_true(dup2(file, STDERR_FILENO) >= 0);
    const bool chosen = kernels_choose(offered, ARRAY_LEN(offered), PBKDF2_LANES_MAX, &choice);
    assert_true(dup2(old, STDERR_FILENO) >= 0);
    assert_true(pread(file, line, sizeof(line) - 1, 0) > 0);
    assert_true(chosen);
    assert_int_equal(choice.count, 1);
    for (size_t n = 1; n <= PBKDF2_LANES_MAX; n++)
        assert_ptr_equal(choice.plan[n], &pbkdf2_openssl);
    assert_non_null(strstr(line, "password.kernel_refused"));
    assert_non_null(strstr(line, "wrong answers"));
    assert_false(kernels_choose(offered, 1, PBKDF2_LANES_MAX, &choice));
    close(old);
    close(file);
    unlink(path);
}

static void test_what_does_not_run_here_or_is_too_wide_is_not_called(void **state)
{
    (void)state;
    const struct pbkdf2_kernel absent = {"absent", 1, nowhere, NULL};
    const struct pbkdf2_kernel *offered[] = {&absent, &pbkdf2_vector4, &pbkdf2_openssl};
    struct kernel_choice choice;

    assert_true(kernels_choose(offered, ARRAY_LEN(offered), 1, &choice));
    assert_int_equal(choice.count, 1);
    assert_ptr_equal(choice.kernels[0], &pbkdf2_openssl);
    assert_int_equal(choice.lanes_best, 1);
}

static void test_every_kernel_of_this_machine_is_right(void **state)
{
    (void)state;
    const struct pbkdf2_kernel *offered[KERNELS_MAX];
    const size_t count = kernels_all(offered);
    struct kernel_choice choice;
    size_t here = 0;

    assert_true(kernels_choose(offered, count, PBKDF2_LANES_MAX, &choice));
    for (size_t i = 0; i < count; i++)
        here += offered[i]->runs_here();
    assert_int_equal(choice.count, here);
    for (size_t n = 1; n <= PBKDF2_LANES_MAX; n++) {
        assert_non_null(choice.plan[n]);
        assert_true(choice.plan_ns[n] >= choice.plan_ns[n - 1]);
    }
}

/* Every way to cut so many chains into groups, tried out. */
static double cheapest(const double *step_ns, const unsigned *lanes, size_t kernels, size_t chains)
{
    double best = chains == 0 ? 0 : INFINITY;

    for (size_t i = 0; chains > 0 && i < kernels; i++) {
        const double ns = step_ns[i] + cheapest(step_ns, lanes, kernels,
                                                chains > lanes[i] ? chains - lanes[i] : 0);

        best = ns < best ? ns : best;
    }
    return best;
}

/* One that is fast alone, a pair, four that never pay, sixteen that do for many. */
static void test_the_cheapest_groups_are_planned(void **state)
{
    (void)state;
    static const struct pbkdf2_kernel one = {"one", 1, anywhere, NULL};
    static const struct pbkdf2_kernel two = {"two", 2, anywhere, NULL};
    static const struct pbkdf2_kernel four = {"four", 4, anywhere, NULL};
    static const struct pbkdf2_kernel sixteen = {"sixteen", 16, anywhere, NULL};
    static const double step_ns[] = {100, 150, 1000, 600};
    static const unsigned lanes[] = {1, 2, 4, 16};
    struct kernel_choice choice = {
        .kernels = {&one, &two, &four, &sixteen}, .step_ns = {100, 150, 1000, 600}, .count = 4};

    kernels_plan(&choice);
    for (size_t n = 0; n <= PBKDF2_LANES_MAX; n++)
        assert_true(choice.plan_ns[n] == cheapest(step_ns, lanes, ARRAY_LEN(lanes), n));
    assert_ptr_equal(choice.plan[1], &one);
    assert_ptr_equal(choice.plan[2], &two);
    assert_ptr_equal(choice.plan[9], &sixteen);
    assert_int_equal(choice.lanes_best, 16);
    choice.step_ns[3] = 1e6; /* now pairs make the most of it, and one more adds nothing */
    memset(choice.plan, 0, sizeof(choice.plan));
    kernels_plan(&choice);
    assert_int_equal(choice.lanes_best, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openssls_block_function_gives_openssls_bytes),
        cmocka_unit_test(test_4_lanes_give_openssls_bytes),
#ifdef __x86_64__
        cmocka_unit_test(test_8_lanes_give_openssls_bytes),
        cmocka_unit_test(test_16_lanes_give_openssls_bytes),
        cmocka_unit_test(test_sha_extensions_give_openssls_bytes),
        cmocka_unit_test(test_a_pair_on_sha_extensions_gives_openssls_bytes),
#endif
        cmocka_unit_test(test_chains_go_on_with_any_other_kernel),
        cmocka_unit_test(test_published_answers),
        cmocka_unit_test(test_a_kernel_that_differs_is_left_out_and_logged),
        cmocka_unit_test(test_what_does_not_run_here_or_is_too_wide_is_not_called),
        cmocka_unit_test(test_the_cheapest_groups_are_planned),
        cmocka_unit_test(test_every_kernel_of_this_machine_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

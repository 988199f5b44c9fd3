/* calls.def, made into a seccomp filter by libseccomp.
 *
 * Two answers to what is not allowed. A call that libraries may try gets an error, as from an older
 * kernel or for want of a right. A call that only an intruder makes ends the process: SIGSYS, by
 * way of the handler in crash.c, so that the log has its number and the stack that led to it. That
 * handler cannot be changed any more (rt_sigaction refuses), and with the signal blocked or after
 * the handler's first run the kernel kills. */
#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#if defined(GATEPOST_FAULTS) && !defined(SANITIZED)
#define UNNAMED SCMP_ACT_TRAP
#else
#define UNNAMED SCMP_ACT_ERRNO(ENOSYS)
#endif

#define ROLE_BIT(role) (1U << (role))
#define STORE          ROLE_BIT(ROLE_STORE)
#define RELAYING       ROLE_BIT(ROLE_COUNT)  /* a mailer that speaks to relays */
#define FILING         ROLE_BIT(ROLE_MAILER) /* one that writes files */
#define MAILER         (RELAYING | FILING)
#define HTTP           (ROLE_BIT(ROLE_WORKER) | ROLE_BIT(ROLE_ADMIN))
#define ALL            (STORE | MAILER | HTTP)

#define TESTS_MAX 2

enum test_of { TEST_OF_VALUE, TEST_OF_PID }; /* value is our own pid, known when it is made */

struct call_test {
    unsigned argument;
    enum scmp_compare how;
    uint64_t value;
    uint64_t masked; /* of SCMP_CMP_MASKED_EQ: value is the mask */
    enum test_of of;
};

struct call_rule {
    const char *call;
    unsigned roles;
    uint32_t action;
    unsigned test_count; /* all of them must hold */
    struct call_test tests[TESTS_MAX];
};

#define BITS(argument, mask, value)                                                                \
    {                                                                                              \
        (argument), SCMP_CMP_MASKED_EQ, (mask), (value), TEST_OF_VALUE                             \
    }
#define COMPARED(argument, how, value)                                                             \
    {                                                                                              \
        (argument), (how), (uint64_t)(value), 0, TEST_OF_VALUE                                     \
    }
#define IS(argument, value)     COMPARED(argument, SCMP_CMP_EQ, value)
#define IS_NOT(argument, value) COMPARED(argument, SCMP_CMP_NE, value)
#define ABOVE(argument, value)  COMPARED(argument, SCMP_CMP_GT, value)
#define BELOW(argument, value)  COMPARED(argument, SCMP_CMP_LT, value)
#define IS_SELF(argument)                                                                          \
    {                                                                                              \
        (argument), SCMP_CMP_EQ, 0, 0, TEST_OF_PID                                                 \
    }
#define IS_NOT_SELF(argument)                                                                      \
    {                                                                                              \
        (argument), SCMP_CMP_NE, 0, 0, TEST_OF_PID                                                 \
    }

/* The tests of a row, and how many they are. */
#define TESTS(...)                                                                                 \
    sizeof((const struct call_test[]){__VA_ARGS__}) / sizeof(struct call_test),                    \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

#define ALLOW(roles, call)         {#call, (roles), SCMP_ACT_ALLOW, 0, {{0}}},
#define REFUSE(roles, call, error) {#call, (roles), SCMP_ACT_ERRNO(error), 0, {{0}}},
#define FATAL(roles, call)         {#call, (roles), SCMP_ACT_TRAP, 0, {{0}}},
#define ALLOW_IF(roles, call, ...) {#call, (roles), SCMP_ACT_ALLOW, TESTS(__VA_ARGS__)},
#define FATAL_IF(roles, call, ...) {#call, (roles), SCMP_ACT_TRAP, TESTS(__VA_ARGS__)},
#define REFUSE_IF(roles, call, error, ...)                                                         \
    {#call, (roles), SCMP_ACT_ERRNO(error), TESTS(__VA_ARGS__)},

static const struct call_rule rules[] = {
#include "calls.def"
};

static int add(scmp_filter_ctx filter, const struct call_rule *rule)
{
    const int call = seccomp_syscall_resolve_name(rule->call);
    struct scmp_arg_cmp tests[TESTS_MAX];

    /* One that this libseccomp, or this architecture, has no number for: nobody can allow it, and
     * it ends nobody. Negative numbers stand for calls of other architectures. And what happens to
     * all that is unnamed needs no rule, and takes none. */
    if (call < 0 || rule->action == UNNAMED)
        return 0;
    for (unsigned i = 0; i < rule->test_count; i++) {
        const struct call_test *test = &rule->tests[i];
        tests[i] = (struct scmp_arg_cmp){
            .arg = test->argument,
            .op = test->how,
            .datum_a = test->of == TEST_OF_PID ? (uint64_t)getpid() : test->value,
            .datum_b = test->masked,
        };
    }
    return seccomp_rule_add_array(filter, rule->action, call, rule->test_count, tests);
}

static unsigned bit_of(enum proc_role role, const struct config *config)
{
    if (role == ROLE_MAILER && config->mail_transport == CONFIG_TRANSPORT_SMTP)
        return RELAYING;
    return ROLE_BIT(role);
}

static bool fill(scmp_filter_ctx filter, unsigned role, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if ((rules[i].roles & role) == 0)
            continue;
        int failure = add(filter, &rules[i]);
        if (failure != 0) {
            err_set(err, "the rule %zu for %s: %s", i, rules[i].call, strerror(-failure));
            return false;
        }
    }
    return true;
}

/* TSYNC: all threads. OPTIMIZE: a tree, instead of comparing with one number after the other. Calls
 * of another architecture's table are an intruder's. */
static bool set_up(scmp_filter_ctx filter)
{
    return seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
           seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
           seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0;
}

bool filter_enter(enum proc_role role, const struct config *config, struct err *err)
{
    scmp_filter_ctx filter = seccomp_init(UNNAMED);
    bool entered = false;

    if (filter == NULL || !set_up(filter)) {
        err_set(err, "this kernel filters no system calls (seccomp)");
    } else if (fill(filter, bit_of(role, config), err)) {
        int failure = seccomp_load(filter);
        entered = failure == 0;
        if (!entered)
            err_set(err, "this kernel filters no system calls (seccomp): %s", strerror(-failure));
    }
    seccomp_release(filter);
    return entered;
}

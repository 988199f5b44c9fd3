/* `gatepost check --sandbox`: makes the calls that are forbidden, in each role, and prints how each
 * was refused. 0: all were; 15: one was not, or there is no sandbox to be had here. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "gatepost/sandbox.h"

struct tally {
    size_t refused, absent, allowed, failed;
};

static void print_row(const char *role, size_t trial, const char *how)
{
    (void)printf("%-8s %-24s %s\n", role, sandbox_trial_name(trial), how);
}

static void print_outcome(const char *role, size_t trial, enum sandbox_refusal refusal, int error,
                          const struct err *err, struct tally *tally)
{
    switch (refusal) {
    case SANDBOX_REFUSED:
        tally->refused++;
        print_row(role, trial, strerrorname_np(error) != NULL ? strerrorname_np(error) : "error");
        return;
    case SANDBOX_KILLED:
        tally->refused++;
        print_row(role, trial, "SIGSYS");
        return;
    case SANDBOX_ABSENT:
        tally->absent++;
        print_row(role, trial, "no such file");
        return;
    case SANDBOX_ALLOWED:
        tally->allowed++;
        print_row(role, trial, "ALLOWED");
        return;
    case SANDBOX_FAILED:
        tally->failed++;
        print_row(role, trial, err->text);
        return;
    }
}

static void try_role(enum proc_role role, const struct config *config, struct tally *tally)
{
    static const char *const names[ROLE_COUNT] = {[ROLE_WORKER] = "worker",
                                                  [ROLE_STORE] = "store",
                                                  [ROLE_MAILER] = "mailer",
                                                  [ROLE_ADMIN] = "admin"};

    for (size_t trial = 0; trial < sandbox_trial_count(); trial++) {
        struct err err = {0};
        int error = 0;

        if (!sandbox_trial_concerns(trial, role))
            continue;
        (void)fflush(stdout); /* or each process would print it once more */
        enum sandbox_refusal refusal = sandbox_try(trial, role, config, &error, &err);
        print_outcome(names[role], trial, refusal, error, &err, tally);
    }
}

int check_sandbox(const struct config *config)
{
    static const enum proc_role roles[] = {ROLE_WORKER, ROLE_STORE, ROLE_MAILER, ROLE_ADMIN};
    struct tally tally = {0};

    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        try_role(roles[i], config, &tally);
    (void)printf("%zu refused, %zu allowed%s\n", tally.refused, tally.allowed,
                 config->master_sandbox ? "" : " (master.sandbox = no)");
    return tally.allowed + tally.failed == 0 ? EXIT_DONE : EXIT_SANDBOX;
}

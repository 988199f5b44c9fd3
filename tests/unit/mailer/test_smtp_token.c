/* Tokens: when one is got, kept, replaced; and that a command is never waited for. */
#include "mailer/smtp_token.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_smtp_token.XXXXXX";
static char program[64], file[64];

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *paper = fopen(path, "w");
    assert_non_null(paper);
    fputs(text, paper);
    fclose(paper);
    assert_int_equal(chmod(path, mode), 0);
}

static void write_program(const char *body)
{
    char text[512];
    snprintf(text, sizeof(text), "#!/bin/sh\n%s", body);
    write_file(program, text, 0700);
}

/* Looks again and again, at one moment of the token's clock, until no command runs. */
static enum smtp_token_state look(struct smtp_token *token, mono_ns now, const char **text_out,
                                  uint64_t *serial_out, struct err *why)
{
    enum smtp_token_state state = smtp_token_look(token, now, text_out, serial_out, why);

    for (int i = 0; i < 1000 && state == SMTP_TOKEN_COMING; i++) {
        struct pollfd fd = {.fd = smtp_token_fd(token), .events = POLLIN};
        assert_true(fd.fd >= 0);
        poll(&fd, 1, 1000);
        state = smtp_token_look(token, now, text_out, serial_out, why);
    }
    return state;
}

static uint64_t expect_token(struct smtp_token *token, mono_ns now, const char *expected)
{
    const char *text = NULL;
    uint64_t serial = 0;
    struct err why = {""};

    if (look(token, now, &text, &serial, &why) != SMTP_TOKEN_READY)
        fail_msg("no token: %s", why.text);
    assert_string_equal(text, expected);
    return serial;
}

static void expect_missing(struct smtp_token *token, mono_ns now, const char *reason)
{
    const char *text = NULL;
    uint64_t serial = 0;
    struct err why = {""};

    assert_int_equal(look(token, now, &text, &serial, &why), SMTP_TOKEN_MISSING);
    assert_non_null(strstr(why.text, reason));
    assert_null(text);
}

static void test_a_file_is_read_again_when_it_is_another(void **state)
{
    struct smtp_token *token = smtp_token_new(file, "", 3000);
    (void)state;
    expect_missing(token, 0, "token_file");
    write_file(file, " \tfirst \r\nsecond line\n", 0600);
    uint64_t serial = expect_token(token, 0, "first");
    assert_int_equal(expect_token(token, 0, "first"), serial);
    write_file(file, "second!\n", 0600);
    assert_int_not_equal(expect_token(token, 0, "second!"), serial);
    write_file(file, "two words\n", 0600);
    expect_missing(token, 0, "no token");
    write_file(file, "third\n", 0644);
    expect_missing(token, 0, "chmod 600");
    assert_int_equal(smtp_token_fd(token), -1);
    smtp_token_free(&token);
    assert_null(token);
    unlink(file);
}

static void test_a_command_runs_again_when_its_token_is_old_or_refused(void **state)
{
    char body[256];
    snprintf(body, sizeof(body), "echo x >> %s/runs; echo run-$(wc -l < %s/runs)\n", folder,
             folder);
    (void)state;
    write_program(body);
    struct smtp_token *token = smtp_token_new("", program, 10);
    const mono_ns start = 1000 * NS_PER_S;
    uint64_t first = expect_token(token, start, "run-1");
    assert_int_equal(expect_token(token, start + 9 * NS_PER_S, "run-1"), first);
    uint64_t second = expect_token(token, start + 10 * NS_PER_S, "run-2");
    smtp_token_refused(token, first); /* by a connection that had logged in with the old one */
    expect_token(token, start + 11 * NS_PER_S, "run-2");
    smtp_token_refused(token, second);
    smtp_token_refused(token, second);
    expect_token(token, start + 11 * NS_PER_S, "run-3");
    smtp_token_free(&token);
}

static void test_a_failure_is_told_to_all_who_ask_and_tried_again_after_a_pause(void **state)
{
    char body[256];
    snprintf(body, sizeof(body), "echo x >> %s/fails; exit 3\n", folder);
    (void)state;
    write_program(body);
    struct smtp_token *token = smtp_token_new("", program, 10);
    const mono_ns start = 1000 * NS_PER_S;
    for (int i = 0; i < 5; i++)
        expect_missing(token, start, "exit status 3");
    write_program("echo better\n");
    expect_missing(token, start + SMTP_TOKEN_PAUSE_S * NS_PER_S - 1, "exit status 3");
    expect_token(token, start + SMTP_TOKEN_PAUSE_S * NS_PER_S, "better");
    smtp_token_free(&token);
    expect_missing(token = smtp_token_new("", "/no/such/program", 10), start, "No such file");
    smtp_token_free(&token);
}

static void test_an_old_token_is_used_on_while_no_other_comes(void **state)
{
    (void)state;
    write_program("echo old\n");
    struct smtp_token *token = smtp_token_new("", program, 10);
    uint64_t serial = expect_token(token, 1000 * NS_PER_S, "old");
    write_program("exit 1\n");
    assert_int_equal(expect_token(token, 1020 * NS_PER_S, "old"), serial);
    smtp_token_refused(token, serial);
    expect_missing(token, 1021 * NS_PER_S, "exit status 1");
    smtp_token_free(&token);
}

static void test_a_command_that_hangs_is_killed_with_what_it_started(void **state)
{
    const char *text;
    uint64_t serial;
    struct err why;
    char body[256], path[64], line[32] = "";
    const mono_ns start = 1000 * NS_PER_S;

    (void)state;
    snprintf(body, sizeof(body), "sleep 600 & echo $! > %s/child; wait\n", folder);
    snprintf(path, sizeof(path), "%s/child", folder);
    write_program(body);
    struct smtp_token *token = smtp_token_new("", program, 10);
    assert_int_equal(smtp_token_look(token, start, &text, &serial, &why), SMTP_TOKEN_COMING);
    FILE *paper = NULL;
    for (int i = 0; i < 1000 && (paper == NULL || fgets(line, sizeof(line), paper) == NULL); i++) {
        usleep(10000);
        if (paper != NULL)
            fclose(paper);
        paper = fopen(path, "r");
    }
    assert_non_null(paper);
    fclose(paper);
    assert_int_equal(smtp_token_look(token, start + NS_PER_S, &text, &serial, &why),
                     SMTP_TOKEN_COMING);
    expect_missing(token, start + SMTP_TOKEN_COMMAND_S * NS_PER_S, "did not end in time");
    const pid_t child = (pid_t)strtol(line, NULL, 10);
    assert_true(child > 1);
    char name[64], stat[256] = "";
    snprintf(name, sizeof(name), "/proc/%d/stat", (int)child);
    for (int i = 0; i < 1000; i++) { /* gone, or waiting for its new parent to look */
        FILE *process = fopen(name, "r");
        if (process == NULL || fgets(stat, sizeof(stat), process) == NULL ||
            strstr(stat, ") Z ") != NULL)
            stat[0] = '\0';
        if (process != NULL)
            fclose(process);
        if (stat[0] == '\0')
            break;
        usleep(10000);
    }
    assert_string_equal(stat, "");
    smtp_token_free(&token);
}

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(program, sizeof(program), "%s/issue", folder);
    snprintf(file, sizeof(file), "%s/token", folder);
    return 0;
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_is_read_again_when_it_is_another),
        cmocka_unit_test(test_a_command_runs_again_when_its_token_is_old_or_refused),
        cmocka_unit_test(test_a_failure_is_told_to_all_who_ask_and_tried_again_after_a_pause),
        cmocka_unit_test(test_an_old_token_is_used_on_while_no_other_comes),
        cmocka_unit_test(test_a_command_that_hangs_is_killed_with_what_it_started),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

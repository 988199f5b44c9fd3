/* Forbidden calls, each made in a process of its own that has entered the sandbox as the role does.
 * That tells by its exit code how it went; one that is killed tells by that. */
#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CODE_ABSENT 254 /* above every errno */
#define CODE_FAILED 255

static void bench_open(struct bench *bench, const struct config *config)
{
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *bench = (struct bench){.config = config, .file = "/tmp/gatepost-check.XXXXXX"};
    bench->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench->bound_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)!bind(bench->bound_fd, (const struct sockaddr *)&any, sizeof(any));
    bench->page =
        mmap(NULL, TRIAL_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = mkstemp(bench->file);
    if (fd >= 0) {
        (void)!fchmod(fd, 0666); /* whoever the role is */
        close(fd);
    }
}

static void bench_close(const struct bench *bench)
{
    close(bench->tcp_fd);
    close(bench->bound_fd);
    close(bench->udp_fd);
    munmap(bench->page, TRIAL_PAGE_BYTES);
    (void)unlink(bench->file);
}

static long make_call(size_t trial, const struct bench *bench)
{
    if (trial_of(trial)->call != NULL)
        return trial_of(trial)->call(bench);
    return open(trial_of(trial)->path(bench->config), O_RDONLY | O_CLOEXEC);
}

_Noreturn static void enter_and_call(size_t trial, enum proc_role role, const struct bench *bench,
                                     int report_fd)
{
    struct err err = {0};
    int landlock;

    errno = 0;
    if (trial_of(trial)->path != NULL && access(trial_of(trial)->path(bench->config), F_OK) != 0)
        _exit(CODE_ABSENT);
    if (!proc_become_user(bench->config->master_user, &err) ||
        (bench->config->master_sandbox && !sandbox_close(role, bench->config, &landlock, &err))) {
        (void)!write(report_fd, err.text, strlen(err.text));
        _exit(CODE_FAILED);
    }
    _exit(make_call(trial, bench) < 0 ? errno : 0);
}

static enum sandbox_refusal judge(int status, int report_fd, int *error_out, struct err *err)
{
    char text[sizeof(err->text)] = "";

    *error_out = 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return SANDBOX_KILLED;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CODE_ABSENT)
        return SANDBOX_ABSENT;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return SANDBOX_ALLOWED;
    if (WIFEXITED(status) && WEXITSTATUS(status) != CODE_FAILED) {
        *error_out = WEXITSTATUS(status);
        return SANDBOX_REFUSED;
    }
    (void)!read(report_fd, text, sizeof(text) - 1);
    err_set(err, "%s", text[0] != '\0' ? text : "the process ended otherwise");
    return SANDBOX_FAILED;
}

enum sandbox_refusal sandbox_try(size_t trial, enum proc_role role, const struct config *config,
                                 int *error_out, struct err *err)
{
    enum sandbox_refusal refusal = SANDBOX_FAILED;
    struct bench bench;
    int report[2], status = 0;

    if (pipe2(report, O_CLOEXEC | O_NONBLOCK) != 0) {
        err_set(err, "no pipe: %s", strerror(errno));
        return refusal;
    }
    bench_open(&bench, config);
    pid_t pid = fork();
    if (pid == 0)
        enter_and_call(trial, role, &bench, report[1]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        err_set(err, "no process: %s", strerror(errno));
    else
        refusal = judge(status, report[0], error_out, err);
    bench_close(&bench);
    close(report[0]);
    close(report[1]);
    return refusal;
}

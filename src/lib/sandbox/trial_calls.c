/* See trial.h: what is tried, and to whom it is forbidden. Those that would change the machine are
 * made so that a kernel refuses them, too. */
#include "trial.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BIT(role) (1U << (role))
#define HTTP      (BIT(ROLE_WORKER) | BIT(ROLE_ADMIN))
#define STORE     BIT(ROLE_STORE)
#define MAILER    BIT(ROLE_MAILER)
#define ALL       (HTTP | STORE | MAILER)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNLESS_SANITIZED 0 /* they look for leaks with these */
#else
#define UNLESS_SANITIZED ALL
#endif

static long try_execve(const struct bench *bench)
{
    char *const words[] = {"/bin/true", NULL};

    (void)bench;
    return execve(words[0], words, words + 1);
}

static long try_fork(const struct bench *bench)
{
    pid_t pid = fork();

    (void)bench;
    if (pid == 0)
        _exit(0);
    return pid;
}

static long try_new_namespace(const struct bench *bench)
{
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

    (void)bench;
    if (pid == 0)
        _exit(0);
    return pid;
}

static long try_unshare(const struct bench *bench)
{
    (void)bench;
    return unshare(CLONE_NEWUSER);
}

static long try_ptrace(const struct bench *bench)
{
    (void)bench;
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long try_process_vm_readv(const struct bench *bench)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {bench->page, 1};

    return process_vm_readv(getppid(), &here, 1, &there, 1, 0);
}

static long try_kill(const struct bench *bench)
{
    (void)bench;
    return kill(getppid(), 0);
}

/* To what it is: where that is allowed, nothing has changed. */
static long try_setpriority(const struct bench *bench)
{
    (void)bench;
    return setpriority(PRIO_PROCESS, (id_t)getppid(), getpriority(PRIO_PROCESS, 0));
}

static long try_setresuid(const struct bench *bench)
{
    (void)bench;
    return setresuid(geteuid(), geteuid(), geteuid());
}

static long try_socket(const struct bench *bench)
{
    (void)bench;
    return socket(AF_INET, SOCK_STREAM, 0);
}

static long try_local_socket(const struct bench *bench)
{
    (void)bench;
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long try_connect(const struct bench *bench)
{
    const struct sockaddr_in discard = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return connect(bench->udp_fd, (const struct sockaddr *)&discard, sizeof(discard));
}

static long try_bind(const struct bench *bench)
{
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return bind(bench->tcp_fd, (const struct sockaddr *)&any, sizeof(any));
}

static long try_listen(const struct bench *bench)
{
    return listen(bench->bound_fd, 1);
}

static long try_read_passwd(const struct bench *bench)
{
    (void)bench;
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static long try_write(const struct bench *bench)
{
    return open(bench->file, O_WRONLY | O_CLOEXEC);
}

static long try_unlink(const struct bench *bench)
{
    return unlink(bench->file);
}

static long try_chmod(const struct bench *bench)
{
    return chmod(bench->file, 0600);
}

static long try_code_of_data(const struct bench *bench)
{
    (void)bench;
    return mmap(NULL, TRIAL_PAGE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? -1
               : 0;
}

static long try_data_to_code(const struct bench *bench)
{
    return mprotect(bench->page, TRIAL_PAGE_BYTES, PROT_READ | PROT_EXEC);
}

static long try_memfd(const struct bench *bench)
{
    (void)bench;
    return memfd_create("gatepost", 0);
}

static long try_dumpable(const struct bench *bench)
{
    (void)bench;
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long try_handler(const struct bench *bench)
{
    const struct sigaction action = {.sa_handler = SIG_IGN};

    (void)bench;
    return sigaction(SIGSYS, &action, NULL);
}

static long try_personality(const struct bench *bench)
{
    (void)bench;
    return personality(0xffffffff); /* asks, and changes nothing */
}

static long try_mount(const struct bench *bench)
{
    (void)bench;
    return mount("none", "/tmp", "no-such-type", 0, NULL);
}

static long try_io_uring(const struct bench *bench)
{
    struct io_uring_params params = {0};

    (void)bench;
    return syscall(SYS_io_uring_setup, 1, &params);
}

static long try_bpf(const struct bench *bench)
{
    union bpf_attr attributes = {0};

    (void)bench;
    return syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes));
}

static long try_userfaultfd(const struct bench *bench)
{
    (void)bench;
    return syscall(SYS_userfaultfd, O_CLOEXEC);
}

static long try_perf(const struct bench *bench)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes)};

    (void)bench;
    return syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
}

static long try_keyctl(const struct bench *bench)
{
    const long get_keyring_id = 0, process_keyring = -2;

    (void)bench;
    return syscall(SYS_keyctl, get_keyring_id, process_keyring, 1);
}

static long try_init_module(const struct bench *bench)
{
    (void)bench;
    return syscall(SYS_init_module, NULL, 0, "");
}

/* ---- the files that are others' ---- */

static const char *path_token_key(const struct config *config)
{
    return config->token_secret_file;
}

static const char *path_mail_key(const struct config *config)
{
    return config->mail_key_file;
}

static const char *path_smtp_password(const struct config *config)
{
    return config->smtp_password_file;
}

static const char *path_database(const struct config *config)
{
    static char path[4096];

    (void)snprintf(path, sizeof(path), "%s/users.db", config->store_dir);
    return path;
}

static const struct trial trials[] = {
    {ALL, "execve", try_execve, NULL},
    {UNLESS_SANITIZED, "fork", try_fork, NULL},
    {UNLESS_SANITIZED, "clone a user namespace", try_new_namespace, NULL},
    {ALL, "unshare", try_unshare, NULL},
    {UNLESS_SANITIZED, "ptrace", try_ptrace, NULL},
    {UNLESS_SANITIZED, "prctl dumpable", try_dumpable, NULL},
    {ALL, "process_vm_readv", try_process_vm_readv, NULL},
    {ALL, "kill another process", try_kill, NULL},
    {ALL, "setpriority of others", try_setpriority, NULL},
    {ALL, "setresuid", try_setresuid, NULL},
    {HTTP | STORE, "socket AF_INET", try_socket, NULL},
    {ALL, "socket AF_UNIX", try_local_socket, NULL},
    {HTTP | STORE, "connect", try_connect, NULL},
    {ALL, "bind", try_bind, NULL},
    {ALL, "listen", try_listen, NULL},
    {ALL, "open /etc/passwd", try_read_passwd, NULL},
    {ALL, "open a file to write", try_write, NULL},
    {ALL, "unlink", try_unlink, NULL},
    {ALL, "chmod", try_chmod, NULL},
    {ALL, "mmap to write and run", try_code_of_data, NULL},
    {ALL, "mprotect to run", try_data_to_code, NULL},
    {ALL, "memfd_create", try_memfd, NULL},
    {ALL, "sigaction of SIGSYS", try_handler, NULL},
    {ALL, "personality", try_personality, NULL},
    {ALL, "mount", try_mount, NULL},
    {ALL, "io_uring_setup", try_io_uring, NULL},
    {ALL, "bpf", try_bpf, NULL},
    {ALL, "userfaultfd", try_userfaultfd, NULL},
    {ALL, "perf_event_open", try_perf, NULL},
    {ALL, "keyctl", try_keyctl, NULL},
    {ALL, "init_module", try_init_module, NULL},
    {HTTP | MAILER, "open users.db", NULL, path_database},
    {ALL, "open token.secret_file", NULL, path_token_key},
    {ALL, "open mail.key_file", NULL, path_mail_key},
    {ALL, "open smtp.password_file", NULL, path_smtp_password},
};

size_t sandbox_trial_count(void)
{
    return ARRAY_LEN(trials);
}

const char *sandbox_trial_name(size_t trial)
{
    return trials[trial].name;
}

bool sandbox_trial_concerns(size_t trial, enum proc_role role)
{
    return (trials[trial].roles & BIT(role)) != 0;
}

const struct trial *trial_of(size_t number)
{
    return &trials[number];
}

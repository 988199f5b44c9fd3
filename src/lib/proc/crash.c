/* The call stack of a crash, as one log line: `process.crashed signal=SIGABRT
 * stack=libc.so.6+0x8aeec,gatepost+0x12ab,...`.
 *
 * Core files are off (they would hold passwords), so this line is what is left of a crash and of a
 * process that the watchdog aborted: addr2line -e gatepost 0x12ab names the place. A process that
 * the sandbox ended says which call it was: `signal=SIGSYS call=59` (docs/confine.md). Formatting
 * in a signal handler may deadlock when the crash was inside the allocator, the loader or the log;
 * an alarm then ends the process all the same. */
#include "crash.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gatepost/log.h"

#define FRAMES_MAX     32
#define FRAME_BYTES    48
#define BY_SECCOMP     1 /* SYS_SECCOMP, which glibc 2.36 does not name */
#define CALL_BYTES     24
#define REPORT_LIMIT_S 2

static uint8_t alternate_stack[64 * 1024]; /* a stack overflow leaves no room on its own */

/* "gatepost+0x12ab": the file that holds the code, and the offset in it. */
static void print_frame(void *address, char *text_out, size_t text_bytes)
{
    Dl_info info = {0};
    if (dladdr(address, &info) == 0 || info.dli_fname == NULL) {
        snprintf(text_out, text_bytes, "%p", address);
        return;
    }
    const char *slash = strrchr(info.dli_fname, '/');
    snprintf(text_out, text_bytes, "%.20s+0x%" PRIxPTR, slash != NULL ? slash + 1 : info.dli_fname,
             (uintptr_t)address - (uintptr_t)info.dli_fbase);
}

/* The number of the call that the sandbox refused, where that is what happened; else nothing. */
static void print_call(int number, const siginfo_t *info, char text_out[static CALL_BYTES])
{
    text_out[0] = '\0';
    if (number == SIGSYS && info->si_code == BY_SECCOMP)
        snprintf(text_out, CALL_BYTES, " call=%d", info->si_syscall);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    alarm(REPORT_LIMIT_S);
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);
    char stack[FRAMES_MAX * FRAME_BYTES];
    char call[CALL_BYTES];
    size_t len = 0;
    stack[0] = '\0';
    /* Frame 0 is this function and frame 1 the kernel's return from the handler. */
    for (int i = 2; i < count && len + FRAME_BYTES < sizeof stack; i++) {
        if (len > 0)
            stack[len++] = ',';
        print_frame(frames[i], stack + len, sizeof stack - len);
        len += strlen(stack + len);
    }
    print_call(number, info, call);
    log_error("process.crashed", "signal=SIG%s%s stack=%s", sigabbrev_np(number), call, stack);
    raise(number); /* delivered when this handler returns, and by then the default action is back */
}

void crash_report_init(void)
{
    /* The first call loads a library; that must not happen inside a handler. */
    void *frame[1];
    (void)backtrace(frame, 1);

    stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack};
    struct sigaction action = {.sa_sigaction = on_crash,
                               .sa_flags = (int)SA_RESETHAND | SA_ONSTACK | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
#if defined(__SANITIZE_THREAD__)
    (void)stack; /* it takes the handler itself for a fault */
    (void)action;
#elif defined(__SANITIZE_ADDRESS__)
    (void)stack; /* it has its own stack and its own, better report of a fault */
    action.sa_flags = (int)SA_RESETHAND | SA_SIGINFO;
    sigaction(SIGABRT, &action, NULL);
#else
    sigaltstack(&stack, NULL);
    static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS};
    for (size_t i = 0; i < ARRAY_LEN(crashes); i++)
        sigaction(crashes[i], &action, NULL);
#endif
}

/* Finding the running server by its locked pid file, and reading its status page. */
#include "running.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "asking.h"
#include "cli.h"
#include "gatepost/clock.h"
#include "gatepost/pidlock.h"
#include "gatepost/proc.h"

#define PAGE_MAX_BYTES 65536
#define PAGE_WAIT_MS   5000

/* Takes the configuration. */
static int find(struct config *config, struct running *running_out)
{
    struct err err = {0};
    struct running running = {.config = config};
    const char *path = config->master_pid_file;
    int code = EXIT_DONE;
    config_forget_secrets(config);
    switch (pidlock_holder(path, &running.pid, &err)) {
    case PIDLOCK_HOLDER_FOUND:
        break;
    case PIDLOCK_HOLDER_NONE:
        (void)fprintf(stderr, "gatepost: no server is running (master.pid_file is %s)\n", path);
        code = CLI_NOT_RUNNING;
        break;
    case PIDLOCK_HOLDER_UNSURE:
        (void)fprintf(stderr, "gatepost: %s\n", err.text);
        code = EXIT_FAILED;
        break;
    }
    if (code == EXIT_DONE)
        *running_out = running;
    else
        running_fini(&running);
    return code;
}

int running_find(const struct config_source *source, struct running *running_out)
{
    struct config *config = config_load(source, cli_print_problem, NULL);
    return config == NULL ? EXIT_CONFIG : find(config, running_out);
}

int running_find_anyhow(const struct config_source *source, struct running *running_out)
{
    bool wrong = false;
    struct config *config = config_load_anyhow(source, cli_print_problem, NULL, &wrong);
    /* Of a file that cannot be read nothing says which server is meant. */
    if (wrong && config->file[0] != '\0' && access(config->file, R_OK) != 0) {
        config_free(&config);
        return EXIT_CONFIG;
    }
    const int code = find(config, running_out);
    return wrong && code != EXIT_DONE ? EXIT_CONFIG : code;
}

void running_fini(struct running *running)
{
    config_free(&running->config);
    running->pid = 0;
}

bool running_still(const struct running *running)
{
    struct err err = {0};
    pid_t pid = 0;
    switch (pidlock_holder(running->config->master_pid_file, &pid, &err)) {
    case PIDLOCK_HOLDER_FOUND:
        return pid == running->pid; /* else a successor has it already */
    case PIDLOCK_HOLDER_UNSURE:     /* its children, for a moment */
        return true;
    case PIDLOCK_HOLDER_NONE:
        return false;
    }
    return false;
}

static int connect_to(const char *path, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!slice_to_text(slice_of_text(path), address.sun_path, sizeof address.sun_path)) {
        err_set(err, "%s is too long for a unix socket", path);
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    err_set(err, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool running_read_page(const struct running *running, char **page_out, struct err *err)
{
    int fd = connect_to(running->config->master_admin_socket, err);
    if (fd < 0)
        return false;
    char *page = xcalloc(1, PAGE_MAX_BYTES);
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < PAGE_MAX_BYTES - 1) {
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        got = poll(&polled, 1, PAGE_WAIT_MS) == 1 ? read(fd, page + len, PAGE_MAX_BYTES - 1 - len)
                                                  : -1;
        len += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    if (got < 0 || len == 0) {
        err_set(err, "%s: no answer", running->config->master_admin_socket);
        free(page);
        return false;
    }
    *page_out = page;
    return true;
}

bool page_find(const char *page, const char *key, char *text_out, size_t text_bytes)
{
    size_t key_len = strlen(key);
    for (const char *line = page; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        size_t len = end != NULL ? (size_t)(end - line) : strlen(line);
        if (len >= key_len + 2 && memcmp(line, key, key_len) == 0 &&
            memcmp(line + key_len, ": ", 2) == 0) {
            snprintf(text_out, text_bytes, "%.*s", (int)(len - key_len - 2), line + key_len + 2);
            return true;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return false;
}

void pause_ms(uint32_t ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * NS_PER_MS)};
    nanosleep(&pause, NULL);
}

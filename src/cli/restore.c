/* `gatepost restore DIR` and `gatepost verify [DIR]`: what they say and ask; the work is
 * src/store's (gatepost/offline.h).
 *
 * While they are at the configured database they hold the pid file's lock, so that no server starts
 * on it. Where there is no pid file (systemd takes its directory away with the server) they look
 * once more before a database is replaced. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "gatepost/clock.h"
#include "gatepost/pidlock.h"
#include "gatepost/proc.h"

#include "asking.h"
#include "terminal.h"
#include "words.h"

static const char RESTORE_USAGE[] =
    "usage: gatepost restore DIR [--into STORE_DIR] [--force] [--until-log N] [--json]\n"
    "                        [-c FILE] [-o section.key=value]...\n\n"
    "  DIR          a backup that `gatepost backup` made; it is not changed\n"
    "  --into       where the database goes, else store.dir; not there, or empty\n"
    "  --force      a database that is there is moved to STORE_DIR.before-TIME\n"
    "  --until-log  carries out the log up to that file's end only\n\n"
    "  Not while the server runs. Everything is verified before the database takes its place.\n"
    "  Exit codes: 0 done, 1 refused, 2 wrong words, 10 the configuration is wrong, 25 DIR holds\n"
    "  no whole backup or it could not be copied, 26 the backup is damaged: nothing was changed.\n";

static const char VERIFY_USAGE[] =
    "usage: gatepost verify [DIR] [--work DIR] [--json] [-c FILE] [-o section.key=value]...\n\n"
    "  DIR     a backup, or a database that no server has open; else store.dir\n"
    "  --work  where the copy is made that is looked at, else beside DIR; removed afterwards\n\n"
    "  Nothing in DIR is changed.\n"
    "  Exit codes: 0 it is sound, 1 refused, 2 wrong words, 10 the configuration is wrong, 25 it\n"
    "  could not be looked at, 26 it is damaged: each problem is a line.\n";

struct offline_order {
    const char *dir;
    const char *into;
    const char *work;
    const char *until;
    bool force;
    bool json;
    bool restores;
    struct config *config;
    bool keeps_out; /* holds the pid file's lock */
    bool refused;
    bool is_terminal;
    mono_ns drawn;
};

/* ---- what people see ----------------------------------------------------------------------------
 */

static void hide_progress(struct offline_order *order)
{
    if (order->drawn != 0)
        (void)fputs("\r\033[K", stderr);
    order->drawn = 0;
}

static void on_progress(void *context, const char *doing, uint64_t done, uint64_t all)
{
    struct offline_order *order = context;
    const mono_ns now = clock_mono_ns();

    if (!order->is_terminal || now - order->drawn < NS_PER_S / 10)
        return;
    order->drawn = now;
    if (all > 0)
        (void)fprintf(stderr, "\r%s: %" PRIu64 " %%\033[K", doing, done * 100 / all);
    else if (done > 0)
        (void)fprintf(stderr, "\r%s: %" PRIu64 " rows\033[K", doing, done);
    else
        (void)fprintf(stderr, "\r%s\033[K", doing);
    (void)fflush(stderr);
}

static void on_problem(void *context, const char *sentence)
{
    struct offline_order *order = context;
    char *text = terminal_text(slice_of_text(sentence));

    hide_progress(order);
    (void)fprintf(stderr, "gatepost: %s: %s\n", order->restores ? "restore" : "verify", text);
    free(text);
}

static void on_count(void *context, const char *what, uint64_t count)
{
    struct offline_order *order = context;

    hide_progress(order);
    if (order->json)
        (void)printf("{\"%s\":%" PRIu64 "}\n", what, count);
    else
        (void)printf("%s: %" PRIu64 "\n", what, count);
}

static int refuse(const struct offline_order *order, const char *sentence)
{
    (void)fprintf(stderr, "gatepost: %s: %s\n", order->restores ? "restore" : "verify", sentence);
    return EXIT_FAILED;
}

/* ---- the words ----------------------------------------------------------------------------------
 */

static bool take_value(const char *const *words, size_t count, size_t *i, const char **value_out)
{
    if (*i + 1 >= count || words[*i + 1][0] == '\0')
        return false;
    *value_out = words[++*i];
    return true;
}

static bool read_words(const char *const *words, size_t count, struct offline_order *order)
{
    for (size_t i = 0; i < count; i++) {
        const char *word = words[i];
        bool good = true;

        if (strcmp(word, "--json") == 0)
            order->json = true;
        else if (order->restores && strcmp(word, "--force") == 0)
            order->force = true;
        else if (order->restores && strcmp(word, "--into") == 0)
            good = take_value(words, count, &i, &order->into);
        else if (order->restores && strcmp(word, "--until-log") == 0)
            good = take_value(words, count, &i, &order->until);
        else if (!order->restores && strcmp(word, "--work") == 0)
            good = take_value(words, count, &i, &order->work);
        else if (order->dir == NULL && word[0] != '-' && word[0] != '\0')
            order->dir = word;
        else
            good = false;
        if (!good)
            return false;
    }
    return !order->restores || order->dir != NULL;
}

/* ---- paths and locks ----------------------------------------------------------------------------
 */

/* dir without slashes at its end, and suffix behind it. False: too long. */
static bool beside(const char *dir, const char *suffix, char path_out[PATH_MAX])
{
    size_t len = strlen(dir);

    while (len > 1 && dir[len - 1] == '/')
        len--;
    return snprintf(path_out, PATH_MAX, "%.*s%s", (int)len, dir, suffix) < PATH_MAX;
}

static bool is_same(const char *a, const char *b)
{
    struct stat a_status;
    struct stat b_status;

    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &a_status) == 0 && stat(b, &b_status) == 0 &&
           a_status.st_dev == b_status.st_dev && a_status.st_ino == b_status.st_ino;
}

/* No server of this configuration runs, nor starts until this process ends; without a pid file one
 * may start. */
static bool keep_servers_out(struct offline_order *order)
{
    const char *path = order->config->master_pid_file;
    struct err err = {{0}};
    pid_t pid = 0;
    int fd = -1;
    bool held = false;

    if (order->keeps_out)
        return true;
    if (pidlock_holder(path, &pid, &err) == PIDLOCK_HOLDER_NONE) {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW); /* none: no server ever ran here */
        held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
        order->keeps_out = fd >= 0 && !held;
    } else {
        held = true;
    }
    if (held)
        (void)refuse(order,
                     order->restores
                         ? "the server is running on that database: stop it first"
                         : "the server is running on that database: make a backup "
                           "(`gatepost backup DIR`) and verify that (`gatepost verify DIR`)");
    return !held;
}

static bool may_take_place(void *context)
{
    struct offline_order *order = context;

    order->refused = !keep_servers_out(order);
    return !order->refused;
}

/* Looked at, not tried by rmdir: of a restore that is refused the directory stays, and whose it is.
 */
static bool is_empty_or_absent(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    bool empty = true;

    if (dir == NULL)
        return errno == ENOENT;
    while (empty && (entry = readdir(dir)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(dir);
    return empty;
}

/* ---- the commands -------------------------------------------------------------------------------
 */

static int code_of(enum offline_result result)
{
    switch (result) {
    case OFFLINE_GOOD:
        return EXIT_DONE;
    case OFFLINE_DAMAGED:
        return EXIT_DAMAGED;
    case OFFLINE_FAILED:
        return EXIT_BACKUP;
    }
    return EXIT_FAILED;
}

static struct offline_job job_of(struct offline_order *order)
{
    return (struct offline_job){
        .cache_mib = order->config->store_cache_mib,
        .user = order->config->master_user,
        .listener = {on_progress, on_problem, on_count, order},
    };
}

static int restore(struct offline_order *order, offline_fn run)
{
    const char *into = order->into != NULL ? order->into : order->config->store_dir;
    struct offline_job job = job_of(order);
    char work[PATH_MAX];
    char aside[PATH_MAX];
    char suffix[48];
    size_t until = 0;

    (void)snprintf(suffix, sizeof(suffix), ".before-%lld", (long long)(clock_wall_ms() / 1000));
    if (!beside(into, ".restoring", work) || !beside(into, suffix, aside))
        return refuse(order, "the path is too long");
    if (order->until != NULL && (!words_number(order->until, &until) || until > UINT32_MAX))
        return refuse(order, "--until-log is the number of a log file");
    const bool is_own = is_same(into, order->config->store_dir);
    if (is_own && !keep_servers_out(order))
        return EXIT_FAILED;
    const bool is_free = is_empty_or_absent(into);
    if (!is_free && !order->force)
        return refuse(order, "there is a database already: --force moves it aside");
    job.from = order->dir;
    job.work = work;
    job.into = into;
    job.aside = is_free ? NULL : aside;
    job.until_log = (uint32_t)until;
    job.may_take_place = is_own ? may_take_place : NULL;
    const enum offline_result result = run(&job);
    hide_progress(order);
    if (result == OFFLINE_GOOD && !order->json) {
        if (!is_free)
            (void)printf("the database that was there: %s\n", aside);
        (void)printf("restored: %s; make a full backup of it when the server runs\n", into);
    }
    return order->refused ? EXIT_FAILED : code_of(result);
}

static int verify(struct offline_order *order, offline_fn run)
{
    const char *from = order->dir != NULL ? order->dir : order->config->store_dir;
    struct offline_job job = job_of(order);
    char work[PATH_MAX];

    if (!beside(order->work != NULL ? order->work : from,
                order->work != NULL ? "/gatepost.verifying" : ".verifying", work))
        return refuse(order, "the path is too long");
    if (is_same(from, order->config->store_dir) && !keep_servers_out(order))
        return EXIT_FAILED;
    job.from = from;
    job.work = work;
    const enum offline_result result = run(&job);
    hide_progress(order);
    if (result == OFFLINE_GOOD && !order->json)
        (void)printf("sound: %s\n", from);
    return code_of(result);
}

static int run_offline(const struct config_source *source, const char *const *words, size_t count,
                       offline_fn run, bool restores)
{
    struct offline_order order = {.restores = restores, .is_terminal = isatty(STDERR_FILENO) != 0};

    if (!read_words(words, count, &order)) {
        (restores ? cli_restore_usage : cli_verify_usage)(stderr);
        return EXIT_USAGE;
    }
    order.config = config_load(source, cli_print_problem, NULL);
    if (order.config == NULL)
        return EXIT_CONFIG;
    config_forget_secrets(order.config);
    const int code = restores ? restore(&order, run) : verify(&order, run);
    config_free(&order.config);
    return code;
}

int cli_restore(const struct config_source *source, const char *const *words, size_t count,
                offline_fn run)
{
    return run_offline(source, words, count, run, true);
}

int cli_verify(const struct config_source *source, const char *const *words, size_t count,
               offline_fn run)
{
    return run_offline(source, words, count, run, false);
}

void cli_restore_usage(FILE *to)
{
    (void)fputs(RESTORE_USAGE, to);
}

void cli_verify_usage(FILE *to)
{
    (void)fputs(VERIFY_USAGE, to);
}

/* Restores of a backup whose log has several files: all of it, up to one of them, and none where
 * the log has a hole, the pages need more of it, or somebody's files are in the way. */
#include "backup_copy.h"

#include <dirent.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "gatepost/offline.h"

struct heard {
    size_t problems;
    char problem[512];
    uint64_t accounts;
};

/* Told by a child process: it lies in shared memory. */
static struct heard *heard;

struct shop {
    struct desk *desk;
    struct copy copy;
    char dir[64]; /* of the backup, with one set */
    int dir_fd;
    struct backup_manifest manifest;
    uint64_t at_base; /* accounts when the pages had been taken */
    uint64_t at_end;
};

static void on_problem(void *context, const char *sentence)
{
    (void)context;
    heard->problems++;
    (void)snprintf(heard->problem, sizeof(heard->problem), "%s", sentence);
}

/* Where somebody who may write beside the copy puts another directory in its place. */
static const char *replaced;

static void replace(void)
{
    char path[128];
    char target[128];

    (void)snprintf(path, sizeof(path), "%s/copy", replaced);
    (void)snprintf(target, sizeof(target), "%s/moved", replaced);
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/copy/durable", replaced);
    (void)snprintf(target, sizeof(target), "%s/victim", replaced);
    assert_int_equal(symlink(target, path), 0);
    replaced = NULL;
}

static void on_progress(void *context, const char *doing, uint64_t done, uint64_t all)
{
    (void)context;
    if (replaced != NULL && strcmp(doing, "copying") == 0)
        replace();
    (void)done;
    (void)all;
}

static void on_count(void *context, const char *what, uint64_t count)
{
    (void)context;
    if (strcmp(what, "accounts") == 0)
        heard->accounts = count;
}

static void take_all(struct shop *shop, const struct backup_order *order)
{
    struct backup *backup = shop->desk->env.backup;
    uint64_t at = 0;
    uint64_t bytes;
    uint64_t id;

    shop->copy.whole = false;
    shop->copy.stream = backup_stream_new();
    assert_true(backup_begin(backup, order, clock_mono_ns(), &id, &bytes));
    while (take(shop->desk, &shop->copy, id, &at))
        ;
    assert_true(shop->copy.whole);
    assert_true(backup_end(backup, id, true));
    close(shop->copy.fd);
    shop->copy.fd = -1;
    backup_stream_free(&shop->copy.stream);
}

static void sum(struct shop *shop)
{
    const int set_fd = open(shop->copy.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(set_fd);
    const struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        struct stat status;

        if (!backup_name_is_good(entry->d_name))
            continue;
        const int fd = openat(set_fd, entry->d_name, O_RDONLY | O_CLOEXEC);
        struct backup_file *file = backup_file_of(&shop->manifest, entry->d_name);
        assert_int_equal(fstat(fd, &status), 0);
        file->bytes = (uint64_t)status.st_size;
        assert_true(backup_digest(fd, file->bytes, file->digest, NULL, NULL));
        close(fd);
    }
    closedir(dir);
}

static void write_manifest(struct shop *shop)
{
    struct err err = {{0}};

    assert_true(backup_manifest_write(shop->dir_fd, &shop->manifest, &err));
}

/* Pages, and then what the log has grown by, over several files. */
static void make_backup(struct shop *shop)
{
    struct backup_manifest *manifest = &shop->manifest;
    struct backup_order order = {.logs_only = false};
    uint64_t number = 300;

    take_all(shop, &order);
    manifest->base =
        (struct backup_place){shop->copy.summary.end_file, shop->copy.summary.end_offset};
    manifest->log_first = shop->copy.summary.log_first;
    shop->at_base = number - 1;
    order.logs_only = true;
    order.from = (struct log_end){manifest->base.file, manifest->base.offset};
    sum(shop);
    char name[BACKUP_LOG_NAME_BYTES];
    backup_log_name(manifest->base.file, name);
    memcpy(order.digest, backup_file_find(manifest, name)->digest, DIGEST_BYTES);
    while (durable_end_of_log(shop->desk->env.db_env).file < manifest->base.file + 3) {
        sign_up_many(shop->desk, number, number + 20);
        number += 20;
    }
    take_all(shop, &order);
    shop->at_end = number - 1;
    manifest->end =
        (struct backup_place){shop->copy.summary.end_file, shop->copy.summary.end_offset};
    manifest->format = shop->copy.summary.format;
    sum(shop);
    write_manifest(shop);
}

static int start_shop(void **state)
{
    struct shop *shop = xcalloc(1, sizeof(*shop));
    void *desk = NULL;

    (void)start_small_backups(&desk);
    shop->desk = desk;
    shop->copy.fd = -1;
    (void)snprintf(shop->dir, sizeof(shop->dir), "/tmp/gatepost-shop-XXXXXX");
    assert_non_null(mkdtemp(shop->dir));
    shop->dir_fd = open(shop->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)snprintf(shop->copy.dir, sizeof(shop->copy.dir), "%s/set-1", shop->dir);
    assert_int_equal(mkdir(shop->copy.dir, 0700), 0);
    (void)snprintf(shop->manifest.set, sizeof(shop->manifest.set), "set-1");
    (void)snprintf(shop->manifest.version, sizeof(shop->manifest.version), "test");
    heard = mmap(NULL, sizeof(*heard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(heard != MAP_FAILED);
    sign_up_many(shop->desk, 1, 300);
    make_backup(shop);
    *state = shop;
    return 0;
}

static int end_shop(void **state)
{
    struct shop *shop = *state;
    void *desk = shop->desk;

    (void)end_backups(&desk);
    backup_manifest_free(&shop->manifest);
    close(shop->dir_fd);
    nftw(shop->dir, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
    (void)munmap(heard, sizeof(*heard));
    free(shop);
    return 0;
}

static enum offline_result restore(struct shop *shop, uint32_t until_log, const char *aside)
{
    char work[128];
    char into[128];
    const struct offline_job job = {
        .from = shop->dir,
        .work = work,
        .into = into,
        .aside = aside,
        .until_log = until_log,
        .cache_mib = 16,
        .user = "",
        .listener = {on_progress, on_problem, on_count, NULL},
    };

    (void)snprintf(work, sizeof(work), "%s/copy", shop->dir);
    (void)snprintf(into, sizeof(into), "%s/into", shop->dir);
    memset(heard, 0, sizeof(*heard));
    return store_restore(&job);
}

static bool is_there(const struct shop *shop, const char *name)
{
    return faccessat(shop->dir_fd, name, F_OK, 0) == 0;
}

static void test_all_of_the_log_or_up_to_one_of_its_files(void **state)
{
    struct shop *shop = *state;
    char aside[128];
    uint64_t before = 0;

    (void)snprintf(aside, sizeof(aside), "%s/aside", shop->dir);
    for (uint32_t file = shop->manifest.base.file; file <= shop->manifest.end.file; file++) {
        assert_int_equal(restore(shop, file, aside), OFFLINE_GOOD);
        assert_true(heard->accounts > before);
        assert_true(heard->accounts >= shop->at_base);
        before = heard->accounts;
        assert_false(is_there(shop, "work"));
        assert_int_equal(is_there(shop, "aside"), file > shop->manifest.base.file);
        nftw(aside, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
    }
    assert_int_equal(before, shop->at_end);
    assert_int_equal(restore(shop, 0, aside), OFFLINE_GOOD);
    assert_int_equal(heard->accounts, shop->at_end);
}

static void test_the_pages_need_the_log_that_was_written_meanwhile(void **state)
{
    struct shop *shop = *state;

    assert_int_equal(restore(shop, shop->manifest.base.file - 1, NULL), OFFLINE_FAILED);
    assert_non_null(strstr(heard->problem, "an earlier point in time needs an earlier backup"));
    assert_false(is_there(shop, "into"));
}

static void test_a_hole_in_the_log_is_told(void **state)
{
    struct shop *shop = *state;
    struct backup_manifest *manifest = &shop->manifest;
    char name[BACKUP_LOG_NAME_BYTES];

    backup_log_name(manifest->base.file + 1, name);
    struct backup_file *hole = backup_file_of(manifest, name);
    *hole = manifest->files[--manifest->count];
    write_manifest(shop);
    assert_int_equal(restore(shop, 0, NULL), OFFLINE_DAMAGED);
    assert_non_null(strstr(heard->problem, name));
    assert_non_null(strstr(heard->problem, "hole"));
}

static void test_a_backup_of_a_newer_format_is_refused(void **state)
{
    struct shop *shop = *state;

    shop->manifest.format = STORE_FORMAT + 1;
    write_manifest(shop);
    assert_int_equal(restore(shop, 0, NULL), OFFLINE_DAMAGED);
    assert_non_null(strstr(heard->problem, "the backup has format 4"));
}

static void test_another_trail_than_the_manifest_names_is_told(void **state)
{
    struct shop *shop = *state;

    shop->manifest.audit_events = 100;
    write_manifest(shop);
    assert_int_equal(restore(shop, 0, NULL), OFFLINE_DAMAGED);
    assert_non_null(strstr(heard->problem, "does not go through event 99"));
    assert_false(is_there(shop, "into"));
}

/* With the rights of root, perhaps. */
static void test_nothing_is_written_through_a_link_beside_the_copy(void **state)
{
    struct shop *shop = *state;

    replaced = shop->dir;
    assert_int_not_equal(restore(shop, 0, NULL), OFFLINE_GOOD);
    assert_null(replaced);
    assert_true(is_there(shop, "moved/durable"));
    assert_false(is_there(shop, "victim"));
    assert_false(is_there(shop, "into"));
}

/* Looked at between any two of its system calls: it may be killed there. */
static void test_there_is_a_database_all_the_while_that_one_is_replaced(void **state)
{
    struct shop *shop = *state;
    char aside[128];
    int status = 0;
    int passed = 0;
    unsigned absent = 0;

    (void)snprintf(aside, sizeof(aside), "%s/aside", shop->dir);
    assert_int_equal(restore(shop, 0, NULL), OFFLINE_GOOD);
    const pid_t child = fork();
    if (child == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        (void)raise(SIGSTOP);
        _exit(restore(shop, 0, aside) == OFFLINE_GOOD ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) {
        (void)kill(child, SIGKILL);
        skip(); /* this machine lets nobody be traced */
    }
    while (ptrace(PTRACE_SYSCALL, child, NULL, passed) == 0 &&
           waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        const int signal = WSTOPSIG(status);
        passed = signal == (SIGTRAP | 0x80) || signal == SIGTRAP ? 0 : signal;
        absent += !is_there(shop, "into/users.db");
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(absent, 0);
    assert_true(is_there(shop, "aside/users.db"));
    assert_false(is_there(shop, "work"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_of_the_log_or_up_to_one_of_its_files, start_shop,
                                        end_shop),
        cmocka_unit_test_setup_teardown(test_the_pages_need_the_log_that_was_written_meanwhile,
                                        start_shop, end_shop),
        cmocka_unit_test_setup_teardown(test_a_hole_in_the_log_is_told, start_shop, end_shop),
        cmocka_unit_test_setup_teardown(test_a_backup_of_a_newer_format_is_refused, start_shop,
                                        end_shop),
        cmocka_unit_test_setup_teardown(test_another_trail_than_the_manifest_names_is_told,
                                        start_shop, end_shop),
        cmocka_unit_test_setup_teardown(test_there_is_a_database_all_the_while_that_one_is_replaced,
                                        start_shop, end_shop),
        cmocka_unit_test_setup_teardown(test_nothing_is_written_through_a_link_beside_the_copy,
                                        start_shop, end_shop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

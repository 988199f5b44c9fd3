/* The manifest: read back as it was written; one byte less, more or other, and it is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/backup.h"

struct place {
    char dir[64];
    int fd;
};

static int start(void **state)
{
    struct place *place = xcalloc(1, sizeof(*place));

    (void)snprintf(place->dir, sizeof(place->dir), "/tmp/gatepost-manifest-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    place->fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->fd >= 0);
    *state = place;
    return 0;
}

static int end(void **state)
{
    struct place *place = *state;

    (void)unlinkat(place->fd, BACKUP_MANIFEST, 0);
    close(place->fd);
    assert_int_equal(rmdir(place->dir), 0);
    free(place);
    return 0;
}

static struct backup_manifest example(void)
{
    struct backup_manifest manifest = {
        .version = "1.2.3",
        .format = 3,
        .began = 1795859036123,
        .ended = 1795859040456,
        .set = BACKUP_SET_PREFIX "20261128t094356z-0",
        .users = 300,
        .audit_events = 303,
        .log_first = 7,
        .base = {8, 1042481},
        .end = {9, 1510173},
    };

    memset(manifest.audit_chain, 0xa5, sizeof(manifest.audit_chain));
    backup_file_of(&manifest, "users.db")->bytes = 8192;
    struct backup_file *log = backup_file_of(&manifest, "log.0000000009");
    log->bytes = 1510173;
    memset(log->digest, 0x5a, sizeof(log->digest));
    return manifest;
}

static void test_what_was_written_is_read(void **state)
{
    struct place *place = *state;
    struct backup_manifest written = example();
    struct backup_manifest read;
    struct stat status;
    struct err err = {{0}};

    assert_true(backup_manifest_write(place->fd, &written, &err));
    assert_int_equal(fstatat(place->fd, BACKUP_MANIFEST, &status, 0), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(backup_manifest_read(place->fd, &read, &err), BACKUP_OK);
    assert_string_equal(read.version, written.version);
    assert_string_equal(read.set, written.set);
    assert_int_equal(read.began, written.began);
    assert_int_equal(read.ended, written.ended);
    assert_int_equal(read.users, 300);
    assert_int_equal(read.audit_events, 303);
    assert_memory_equal(read.audit_chain, written.audit_chain, DIGEST_BYTES);
    assert_int_equal(read.log_first, 7);
    assert_int_equal(read.base.file, 8);
    assert_int_equal(read.end.offset, 1510173);
    assert_int_equal(read.count, 2);
    assert_int_equal(backup_file_find(&read, "users.db")->bytes, 8192);
    assert_memory_equal(backup_file_find(&read, "log.0000000009")->digest,
                        backup_file_find(&written, "log.0000000009")->digest, DIGEST_BYTES);
    assert_null(backup_file_find(&read, "log.0000000008"));
    backup_manifest_free(&read);
    backup_manifest_free(&written);
}

static void test_none_is_none(void **state)
{
    struct place *place = *state;
    struct backup_manifest read;
    struct err err = {{0}};

    assert_int_equal(backup_manifest_read(place->fd, &read, &err), BACKUP_NONE);
}

static void put(const struct place *place, const char *text, size_t len)
{
    int fd = openat(place->fd, BACKUP_MANIFEST, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0 && fd_write_all(fd, text, len));
    close(fd);
}

static void test_a_flipped_bit_and_a_cut_are_noticed_wherever_they_are(void **state)
{
    struct place *place = *state;
    struct backup_manifest written = example();
    struct backup_manifest read;
    struct err err = {{0}};
    char text[4096];

    assert_true(backup_manifest_write(place->fd, &written, &err));
    int fd = openat(place->fd, BACKUP_MANIFEST, O_RDONLY | O_CLOEXEC);
    const ssize_t len = pread(fd, text, sizeof(text), 0);
    close(fd);
    assert_in_range(len, 200, sizeof(text) - 1);
    for (ssize_t at = 0; at < len; at++) {
        text[at] = (char)(text[at] ^ 1);
        put(place, text, (size_t)len);
        assert_int_equal(backup_manifest_read(place->fd, &read, &err), BACKUP_BAD);
        text[at] = (char)(text[at] ^ 1);
        put(place, text, (size_t)at);
        assert_int_equal(backup_manifest_read(place->fd, &read, &err), BACKUP_BAD);
    }
    put(place, text, (size_t)len);
    assert_int_equal(backup_manifest_read(place->fd, &read, &err), BACKUP_OK);
    backup_manifest_free(&read);
    backup_manifest_free(&written);
}

static void test_a_name_is_never_a_path(void **state)
{
    static const char *const good[] = {"users.db", "log.0000000001", "set-20261128t094356z-0"};
    static const char *const bad[] = {"",     ".",  "..", "../a", "a/b",
                                      "/etc", ".a", "A",  "a b",  "a\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(backup_name_is_good(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(backup_name_is_good(bad[i]));
}

static void test_a_log_files_number_is_in_its_name(void **state)
{
    char name[BACKUP_LOG_NAME_BYTES];

    (void)state;
    backup_log_name(4294967295U, name);
    assert_string_equal(name, "log.4294967295");
    assert_int_equal(backup_log_number(name), 4294967295U);
    assert_int_equal(backup_log_number("log.0000000012"), 12);
    assert_int_equal(backup_log_number("log.12"), 0);
    assert_int_equal(backup_log_number("log.0000000012x"), 0);
    assert_int_equal(backup_log_number("users.db"), 0);
}

static void test_the_sum_of_a_file_is_of_its_first_bytes(void **state)
{
    struct place *place = *state;
    uint8_t all[DIGEST_BYTES];
    uint8_t some[DIGEST_BYTES];

    put(place, "abcdef", 6);
    int fd = openat(place->fd, BACKUP_MANIFEST, O_RDONLY | O_CLOEXEC);
    assert_true(backup_digest(fd, 3, some, NULL, NULL));
    digest_sha256("abc", 3, all);
    assert_memory_equal(some, all, DIGEST_BYTES);
    assert_false(backup_digest(fd, 7, some, NULL, NULL));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_written_is_read, start, end),
        cmocka_unit_test_setup_teardown(test_none_is_none, start, end),
        cmocka_unit_test_setup_teardown(test_a_flipped_bit_and_a_cut_are_noticed_wherever_they_are,
                                        start, end),
        cmocka_unit_test(test_a_name_is_never_a_path),
        cmocka_unit_test(test_a_log_files_number_is_in_its_name),
        cmocka_unit_test_setup_teardown(test_the_sum_of_a_file_is_of_its_first_bytes, start, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

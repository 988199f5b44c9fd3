/* A backup that is taken slowly: it holds up neither writes nor checkpoints, and what comes out of
 * it is whole; one that nobody takes any more ends; one at a time. */
#include "desk.h"

#include <fcntl.h>

#include "gatepost/backup.h"
#include "store/archive.h"
#include "store/backup.h"
#include "store/check.h"
#include "store/meta.h"

#define PEOPLE 4000U /* more pages than the pipe has room for */

struct copy {
    char dir[64];
    int fd; /* of the file at hand; -1: none */
    struct backup_stream *stream;
    bool whole;
    struct backup_summary summary;
};

static int start_backups(void **state)
{
    struct desk *desk;

    (void)start(state);
    desk = *state;
    desk->env.archive = archive_new(desk->rig.dir, false);
    desk->env.backup = backup_new(&desk->env, desk->rig.dir);
    return 0;
}

static int end_backups(void **state)
{
    struct desk *desk = *state;

    backup_free(&desk->env.backup);
    archive_free(&desk->env.archive);
    return end(state);
}

/* In batches, each with its tally, as batch.c does it. */
static void sign_up_many(struct desk *desk, uint64_t from, uint64_t to)
{
    struct call call = {.env = &desk->env, .roles = SEAT_WORKER, .now = RIG_NOW};

    for (uint64_t number = from; number < to;) {
        assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
        for (int i = 0; i < 20 && number < to; i++, number++) {
            const struct rig_person person = rig_person(number);
            struct packer packer = asking(desk);

            rig_pack_signup(&packer, &person, slice_of_text(""), slice_of_text(""));
            call.packed = packer_slice(&packer);
            call.answer = packer_over(desk->answer, sizeof(desk->answer));
            assert_int_equal(request_carry_out(&call, STORE_ACCOUNT_CREATE), STORE_OK);
        }
        meta_put_tally(&call);
        assert_int_equal(call.failure, 0);
        assert_int_equal(call.txn->commit(call.txn, DB_TXN_NOSYNC), 0);
    }
}

static void take_frame(struct copy *copy, enum backup_frame kind, struct slice body)
{
    char path[256];
    struct unpacker unpacker = unpacker_over(body);

    switch (kind) {
    case BACKUP_FRAME_FILE:
        if (copy->fd >= 0)
            close(copy->fd);
        (void)snprintf(path, sizeof(path), "%s/%.*s", copy->dir, (int)body.len, body.at);
        copy->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(copy->fd >= 0);
        break;
    case BACKUP_FRAME_DATA: {
        const uint64_t at = unpack_u64(&unpacker);

        assert_int_equal(lseek(copy->fd, 0, SEEK_CUR), at); /* in order, without a gap */
        assert_true(fd_write_all(copy->fd, unpacker.bytes, unpacker.len));
        break;
    }
    case BACKUP_FRAME_END:
        assert_true(backup_summary_unpack(body, &copy->summary));
        copy->whole = true;
        break;
    case BACKUP_FRAME_FAIL:
        fail_msg("%.*s", (int)body.len, body.at);
    }
}

/* Takes what is there. Returns false when that was all. */
static bool take(struct desk *desk, struct copy *copy, uint64_t id, uint64_t *at)
{
    static uint8_t bytes[16000];
    enum backup_frame kind;
    struct slice body;
    size_t len;

    if (!backup_take(desk->env.backup, id, *at, clock_mono_ns(), bytes, sizeof(bytes), &len))
        return false;
    *at += len;
    backup_stream_put(copy->stream, slice_of(bytes, len));
    while (backup_stream_next(copy->stream, &kind, &body) == BACKUP_NEXT_FRAME)
        take_frame(copy, kind, body);
    if (len == 0)
        usleep(1000);
    return true;
}

static void on_problem(void *context, const char *sentence)
{
    (void)context;
    fail_msg("%s", sentence);
}

static void on_progress(void *context, uint64_t rows)
{
    (void)context;
    (void)rows;
}

static void expect_people(struct desk *desk, struct copy *copy, uint64_t least)
{
    const uint32_t slot = segment_store_slot(desk->rig.segment);
    struct env *env = xcalloc(1, sizeof(*env));
    struct err err = {{0}};

    if (!env_replay(copy->dir, 16, desk->rig.segment, slot, &err) ||
        !env_open(env, copy->dir, 16, desk->rig.segment, slot, &err))
        fail_msg("%s", err.text);
    struct check check = {.env = env, .on_problem = on_problem, .on_progress = on_progress};
    check_all(&check);
    assert_int_equal(check.problems, 0);
    assert_true(check.rows[TABLE_USERS] >= least);
    env_close(env);
    free(env);
}

static void test_one_that_is_taken_slowly_holds_nothing_up(void **state)
{
    struct desk *desk = *state;
    DB_ENV *db_env = desk->env.db_env;
    struct copy copy = {.fd = -1, .stream = backup_stream_new()};
    const struct backup_order order = {.logs_only = false};
    uint64_t id;
    uint64_t bytes;
    uint64_t at = 0;
    uint64_t number = PEOPLE;

    (void)snprintf(copy.dir, sizeof(copy.dir), "/tmp/gatepost-copy-XXXXXX");
    assert_non_null(mkdtemp(copy.dir));
    sign_up_many(desk, 1, PEOPLE);
    assert_int_equal(db_env->txn_checkpoint(db_env, 0, 0, DB_FORCE), 0);
    assert_true(backup_begin(desk->env.backup, &order, clock_mono_ns(), &id, &bytes));
    assert_true(bytes > 3U << 20);
    usleep(300000); /* the pipe is full by now */
    for (int i = 0; i < 3; i++) {
        const mono_ns began = clock_mono_ns();

        sign_up_many(desk, number, number + 100); /* over pages that are being read */
        number += 100;
        assert_int_equal(db_env->txn_checkpoint(db_env, 0, 0, DB_FORCE), 0);
        assert_true(clock_mono_ns() - began < 20 * NS_PER_S);
        for (int j = 0; j < 100; j++)
            assert_true(take(desk, &copy, id, &at));
    }
    assert_false(copy.whole);
    while (take(desk, &copy, id, &at))
        ;
    assert_true(copy.whole);
    close(copy.fd);
    assert_true(backup_end(desk->env.backup, id, true));
    assert_int_equal(archive_look(desk->env.archive).backed_up, copy.summary.end_file);
    expect_people(desk, &copy, PEOPLE + 99); /* what there was while the first pages were read */
    backup_stream_free(&copy.stream);
    nftw(copy.dir, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_one_at_a_time_and_from_where_it_is(void **state)
{
    struct desk *desk = *state;
    const struct backup_order order = {.logs_only = false};
    const mono_ns now = clock_mono_ns();
    uint8_t byte[100];
    uint64_t id;
    uint64_t other;
    uint64_t bytes;
    size_t len;

    assert_true(backup_begin(desk->env.backup, &order, now, &id, &bytes));
    assert_false(backup_begin(desk->env.backup, &order, now, &other, &bytes));
    assert_false(backup_take(desk->env.backup, id + 1, 0, now, byte, sizeof(byte), &len));
    assert_false(backup_take(desk->env.backup, id, 1, now, byte, sizeof(byte), &len));
    do {
        assert_true(backup_take(desk->env.backup, id, 0, now, byte, sizeof(byte), &len));
    } while (len == 0);
    assert_false(backup_take(desk->env.backup, id, 0, now, byte, sizeof(byte), &len));
    assert_false(backup_end(desk->env.backup, id, true)); /* there is more of it */
    assert_true(backup_end(desk->env.backup, id, false));
    assert_false(backup_end(desk->env.backup, id, false));
    assert_int_equal(archive_look(desk->env.archive).backed_up, 0);
    assert_true(backup_begin(desk->env.backup, &order, now, &other, &bytes));
    assert_true(other != id);
}

static void test_one_that_nobody_takes_ends(void **state)
{
    struct desk *desk = *state;
    const struct backup_order order = {.logs_only = false};
    const mono_ns now = clock_mono_ns();
    uint64_t id;
    uint64_t bytes;

    assert_true(backup_begin(desk->env.backup, &order, now, &id, &bytes));
    backup_look(desk->env.backup, now + 50 * NS_PER_S);
    assert_false(backup_begin(desk->env.backup, &order, now, &id, &bytes));
    backup_look(desk->env.backup, now + 61 * NS_PER_S);
    assert_int_equal(archive_first_kept(desk->env.archive), 0);
    assert_true(backup_begin(desk->env.backup, &order, now, &id, &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_that_is_taken_slowly_holds_nothing_up,
                                        start_backups, end_backups),
        cmocka_unit_test_setup_teardown(test_one_at_a_time_and_from_where_it_is, start_backups,
                                        end_backups),
        cmocka_unit_test_setup_teardown(test_one_that_nobody_takes_ends, start_backups,
                                        end_backups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Backups of a desk's database, taken byte by byte as the command would, into a set's files. */
#ifndef TESTS_STORE_BACKUP_COPY_H
#define TESTS_STORE_BACKUP_COPY_H

#include "desk.h"

#include <fcntl.h>

#include "gatepost/backup.h"
#include "store/archive.h"
#include "store/backup.h"
#include "store/meta.h"

struct copy {
    char dir[96];
    int fd; /* of the file at hand; -1: none */
    struct backup_stream *stream;
    bool whole;
    struct backup_summary summary;
};

static inline int begin_backups(struct desk *desk)
{
    desk->env.archive = archive_new(desk->rig.dir, false);
    desk->env.backup = backup_new(&desk->env, desk->rig.dir);
    return 0;
}

static inline int start_backups(void **state)
{
    (void)start(state);
    return begin_backups(*state);
}

static inline int start_small_backups(void **state)
{
    (void)start_small(state);
    return begin_backups(*state);
}

static inline int end_backups(void **state)
{
    struct desk *desk = *state;

    backup_free(&desk->env.backup);
    archive_free(&desk->env.archive);
    return end(state);
}

/* In batches, each with its tally, as batch.c does it. */
static inline void sign_up_many(struct desk *desk, uint64_t from, uint64_t to)
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

static inline void take_frame(struct copy *copy, enum backup_frame kind, struct slice body)
{
    char path[256];
    struct unpacker unpacker = unpacker_over(body);

    switch (kind) {
    case BACKUP_FRAME_FILE:
        if (copy->fd >= 0)
            close(copy->fd);
        (void)snprintf(path, sizeof(path), "%s/%.*s", copy->dir, (int)body.len, body.at);
        copy->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(copy->fd >= 0 && lseek(copy->fd, 0, SEEK_END) >= 0);
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
static inline bool take(struct desk *desk, struct copy *copy, uint64_t id, uint64_t *at)
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

#endif

/* The stream of a backup: read whole whatever pieces it comes in, refused when it is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "gatepost/backup.h"
#include "gatepost/bytes.h"

static void put_frame(struct packer *packer, enum backup_frame kind, struct slice body)
{
    pack_u8(packer, (uint8_t)kind);
    pack_u32(packer, (uint32_t)body.len);
    pack_raw(packer, body.at, body.len);
    assert_false(packer->overflow);
}

static void test_frames_come_out_as_they_went_in_whatever_the_pieces(void **state)
{
    static uint8_t bytes[70000];
    static char body[60000];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    (void)state;
    memset(body, 'x', sizeof(body));
    put_frame(&packer, BACKUP_FRAME_FILE, SLICE_LITERAL("users.db"));
    put_frame(&packer, BACKUP_FRAME_DATA, slice_of(body, sizeof(body)));
    put_frame(&packer, BACKUP_FRAME_DATA, slice_of(body, 0));
    put_frame(&packer, BACKUP_FRAME_END, SLICE_LITERAL("end"));
    for (size_t piece = 1; piece < 70000; piece = piece * 3 + 1) {
        struct backup_stream *stream = backup_stream_new();
        enum backup_frame kinds[5];
        size_t lens[5];
        size_t count = 0;

        for (size_t at = 0; at < packer.len; at += piece) {
            const size_t len = packer.len - at < piece ? packer.len - at : piece;
            struct slice found;

            backup_stream_put(stream, slice_of(bytes + at, len));
            while (backup_stream_next(stream, &kinds[count], &found) == BACKUP_NEXT_FRAME) {
                lens[count++] = found.len;
                assert_true(count < 5);
            }
        }
        assert_int_equal(count, 4);
        assert_int_equal(kinds[0], BACKUP_FRAME_FILE);
        assert_int_equal(kinds[3], BACKUP_FRAME_END);
        assert_int_equal(lens[0], 8);
        assert_int_equal(lens[1], sizeof(body));
        assert_int_equal(lens[2], 0);
        backup_stream_free(&stream);
    }
}

static void test_what_is_no_stream_is_refused(void **state)
{
    static const struct {
        uint8_t kind;
        uint32_t len;
    } wrong[] = {{0, 1},
                 {5, 1},
                 {'<', 1},
                 {BACKUP_FRAME_DATA, BACKUP_FRAME_MAX_BYTES + 1},
                 {BACKUP_FRAME_DATA, UINT32_MAX}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct backup_stream *stream = backup_stream_new();
        uint8_t bytes[BACKUP_FRAME_HEAD_BYTES];
        struct packer packer = packer_over(bytes, sizeof(bytes));
        enum backup_frame kind;
        struct slice body;

        pack_u8(&packer, wrong[i].kind);
        pack_u32(&packer, wrong[i].len);
        backup_stream_put(stream, slice_of(bytes, 4));
        assert_int_equal(backup_stream_next(stream, &kind, &body), BACKUP_NEXT_MORE);
        backup_stream_put(stream, slice_of(bytes + 4, 1));
        assert_int_equal(backup_stream_next(stream, &kind, &body), BACKUP_NEXT_WRONG);
        backup_stream_free(&stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_come_out_as_they_went_in_whatever_the_pieces),
        cmocka_unit_test(test_what_is_no_stream_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The codec of the store's messages: what is packed comes back, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gatepost/lane.h"
#include "gatepost/store_messages.h"

/* Every field of every message gets a value of its own, then makes the round trip. */
static uint64_t next_value;
static char filler[16384];

static uint64_t value(void)
{
    return ++next_value * 0x0101010101010101ULL;
}

static struct uuid value_uuid(void)
{
    struct uuid uuid;

    for (size_t i = 0; i < UUID_BYTES; i++)
        uuid.bytes[i] = (uint8_t)(next_value + i);
    next_value++;
    return uuid;
}

static struct slice value_slice(size_t max)
{
    return slice_of(filler, ++next_value % 2 ? max : next_value % max);
}

#define U8(field)         message.field = (uint8_t)value();
#define U16(field)        message.field = (uint16_t)value();
#define U32(field)        message.field = (uint32_t)value();
#define U64(field)        message.field = value();
#define WALL(field)       message.field = (wall_ms)value();
#define UUID(field)       message.field = value_uuid();
#define SLICE(field, max) message.field = value_slice(max);
#define MESSAGE_BEGIN(name)                                                                        \
    static struct name filled_##name(void)                                                         \
    {                                                                                              \
        struct name message;
#define MESSAGE_END(name)                                                                          \
    return message;                                                                                \
    }
#include "gatepost/store_messages.def"
#undef MESSAGE_BEGIN
#undef MESSAGE_END
#undef U8
#undef U16
#undef U32
#undef U64
#undef WALL
#undef UUID
#undef SLICE

#define U8(field)         assert_int_equal(in.field, out.field);
#define U16(field)        assert_int_equal(in.field, out.field);
#define U32(field)        assert_int_equal(in.field, out.field);
#define U64(field)        assert_int_equal(in.field, out.field);
#define WALL(field)       assert_int_equal(in.field, out.field);
#define UUID(field)       assert_true(uuid_equal(&in.field, &out.field));
#define SLICE(field, max) assert_true(slice_equal(in.field, out.field));
#define MESSAGE_BEGIN(name)                                                                        \
    static void check_##name(void)                                                                 \
    {                                                                                              \
        static uint8_t bytes[32768];                                                               \
        struct packer packer = packer_over(bytes, sizeof(bytes));                                  \
        struct name in = filled_##name();                                                          \
        struct name out;                                                                           \
        name##_pack(&packer, &in);                                                                 \
        assert_false(packer.overflow);                                                             \
        assert_true(packer.len <= LANE_RECORD_MAX_BYTES - 26);                                     \
        assert_false(name##_unpack(slice_of(bytes, packer.len + 1), &out));                        \
        for (size_t len = 0; len < packer.len; len += len < 64 ? 1 : 97)                           \
            assert_false(name##_unpack(slice_of(bytes, len), &out));                               \
        assert_true(name##_unpack(packer_slice(&packer), &out));
#define MESSAGE_END(name) }
#include "gatepost/store_messages.def"
#undef MESSAGE_BEGIN
#undef MESSAGE_END
#undef U8
#undef U16
#undef U32
#undef U64
#undef WALL
#undef UUID
#undef SLICE

static void test_every_message_comes_back_and_nothing_shorter_or_longer_is_taken(void **state)
{
    (void)state;
    memset(filler, 'x', sizeof(filler));
    for (int i = 0; i < 20; i++) {
#define U8(field)
#define U16(field)
#define U32(field)
#define U64(field)
#define WALL(field)
#define UUID(field)
#define SLICE(field, max)
#define MESSAGE_BEGIN(name) check_##name();
#define MESSAGE_END(name)
#include "gatepost/store_messages.def"
    }
}

static void test_a_slice_over_its_limit_is_refused(void **state)
{
    uint8_t bytes[1024];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct user_ask ask = {.subject = slice_of(filler, 65)};
    struct user_ask out;

    (void)state;
    user_ask_pack(&packer, &ask);
    assert_false(packer.overflow);
    assert_false(user_ask_unpack(packer_slice(&packer), &out));
}

static void test_heads_come_back(void **state)
{
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct ask_head ask = {1, 2, 3, 4, 1, SLICE_LITERAL("r-1")};
    struct ask_head ask_out;
    struct answer_head answer = {UINT64_MAX, STORE_POISON};
    struct answer_head answer_out;
    struct unpacker unpacker;

    (void)state;
    ask_head_pack(&packer, &ask);
    unpacker = unpacker_over(packer_slice(&packer));
    assert_true(ask_head_unpack(&unpacker, &ask_out));
    assert_memory_equal(&ask.epoch, &ask_out.epoch, 3 * sizeof(uint64_t));
    assert_int_equal(ask_out.request, 4);
    assert_int_equal(ask_out.repeat, 1);
    assert_true(slice_equal(ask_out.about, SLICE_LITERAL("r-1")));
    assert_int_equal(packer.len, ASK_HEAD_BYTES + 3);
    packer = packer_over(bytes, sizeof(bytes));
    answer_head_pack(&packer, &answer);
    unpacker = unpacker_over(packer_slice(&packer));
    assert_true(answer_head_unpack(&unpacker, &answer_out));
    assert_true(answer_out.sequence == UINT64_MAX);
    assert_int_equal(answer_out.status, STORE_POISON);
}

static void test_a_request_id_that_could_harm_a_log_is_forgotten(void **state)
{
    static const char *const evil[] = {"a b", "a\nb", "\"", "\xc3\xa9", "a=b"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
        uint8_t bytes[64];
        struct packer packer = packer_over(bytes, sizeof(bytes));
        struct ask_head out;
        ask_head_pack(&packer, &(struct ask_head){1, 2, 3, 4, 1, slice_of_text(evil[i])});
        struct unpacker unpacker = unpacker_over(packer_slice(&packer));
        assert_true(ask_head_unpack(&unpacker, &out));
        assert_int_equal(out.about.len, 0);
    }
}

static void test_an_answer_with_a_status_that_does_not_exist_is_refused(void **state)
{
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct unpacker unpacker;
    struct answer_head out;

    (void)state;
    answer_head_pack(&packer, &(struct answer_head){1, STORE_STATUS_COUNT});
    unpacker = unpacker_over(packer_slice(&packer));
    assert_false(answer_head_unpack(&unpacker, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_message_comes_back_and_nothing_shorter_or_longer_is_taken),
        cmocka_unit_test(test_a_slice_over_its_limit_is_refused),
        cmocka_unit_test(test_heads_come_back),
        cmocka_unit_test(test_a_request_id_that_could_harm_a_log_is_forgotten),
        cmocka_unit_test(test_an_answer_with_a_status_that_does_not_exist_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

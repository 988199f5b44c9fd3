/* The writer beside yajl_gen. */
#include "gatepost/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <yajl/yajl_gen.h>

/* yajl_gen wrote what is out there: tokens, logs, exports. */
static void test_the_writer_writes_what_yajl_writes(void **state)
{
    char value[48];

    (void)state;
    for (int c = 0; c < 128; c++) {
        for (size_t at = 0; at < sizeof(value); at++) {
            const unsigned char *expected = NULL;
            size_t expected_len = 0;
            yajl_gen yajl = yajl_gen_alloc(NULL);
            struct json_writer *writer = json_writer_new();

            memset(value, 'x', sizeof(value));
            value[at] = (char)c;
            json_array_begin(writer);
            json_string(writer, slice_of(value, sizeof(value)));
            json_string(writer, slice_of(value, at));
            json_integer(writer, (int64_t)c << at % 60);
            json_integer(writer, -((int64_t)c << at % 60));
            json_null(writer);
            json_array_end(writer);
            yajl_gen_array_open(yajl);
            yajl_gen_string(yajl, (const unsigned char *)value, sizeof(value));
            yajl_gen_string(yajl, (const unsigned char *)value, at);
            yajl_gen_integer(yajl, (int64_t)c << at % 60);
            yajl_gen_integer(yajl, -((int64_t)c << at % 60));
            yajl_gen_null(yajl);
            yajl_gen_array_close(yajl);
            yajl_gen_get_buf(yajl, &expected, &expected_len);
            assert_true(slice_equal(json_writer_text(writer), slice_of(expected, expected_len)));
            yajl_gen_free(yajl);
            json_writer_free(&writer);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_writer_writes_what_yajl_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

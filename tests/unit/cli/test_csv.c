/* Comma-separated values, cut into records wherever their bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cli/csv.h"

#define RECORD_MAX 64

/* Records as "line:field|field;" one after the other. */
struct told {
    char text[512];
};

static bool on_record(void *context, const struct slice *fields, size_t count, uint64_t line)
{
    struct told *told = context;
    size_t len = strlen(told->text);

    len += (size_t)snprintf(told->text + len, sizeof(told->text) - len,
                            "%llu:", (unsigned long long)line);
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(told->text + len, sizeof(told->text) - len, "%.*s%s",
                                (int)fields[i].len, fields[i].at, i + 1 < count ? "|" : ";");
    return true;
}

static bool feed(const char *text, size_t piece, struct told *told, struct err *err)
{
    struct csv *csv = csv_new(RECORD_MAX, on_record, told);
    size_t len = strlen(text);
    bool fine = true;

    told->text[0] = '\0';
    for (size_t at = 0; fine && at < len; at += piece)
        fine = csv_feed(csv, slice_of(text + at, len - at < piece ? len - at : piece), err);
    fine = fine && csv_end(csv, err);
    csv_free(&csv);
    return fine;
}

static void test_records_are_the_same_wherever_the_file_is_cut(void **state)
{
    static const struct {
        const char *text;
        const char *told;
    } files[] = {
        {"a,b\n1,2\n", "1:a|b;2:1|2;"},
        {"a,b\r\n1,2", "1:a|b;2:1|2;"},
        {"\xEF\xBB\xBF"
         "a\n\n\nb\n",
         "1:a;4:b;"},
        {"\"a \"\"x\"\"\",\"b\nc\",\n,,\n", "1:a \"x\"|b\nc|;3:||;"},
        {"\"\"\n\"\",\"\"\r\n", "1:;2:|;"},
        {"", ""},
        {"\n\n", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        for (size_t piece = 1; piece <= strlen(files[i].text) + 1; piece++) {
            struct told told;
            struct err err = {{0}};

            assert_true(feed(files[i].text, piece, &told, &err));
            assert_string_equal(told.text, files[i].told);
        }
    }
}

static void test_what_is_no_table_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"a\nb\"c\n", "line 2: a quote stands inside"},
        {"a\n\"b\"c\n", "line 2: something stands behind"},
        {"a\n\"b\n", "line 2: the file ends in the middle"},
        {"a\rb\n", "line 1: a carriage return"},
        {",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n", "line 1: a record has too many fields"},
        {"x\n01234567890123456789012345678901234567890123456789012345678901234\n",
         "line 2: a record is too long"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct told told;
        struct err err = {{0}};

        assert_false(feed(bad[i].text, 3, &told, &err));
        if (strstr(err.text, bad[i].says) == NULL)
            fail_msg("\"%s\" says: %s", bad[i].text, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_are_the_same_wherever_the_file_is_cut),
        cmocka_unit_test(test_what_is_no_table_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

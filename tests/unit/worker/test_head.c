/* The raw head of a request: what libh2o lets pass and we do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "worker/head.h"

static enum head_verdict check(const char *head)
{
    struct head_extent extent;

    return head_check(slice_of_text(head), &extent);
}

static void test_an_ordinary_head_is_fine(void **state)
{
    (void)state;
    assert_int_equal(check("GET / HTTP/1.1\r\nHost: a:8000\r\nContent-Length: 2\r\n\r\n{}"),
                     HEAD_FINE);
    assert_int_equal(check("GET / HTTP/1.0\r\n\r\n"), HEAD_FINE);
    assert_int_equal(check("\r\nGET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), HEAD_FINE);
    assert_int_equal(check("POST / HTTP/1.1\r\nHost:\r\nExpect: 100-Continue\r\n\r\n"), HEAD_FINE);
}

static void test_two_lengths_or_length_and_coding_are_refused(void **state)
{
    (void)state;
    assert_int_equal(
        check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\n"),
        HEAD_BAD);
    assert_int_equal(check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: "
                           "chunked\r\n\r\n"),
                     HEAD_BAD);
    assert_int_equal(check("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                           "TRANSFER-ENCODING: chunked\r\n\r\n"),
                     HEAD_BAD);
    assert_int_equal(check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), HEAD_BAD);
}

static void test_a_chunked_request_is_the_last_of_its_connection(void **state)
{
    (void)state;
    assert_int_equal(check("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
                     HEAD_FINE_BUT_LAST);
}

static void test_http_1_1_needs_exactly_one_host(void **state)
{
    (void)state;
    assert_int_equal(check("GET / HTTP/1.1\r\n\r\n"), HEAD_BAD);
    assert_int_equal(check("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), HEAD_BAD);
    assert_int_equal(check("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), HEAD_BAD);
    assert_int_equal(check("GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"), HEAD_BAD);
}

static void test_bare_line_feeds_and_folded_lines_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check("GET / HTTP/1.1\nHost: a\n\n"), HEAD_BAD);
    assert_int_equal(check("GET / HTTP/1.1\r\nHost: a\r\nX: y\n\r\n"), HEAD_BAD);
    assert_int_equal(check("GET / HTTP/1.1\r\nHost: a\r\n\n"), HEAD_BAD);
    assert_int_equal(check("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n"), HEAD_BAD);
    assert_int_equal(check("GET / HTTP/1.1\r\nHost: a\r\n\tz: y\r\n\r\n"), HEAD_BAD);
}

static void test_a_head_without_its_end_is_refused(void **state)
{
    (void)state;
    assert_int_equal(check("GET / HTTP/1.1\r\nHost: a\r\n"), HEAD_BAD);
    assert_int_equal(check(""), HEAD_BAD);
    assert_int_equal(check("\r\n\r\n"), HEAD_BAD);
}

static void test_the_body_is_not_looked_at(void **state)
{
    (void)state;
    assert_int_equal(
        check(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nHost: b\n\nContent-Length: 1"),
        HEAD_FINE);
}

static void test_what_tells_pages_apart_stands_once(void **state)
{
    (void)state;
    assert_int_equal(
        check("GET / HTTP/1.1\r\nHost: a\r\nOrigin: null\r\nSec-Fetch-Site: none\r\n\r\n"),
        HEAD_FINE);
    assert_int_equal(check("GET / HTTP/1.1\r\nHost: a\r\nOrigin: b\r\norigin: b\r\n\r\n"),
                     HEAD_BAD);
    assert_int_equal(
        check("GET / HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site:b\r\nsec-fetch-site:\r\n\r\n"),
        HEAD_BAD);
}

static void test_large_heads_are_told_apart_from_bad_ones(void **state)
{
    static const char begin[] = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ";
    char *head = calloc(1, 20000);

    (void)state;
    memcpy(head, begin, sizeof(begin) - 1);
    memset(head + sizeof(begin) - 1, 'x', 4096);
    memcpy(head + sizeof(begin) - 1 + 4096, "\r\n\r\n", 4);
    assert_int_equal(check(head), HEAD_FINE);
    memset(head + sizeof(begin) - 1, 'x', 4400);
    memcpy(head + sizeof(begin) - 1 + 4400, "\r\n\r\n", 4);
    assert_int_equal(check(head), HEAD_TOO_LARGE);
    memcpy(head, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
    memset(head + 28, 'x', 17000);
    memcpy(head + 17028, "\r\n\r\n", 4);
    assert_int_equal(check(head), HEAD_TOO_LARGE);
    free(head);
}

static void test_other_expectations_fail(void **state)
{
    (void)state;
    assert_int_equal(check("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n"), HEAD_EXPECTATION);
}

static void test_a_method_is_a_short_token(void **state)
{
    (void)state;
    assert_int_equal(check("F\"O / HTTP/1.1\r\nHost: a\r\n\r\n"), HEAD_BAD);
    assert_int_equal(check("\xc3\xa9 / HTTP/1.1\r\nHost: a\r\n\r\n"), HEAD_BAD);
    assert_int_equal(
        check("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\nHost: a\r\n\r\n"), HEAD_BAD);
    assert_int_equal(check("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n"), HEAD_FINE);
}

static void test_it_is_told_where_the_head_ends(void **state)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    static const char named[] = "GET / HTTP/1.1\r\nHost: a\r\ncOnnection: close\r\n\r\n";
    static const char endless[] = "GET / HTTP/1.1\r\nHost: a\r\n";
    struct head_extent extent;

    (void)state;
    assert_int_equal(head_check(slice_of_text(get), &extent), HEAD_FINE);
    assert_int_equal(extent.bytes, strlen("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_false(extent.names_connection);
    assert_int_equal(head_check(slice_of_text(named), &extent), HEAD_FINE);
    assert_int_equal(extent.bytes, sizeof(named) - 1);
    assert_true(extent.names_connection);
    assert_int_equal(head_check(slice_of_text(endless), &extent), HEAD_BAD);
    assert_int_equal(extent.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_ordinary_head_is_fine),
        cmocka_unit_test(test_two_lengths_or_length_and_coding_are_refused),
        cmocka_unit_test(test_a_chunked_request_is_the_last_of_its_connection),
        cmocka_unit_test(test_http_1_1_needs_exactly_one_host),
        cmocka_unit_test(test_bare_line_feeds_and_folded_lines_are_refused),
        cmocka_unit_test(test_a_head_without_its_end_is_refused),
        cmocka_unit_test(test_the_body_is_not_looked_at),
        cmocka_unit_test(test_what_tells_pages_apart_stands_once),
        cmocka_unit_test(test_large_heads_are_told_apart_from_bad_ones),
        cmocka_unit_test(test_other_expectations_fail),
        cmocka_unit_test(test_a_method_is_a_short_token),
        cmocka_unit_test(test_it_is_told_where_the_head_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

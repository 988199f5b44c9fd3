/* Paths and content types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gatepost/metrics.h"

#include "worker/routes.h"

static const char *found(const char *target)
{
    struct slice segments[ROUTE_SEGMENTS_MAX];
    const struct route *route =
        route_find(&WORKER_ROUTES, slice_of_text(target), METHOD_POST, segments);

    return route != NULL ? route->path : "";
}

static void test_one_slash_at_the_end_and_a_query_change_nothing(void **state)
{
    (void)state;
    assert_string_equal(found("/api/auth/signup"), "/api/auth/signup");
    assert_string_equal(found("/api/auth/signup/"), "/api/auth/signup");
    assert_string_equal(found("/api/auth/signup?x=/y"), "/api/auth/signup");
    assert_string_equal(found("/api/auth/verify-email/resend/?"), "/api/auth/verify-email/resend");
    assert_string_equal(found("http://elsewhere/api/auth/me"), "/api/auth/me");
}

static void test_no_path_is_decoded_merged_or_folded(void **state)
{
    static const char *const none[] = {
        "",
        "/",
        "*",
        "//",
        "/api/auth/signup//",
        "//api/auth/signup",
        "/api//auth/signup",
        "/api/auth/SIGNUP",
        "/api/auth/%73ignup",
        "/api/auth/./signup",
        "/api/auth/me/../me",
        "/api/auth/mee",
        "/api/auth",
        "api/auth/me",
        "http:///api/auth/me",
        "http://x",
        "http://x?/api/auth/me",
        "http://x#/api/auth/me",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_string_equal(found(none[i]), "");
}

/* The path of the route, and what stands for its two segments. */
static void assert_admin(const char *target, enum method method, const char *path,
                         const char *first, const char *second)
{
    struct slice segments[ROUTE_SEGMENTS_MAX] = {{NULL, 0}};
    const struct route *route = route_find(&ADMIN_ROUTES, slice_of_text(target), method, segments);

    assert_string_equal(route != NULL ? route->path : "", path);
    assert_true(slice_equal(segments[0], slice_of_text(first)));
    assert_true(slice_equal(segments[1], slice_of_text(second)));
    if (route != NULL)
        assert_true((route->methods & method) != 0);
}

static void test_segments_stand_anywhere_in_a_path_and_are_never_empty(void **state)
{
    (void)state;
    assert_admin("/admin/users", METHOD_POST, "/admin/users", "", "");
    assert_admin("/admin/users/", METHOD_GET, "/admin/users", "", "");
    assert_admin("/admin/users/a%2Fb", METHOD_PATCH, "/admin/users/{user}", "a%2Fb", "");
    assert_admin("/admin/users/a/?x=/y", METHOD_GET, "/admin/users/{user}", "a", "");
    assert_admin("/admin/users/a/sessions", METHOD_DELETE, "/admin/users/{user}/sessions", "a", "");
    assert_admin("/admin/users/sessions/sessions/", METHOD_GET, "/admin/users/{user}/sessions",
                 "sessions", "");
    assert_admin("/admin/users/a/sessions/b", METHOD_DELETE,
                 "/admin/users/{user}/sessions/{session}", "a", "b");
    assert_admin("/admin/users//sessions", METHOD_GET, "", "", "");
    assert_admin("/admin/users/a//", METHOD_GET, "", "", "");
    assert_admin("/admin/users/a//sessions", METHOD_GET, "", "", "");
    assert_admin("/admin/users/a/sessions//", METHOD_GET, "", "", "");
    assert_admin("/admin/users/a/sessions/b/c", METHOD_GET, "", "", "");
    assert_admin("/admin/users/a/session", METHOD_GET, "", "", "");
    assert_admin("/healthz", METHOD_GET, "", "", "");
    assert_string_equal(found("/admin/users"), "");
}

static bool is_found(const struct route_table *table, const char *target, enum method method)
{
    struct slice segments[ROUTE_SEGMENTS_MAX];

    return route_find(table, slice_of_text(target), method, segments) != NULL;
}

static void test_an_item_without_its_id_is_not_the_whole_collection_to_delete(void **state)
{
    (void)state;
    assert_false(is_found(&WORKER_ROUTES, "/api/auth/sessions/", METHOD_DELETE));
    assert_false(is_found(&WORKER_ROUTES, "/api/auth/sessions/?x", METHOD_DELETE));
    assert_true(is_found(&WORKER_ROUTES, "/api/auth/sessions", METHOD_DELETE));
    assert_true(is_found(&WORKER_ROUTES, "/api/auth/sessions/", METHOD_GET));
    assert_true(is_found(&WORKER_ROUTES, "/api/auth/sessions/x/", METHOD_DELETE));
    assert_true(is_found(&WORKER_ROUTES, "/api/auth/me/", METHOD_DELETE));
    assert_false(is_found(&ADMIN_ROUTES, "/admin/users/", METHOD_DELETE));
    assert_false(is_found(&ADMIN_ROUTES, "/admin/users/x/sessions/", METHOD_DELETE));
    assert_true(is_found(&ADMIN_ROUTES, "/admin/users/x/sessions", METHOD_DELETE));
    assert_true(is_found(&ADMIN_ROUTES, "/admin/users/x/sessions/", METHOD_GET));
    assert_true(is_found(&ADMIN_ROUTES, "/admin/users/x/sessions/y/", METHOD_DELETE));
    assert_true(is_found(&ADMIN_ROUTES, "/admin/users/x/", METHOD_DELETE));
}

struct type_example {
    const char *type;
    const char *encoding;
    int format; /* -1: refused */
};

static void test_content_types_are_read_as_drf_reads_them(void **state)
{
    static const struct type_example examples[] = {
        {"application/json", "", BODY_JSON},
        {"APPLICATION/JSON", "identity", BODY_JSON},
        {"application/json; charset=utf-8", "", BODY_JSON},
        {"application/json;charset=\"UTF-8\"; q=1", "", BODY_JSON},
        {"application/x-www-form-urlencoded", "", BODY_FORM},
        {"application/json; charset=latin-1", "", -1},
        {"application/json; q=1; Charset=utf-16", "", -1},
        {"application/json", "gzip", -1},
        {"application/xml", "", -1},
        {"application/jsonp", "", -1},
        {"multipart/form-data", "", -1},
        {"text/plain", "", -1},
        {"", "", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        enum body_format format;
        bool read = route_body_format(ROUTE_API_BODY, slice_of_text(examples[i].type),
                                      slice_of_text(examples[i].encoding), 2, &format);
        assert_int_equal(read ? (int)format : -1, examples[i].format);
    }
}

static void test_an_empty_body_has_no_type_to_refuse(void **state)
{
    enum body_format format = BODY_JSON;

    (void)state;
    assert_true(route_body_format(ROUTE_API_BODY, slice_of_text("text/plain"),
                                  slice_of_text("gzip"), 0, &format));
    assert_int_equal(format, BODY_EMPTY);
}

static void test_a_page_takes_forms_alone(void **state)
{
    enum body_format format;

    (void)state;
    assert_false(route_body_format(ROUTE_FORM_BODY, slice_of_text("application/json"),
                                   slice_of(NULL, 0), 2, &format));
    assert_true(route_body_format(ROUTE_FORM_BODY,
                                  slice_of_text("application/x-www-form-urlencoded"),
                                  slice_of(NULL, 0), 2, &format));
}

/* What has no number of its own would be counted among what is no route. */
static void test_every_route_has_a_counter_of_its_own(void **state)
{
    (void)state;
    assert_true(WORKER_ROUTES.count + ADMIN_ROUTES.count < METRIC_ROUTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_has_a_counter_of_its_own),
        cmocka_unit_test(test_one_slash_at_the_end_and_a_query_change_nothing),
        cmocka_unit_test(test_no_path_is_decoded_merged_or_folded),
        cmocka_unit_test(test_segments_stand_anywhere_in_a_path_and_are_never_empty),
        cmocka_unit_test(test_an_item_without_its_id_is_not_the_whole_collection_to_delete),
        cmocka_unit_test(test_content_types_are_read_as_drf_reads_them),
        cmocka_unit_test(test_an_empty_body_has_no_type_to_refuse),
        cmocka_unit_test(test_a_page_takes_forms_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

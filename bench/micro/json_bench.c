/* A sign-up's body read, and the answer of `me` written: by our reader and writer over yajl, and by
 * yajl's own tree and generator, which check less (no duplicate names, surrogates, depth). */
#include <stdlib.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_tree.h>

#include "gatepost/json.h"
#include "operations.h"

#define BODY                                                                                       \
    "{\"username\":\"testuser12345678\",\"email\":\"test-address-1@example.com\","                 \
    "\"password\":\"a good long pass phrase 12345\"}"

/* The members of the answer; NULL: a flag, which is true. */
static const struct {
    const char *name, *text;
} members[] = {
    {"id", "0190a5a4-7c00-7000-8000-000000000001"},
    {"username", "testuser12345678"},
    {"email", "test-address-1@example.com"},
    {"email_verified", NULL},
    {"email_bounced", NULL},
    {"date_joined", "2026-11-28T12:52:33.123456Z"},
    {"last_login", "2026-11-28T13:52:33.123456Z"},
    {"language", "de"},
};

static void read_ours(int argument)
{
    struct json_object object;

    (void)argument;
    BUG_ON(json_read(SLICE_LITERAL(BODY), &object, NULL) != JSON_OK);
    BUG_ON(json_find(&object, "username") == NULL || json_find(&object, "email") == NULL ||
           json_find(&object, "password") == NULL);
    json_object_fini(&object);
}

static void read_tree(int argument)
{
    static const char *const paths[][2] = {{"username", NULL}, {"email", NULL}, {"password", NULL}};
    char error[64];
    yajl_val tree = yajl_tree_parse(BODY, error, sizeof(error));

    (void)argument;
    BUG_ON(tree == NULL);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        BUG_ON(yajl_tree_get(tree, (const char **)(uintptr_t)paths[i], yajl_t_string) == NULL);
    yajl_tree_free(tree);
}

static void write_ours(int argument)
{
    struct json_writer *writer = json_writer_new();

    (void)argument;
    json_object_begin(writer);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_string(writer, slice_of_text(members[i].name));
        if (members[i].text)
            json_string(writer, slice_of_text(members[i].text));
        else
            json_flag(writer, true);
    }
    json_object_end(writer);
    BUG_ON(json_writer_text(writer).len < 200);
    json_writer_free(&writer);
}

static void generate_text(yajl_gen generator, const char *text)
{
    BUG_ON(yajl_gen_string(generator, (const unsigned char *)text, strlen(text)) !=
           yajl_gen_status_ok);
}

static void write_generator(int argument)
{
    yajl_gen generator = yajl_gen_alloc(NULL);
    const unsigned char *text;
    size_t len;

    (void)argument;
    BUG_ON(yajl_gen_map_open(generator) != yajl_gen_status_ok);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        generate_text(generator, members[i].name);
        if (members[i].text)
            generate_text(generator, members[i].text);
        else
            BUG_ON(yajl_gen_bool(generator, 1) != yajl_gen_status_ok);
    }
    BUG_ON(yajl_gen_map_close(generator) != yajl_gen_status_ok ||
           yajl_gen_get_buf(generator, &text, &len) != yajl_gen_status_ok || len < 200);
    yajl_gen_free(generator);
}

int main(void)
{
    static const struct operation operations[] = {
        {"ours_read_signup_ns", read_ours, 5000, 0},
        {"yajl_read_signup_ns", read_tree, 5000, 0},
        {"ours_write_me_ns", write_ours, 5000, 0},
        {"yajl_write_me_ns", write_generator, 5000, 0},
    };

    operations_print(operations, ARRAY_LEN(operations));
    return 0;
}

/* A directory for keys, for each test its own, and a secret file beside it. */
#ifndef TEST_TOKEN_PLACE_H
#define TEST_TOKEN_PLACE_H

#include "gatepost/token_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "keys.inc"

#define REFRESH_S 1000
#define APART_S   30

struct place {
    char dir[64];
    char secret[128];
    struct token_rules rules;
};

static int make_place(void **state)
{
    struct place *place = xcalloc(1, sizeof(*place));
    struct err err;

    snprintf(place->dir, sizeof(place->dir), "/tmp/gatepost-keys-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    snprintf(place->secret, sizeof(place->secret), "%s.secret", place->dir);
    assert_true(secret_write_file(place->secret, FORGED_SECRET, strlen(FORGED_SECRET), &err));
    place->rules = (struct token_rules){.secret_file = place->secret,
                                        .dir = place->dir,
                                        .algorithm = TOKEN_ES256,
                                        .life_s = REFRESH_S};
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    char command[512];

    snprintf(command, sizeof(command), "rm -rf %s %s", place->dir, place->secret);
    assert_int_equal(system(command), 0);
    free(place);
    return 0;
}

static void put(const struct place *place, const char *name, const char *text)
{
    char path[TOKEN_PATH_BYTES];
    struct err err;

    snprintf(path, sizeof(path), "%s/%s", place->dir, name);
    assert_true(secret_write_file(path, text, strlen(text), &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

#endif

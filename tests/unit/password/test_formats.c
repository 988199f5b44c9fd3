/* Every form has one spelling and its bounds; what is written is Django's; what is older than
 * today's cost is told. */
#include "lib/password/formats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define H16   "AAAAAAAAAAAAAAAAAAAAAA"
#define H20   "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define H32   "Jl+3k1cW4qVJ0UCqSJ2g1t9BaLv1cNVEJRJjBSjtO9k"
#define H32P  H32 "="
#define H32AB "Jl.3k1cW4qVJ0UCqSJ2g1t9BaLv1cNVEJRJjBSjtO9k"
#define H64                                                                                        \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define S      "c2FsdHNhbHQ" /* saltsalt */
#define B22    "MNOPQRSTUVWXYZabcdefgu"
#define B31    "vSRhl7PJMEihKZc7ga98hYjgoKm/mgq"
#define C43    "CY6aG1jIt8CCjvzj7dTHlCZhlBhQ8sE6Spl0Xb2rFsD"
#define C86    C43 C43
#define BCRYPT "$2b$12$" B22 B31
#define A2     "v=19$m=32,t=1,p=1$"

static void check(const char *const *forms, size_t count, bool known)
{
    for (size_t i = 0; i < count; i++) {
        if (password_form_known(slice_of_text(forms[i])) != known)
            fail_msg("%s: %s", known ? "unknown" : "known", forms[i]);
    }
}

static void test_each_form_is_known_in_its_spelling(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "pbkdf2_sha256$1$s$" H32P,
        "pbkdf2_sha256$1$ $" H32P, /* any salt without '$' */
        "pbkdf2_sha1$1$s$" H20,
        "argon2$argon2id$" A2 S "$" H32,
        "argon2$argon2i$" A2 S "$" H16,
        "argon2$argon2d$" A2 S "$" H32,
        "argon2$argon2i$m=32,t=1,p=1$" S "$" H32,
        "scrypt$2$s$1$1$" H64,
        "bcrypt$" BCRYPT,
        "bcrypt_sha256$" BCRYPT,
        "$argon2id$" A2 S "$" H32,
        "$argon2i$" A2 S "$" H32,
        "$argon2d$v=16$m=32,t=1,p=1$" S "$" H32,
        "$scrypt$ln=4,r=8,p=1$cw$" H32,
        "$pbkdf2-sha256$1$cw$" H32AB,
        "$pbkdf2-sha256$i=1$cw$" H32,
        "$pbkdf2-sha256$i=1,l=32$cw$" H32,
        BCRYPT,
        "$2a$12$" B22 B31,
        "$2y$12$" B22 B31,
        "$5$s$" C43,
        "$5$rounds=1000$sixteen.or.fewer$" C43,
        "$6$s$" C86,
        "$6$rounds=656000$s$" C86,
        "$y$j9T$$" C43,
        "$y$j75$z7ztFz2FayrKI79/jEwlL.$" C43,
    };

    check(forms, ARRAY_LEN(forms), true);
}

static void test_argon2_has_one_spelling(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "argon2$",
        "argon2id$" A2 S "$" H32,
        "argon2$argon2$" A2 S "$" H32,
        "argon2$$argon2id$" A2 S "$" H32,
        "$argon2$" A2 S "$" H32,
        "$argon2ID$" A2 S "$" H32,
        "$argon2id$v=18$m=32,t=1,p=1$" S "$" H32,
        "$argon2id$v=019$m=32,t=1,p=1$" S "$" H32,
        "$argon2id$v=$m=32,t=1,p=1$" S "$" H32,
        "$argon2id$v=19$v=19$m=32,t=1,p=1$" S "$" H32,
        "$argon2id$v=19,m=32,t=1,p=1$" S "$" H32,
        "$argon2id$v=19$m=32,t=1$" S "$" H32,
        "$argon2id$v=19$t=1,m=32,p=1$" S "$" H32,
        "$argon2id$v=19$m=32,m=32,t=1,p=1$" S "$" H32,
        "$argon2id$v=19$m=32,t=1,p=1,p=1$" S "$" H32,
        "$argon2id$v=19$m=32,t=1,p=1,data=cw$" S "$" H32,
        "$argon2id$v=19$m=032,t=1,p=1$" S "$" H32,
        "$argon2id$v=19$m=+32,t=1,p=1$" S "$" H32,
        "$argon2id$v=19$m= 32,t=1,p=1$" S "$" H32,
        "$argon2id$v=19$m=32,t=,p=1$" S "$" H32,
        "$argon2id$v=19$m=32, t=1,p=1$" S "$" H32,
        "$argon2id$v=19$m=4294967328,t=1,p=1$" S "$" H32, /* 2^32 + 32 */
        "$argon2id$" A2 S "=$" H32,
        "$argon2id$" A2 S "$" H32P,
        "$argon2id$" A2 S "$" H32AB,
        "$argon2id$" A2 S "$" H32 "$",
        "$argon2id$" A2 "c2FsdHNhbHR$" H32, /* spare bits */
        "$argon2id$" A2 "c2FsdHNhb$" H32,   /* no whole bytes */
        "$argon2id$" A2 "$" H32,
        "$argon2id$" A2 S "$",
        "$argon2id$" A2 S,
    };

    check(forms, ARRAY_LEN(forms), false);
}

static void test_scrypt_and_pbkdf2_have_one_spelling(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "scrypt$3$s$1$1$" H64,
        "scrypt$02$s$1$1$" H64,
        "scrypt$0$s$1$1$" H64,
        "scrypt$2$$1$1$" H64,
        "scrypt$2$s$01$1$" H64,
        "scrypt$2$s$1$+1$" H64,
        "scrypt$2$s$1$" H64,
        "scrypt$2$s$1$1$1$" H64,
        "scrypt$2$s$1$1$" H32P,
        "scrypt$2$s$1$1$" H64 "=",
        "$scrypt$ln=04,r=8,p=1$cw$" H32,
        "$scrypt$r=8,ln=4,p=1$cw$" H32,
        "$scrypt$ln=4,r=8$cw$" H32,
        "$scrypt$ln=4,r=8,p=1,p=1$cw$" H32,
        "$scrypt$ln=4,r=8,p=1$$" H32,
        "$scrypt$ln=4,r=8,p=1$cw==$" H32,
        "$scrypt$ln=4,r=8,p=1$cw$" H32P,
        "$scrypt$ln=4,r=8,p=1$cw$" H16,
        "pbkdf2_sha1$1$s$" H32P,
        "pbkdf2_sha1$01$s$" H20,
        "pbkdf2_sha1$1$$" H20,
        "pbkdf2_sha512$1$s$" H64,
        "$pbkdf2-sha256$01$cw$" H32AB,
        "$pbkdf2-sha256$1$cw$" H32, /* base64 in the place of ab64 */
        "$pbkdf2-sha256$i=1$cw$" H32AB,
        "$pbkdf2-sha256$i=1,l=31$cw$" H32,
        "$pbkdf2-sha256$i=1,l=032$cw$" H32,
        "$pbkdf2-sha256$l=32,i=1$cw$" H32,
        "$pbkdf2-sha256$i=1,i=1$cw$" H32,
        "$pbkdf2-sha256$i=1,$cw$" H32,
        "$pbkdf2-sha256$1,l=32$cw$" H32AB,
        "$pbkdf2-sha256$1$$" H32AB,
        "$pbkdf2-sha256$1$cw$" H32AB "=",
        "$pbkdf2$1$cw$" H32AB,
    };

    check(forms, ARRAY_LEN(forms), false);
}

static void test_crypt_has_one_spelling(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "bcrypt$2b$12$" B22 B31,
        "bcrypt$$5$s$" C43,
        "bcrypt$bcrypt$" BCRYPT,
        "bcrypt_sha512$" BCRYPT,
        "$2$12$" B22 B31,
        "$2x$12$" B22 B31,
        "$2B$12$" B22 B31,
        "$2b$1$" B22 B31,
        "$2b$+9$" B22 B31,
        "$2b$012$" B22 B31,
        "$2b$12$" B22 "$" B31,
        "$2b$12$" B22 B31 "q",
        "$2b$12$MNOPQRSTUVWXYZabcdefg+" B31,
        "$2b$12$" B22 "vSRhl7PJMEihKZc7ga98hYjgoKm/mg=",
        "$5$$" C43,
        "$5$seventeen.letters$" C43,
        "$5$sa:lt$" C43,
        "$5$sa lt$" C43,
        "$5$sa\nlt$" C43,
        "$5$s\xc3\xa4lt$" C43,
        "$5$s$" C43 "x",
        "$5$s$" C43 "$",
        "$5$s$CY6aG1jIt8CCjvzj7dTHlCZhlBhQ8sE6Spl0Xb2rFs+",
        "$5$s$" C86,
        "$5$rounds=05000$s$" C43,
        "$5$rounds=$s$" C43,
        "$5$rounds=5000s$" C43,
        "$5$rounds=5000$rounds=5000$s$" C43,
        "$5$Rounds=5000$s$" C43,
        "$6$s$" C43,
        "$1$saltsalt$" B22,
        "$7$CU..../....s$" C43,
        "$gy$j9T$z7ztFz2FayrKI79/jEwlL.$" C43,
        "$y$z7ztFz2FayrKI79/jEwlL.$" C43,
        "$y$j9$z7ztFz2FayrKI79/jEwlL.$" C43,
        "$y$.9T$z7ztFz2FayrKI79/jEwlL.$" C43,   /* another flavour: classic scrypt */
        "$y$/9T$z7ztFz2FayrKI79/jEwlL.$" C43,   /* write once */
        "$y$jD5.7$z7ztFz2FayrKI79/jEwlL.$" C43, /* with a p */
        "$y$j9T.$z7ztFz2FayrKI79/jEwlL.$" C43,
        "$y$jzT$z7ztFz2FayrKI79/jEwlL.$" C43, /* the beginning of a longer number */
        "$y$j9z$z7ztFz2FayrKI79/jEwlL.$" C43,
        "$y$j9T$z$" C43,                      /* no whole byte */
        "$y$j9T$zz$" C43,                     /* spare bits */
        "$y$j9T$z7ztFz2FayrKI79/jEwlL+$" C43, /* alphabet */
        "$y$j9T$z7ztFz2FayrKI79/jEwlL." C43,
        "$y$j9T$z7ztFz2FayrKI79/jEwlL.$" C43 ".",
    };

    check(forms, ARRAY_LEN(forms), false);
}

static void test_a_stored_form_holds_no_nul_and_has_an_end(void **state)
{
    (void)state;
    static const char nul[] = "pbkdf2_sha256$1$a\0b$" H32P;
    char text[2 * PASSWORD_ENCODED_BYTES];

    assert_false(password_form_known(slice_of(nul, sizeof(nul) - 1)));
    assert_false(password_form_known(slice_of(NULL, 0)));
    memset(text, 's', sizeof(text));
    memcpy(text, "$5$", 3);
    assert_false(password_form_known(slice_of(text, sizeof(text))));
}

/* ---- bounds -------------------------------------------------------------------------------------
 */

static void test_parameters_are_taken_up_to_their_bounds(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "pbkdf2_sha256$10000000$s$" H32P,
        "$pbkdf2-sha256$10000000$cw$" H32AB,
        "pbkdf2_sha1$5000000$s$" H20,
        "$argon2id$v=19$m=8,t=1,p=1$" S "$" H32,
        "$argon2id$v=19$m=8,t=131072,p=1$" S "$" H32,
        "$argon2id$v=19$m=262144,t=4,p=255$" S "$" H32,
        "scrypt$262144$s$8$2$" H64,
        "$scrypt$ln=18,r=8,p=1$cw$" H32,
        "$scrypt$ln=15,r=1,p=1$cw$" H32,
        "$scrypt$ln=16,r=32,p=2$cw$" H32,
        "$2b$04$" B22 B31,
        "$2b$15$" B22 B31,
        "$5$rounds=1000$s$" C43,
        "$6$rounds=700000$s$" C86,
        "$y$j75$$" C43,
        "$y$jDT$$" C43, /* crypt_gensalt's count 9: 256 MiB */
    };

    check(forms, ARRAY_LEN(forms), true);
}

static void test_parameters_beyond_their_bounds_are_unknown(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "pbkdf2_sha256$10000001$s$" H32P,
        "$pbkdf2-sha256$10000001$cw$" H32AB,
        "$pbkdf2-sha256$i=10000001$cw$" H32,
        "pbkdf2_sha1$5000001$s$" H20,
        "$argon2id$v=19$m=7,t=1,p=1$" S "$" H32,
        "$argon2id$v=19$m=8,t=1,p=2$" S "$" H32,
        "$argon2id$v=19$m=8,t=131073,p=1$" S "$" H32,
        "$argon2id$v=19$m=262145,t=1,p=1$" S "$" H32,
        "$argon2id$v=19$m=262144,t=5,p=1$" S "$" H32,
        "$argon2id$v=19$m=262144,t=4294967295,p=1$" S "$" H32,
        "$argon2id$v=19$m=262144,t=1,p=256$" S "$" H32,
        "$argon2id$" A2 "c2FsdHNhbA$" H32,         /* 7 bytes of salt */
        "$argon2id$" A2 S "$AAAAAAAAAAAAAAAAAAAA", /* 15 bytes of hash */
        "argon2$argon2id$" A2 S "$" H32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "scrypt$524288$s$8$1$" H64,
        "scrypt$262144$s$8$3$" H64,
        "scrypt$1$s$8$1$" H64,
        "scrypt$65536$s$1$1$" H64, /* N must be under 2^(16 r) */
        "$scrypt$ln=19,r=8,p=1$cw$" H32,
        "$scrypt$ln=18,r=9,p=1$cw$" H32,
        "$scrypt$ln=21,r=1,p=1$cw$" H32,
        "$scrypt$ln=4294967295,r=8,p=1$cw$" H32,
        "$scrypt$ln=4,r=33,p=1$cw$" H32,
        "$scrypt$ln=4,r=4294967295,p=4294967295$cw$" H32,
        "$scrypt$ln=4,r=8,p=256$cw$" H32,
        "$2b$03$" B22 B31,
        "$2b$16$" B22 B31,
        "bcrypt_sha256$$2b$16$" B22 B31,
        "$5$rounds=999$s$" C43,
        "$6$rounds=700001$s$" C86,
        "$y$jET$$" C43, /* count 10: 512 MiB */
        "$y$j65$$" C43,
        "$y$j7U$$" C43,
        "$y$j74$$" C43,
    };

    check(forms, ARRAY_LEN(forms), false);
}

/* ---- new ones -----------------------------------------------------------------------------------
 */

static const struct password_cost costs[] = {
    {.algorithm = PASSWORD_PBKDF2_SHA256, .iterations = 1000},
    {.algorithm = PASSWORD_ARGON2ID,
     .argon2_memory_kib = 64,
     .argon2_passes = 2,
     .argon2_lanes = 2},
    {.algorithm = PASSWORD_SCRYPT, .scrypt_log2_n = 5, .scrypt_r = 8, .scrypt_p = 2},
};

static void test_a_new_form_is_written_as_it_is_read(void **state)
{
    (void)state;
    static const char *const beginnings[] = {
        "pbkdf2_sha256$1000$",
        "argon2$argon2id$v=19$m=64,t=2,p=2$",
        "scrypt$32$",
    };

    for (size_t i = 0; i < ARRAY_LEN(costs); i++) {
        struct password_form form;
        char text[PASSWORD_ENCODED_BYTES];
        char again[PASSWORD_ENCODED_BYTES];
        char other[PASSWORD_ENCODED_BYTES];

        password_form_nobody(&costs[i], text);
        assert_int_equal(strncmp(text, beginnings[i], strlen(beginnings[i])), 0);
        assert_true(password_form_parse(slice_of_text(text), &form));
        assert_int_equal(form.salt_len, PASSWORD_SALT_CHARS);
        assert_int_equal(strspn(form.salt, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789"),
                         PASSWORD_SALT_CHARS);
        password_form_write(&form, again);
        assert_string_equal(text, again);
        assert_false(password_form_outdated(&form, &costs[i]));
        password_form_nobody(&costs[i], other);
        assert_string_not_equal(text, other);
        for (size_t j = 0; j < ARRAY_LEN(costs); j++)
            assert_int_equal(password_form_outdated(&form, &costs[j]), i != j);
    }
}

static bool outdated(const char *encoded, const struct password_cost *cost)
{
    struct password_form form;

    assert_true(password_form_parse(slice_of_text(encoded), &form));
    return password_form_outdated(&form, cost);
}

static void test_less_than_todays_cost_is_outdated_and_more_is_not(void **state)
{
    (void)state;
    assert_true(outdated("pbkdf2_sha256$999$s$" H32P, &costs[0]));
    assert_false(outdated("pbkdf2_sha256$1001$s$" H32P, &costs[0]));
    assert_true(outdated("argon2$argon2id$v=19$m=64,t=1,p=2$" S "$" H32, &costs[1]));
    assert_true(outdated("argon2$argon2id$v=19$m=63,t=3,p=2$" S "$" H32, &costs[1]));
    assert_false(outdated("argon2$argon2id$v=19$m=128,t=1,p=1$" S "$" H32, &costs[1]));
    assert_false(outdated("argon2$argon2id$v=19$m=64,t=3,p=2$" S "$" H16, &costs[1]));
    assert_true(outdated("scrypt$32$s$8$1$" H64, &costs[2]));
    assert_true(outdated("scrypt$32$s$7$9$" H64, &costs[2]));
    assert_false(outdated("scrypt$64$s$8$1$" H64, &costs[2]));
}

static void test_another_spelling_or_method_is_outdated(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "$pbkdf2-sha256$5000$cw$" H32AB,
        "pbkdf2_sha1$5000$s$" H20,
        "$argon2id$v=19$m=64,t=2,p=2$" S "$" H32,
        "argon2$argon2i$v=19$m=64,t=2,p=2$" S "$" H32,
        "argon2$argon2id$v=16$m=64,t=2,p=2$" S "$" H32,
        "$scrypt$ln=9,r=8,p=2$cw$" H32,
        "bcrypt$" BCRYPT,
        "bcrypt_sha256$" BCRYPT,
        BCRYPT,
        "$5$s$" C43,
        "$6$s$" C86,
        "$y$j9T$$" C43,
    };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        for (size_t j = 0; j < ARRAY_LEN(costs); j++) {
            if (!outdated(forms[i], &costs[j]))
                fail_msg("not outdated: %s", forms[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_form_is_known_in_its_spelling),
        cmocka_unit_test(test_argon2_has_one_spelling),
        cmocka_unit_test(test_scrypt_and_pbkdf2_have_one_spelling),
        cmocka_unit_test(test_crypt_has_one_spelling),
        cmocka_unit_test(test_a_stored_form_holds_no_nul_and_has_an_end),
        cmocka_unit_test(test_parameters_are_taken_up_to_their_bounds),
        cmocka_unit_test(test_parameters_beyond_their_bounds_are_unknown),
        cmocka_unit_test(test_a_new_form_is_written_as_it_is_read),
        cmocka_unit_test(test_less_than_todays_cost_is_outdated_and_more_is_not),
        cmocka_unit_test(test_another_spelling_or_method_is_outdated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

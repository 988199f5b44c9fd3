/* A library that computes something else, or nothing, is noticed. Its functions are defined here
 * again, so the program's own calls go through these. */
#include "lib/password/calls.h"
#include "lib/password/hash.h"

#include "desk.h"

#include <argon2.h>
#include <crypt.h>
#include <dlfcn.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static enum {
    SOUND,
    WRONG,
    REFUSING
} state_of_argon2,
    state_of_crypt, state_of_scrypt, state_of_sha1;

/* The library's own. */
static void *original(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    assert_non_null(found);
    return found;
}

int argon2_ctx(argon2_context *context, argon2_type type)
{
    int (*call)(argon2_context *, argon2_type);
    void *found = original("argon2_ctx");

    if (state_of_argon2 == REFUSING)
        return ARGON2_MEMORY_ALLOCATION_ERROR;
    memcpy(&call, &found, sizeof(call));
    int status = call(context, type);
    context->out[0] ^= state_of_argon2 == WRONG;
    return status;
}

char *crypt_rn(const char *phrase, const char *setting, void *data, int size)
{
    char *(*call)(const char *, const char *, void *, int);
    void *found = original("crypt_rn");

    if (state_of_crypt == REFUSING)
        return NULL;
    memcpy(&call, &found, sizeof(call));
    char *text = call(phrase, setting, data, size);
    text[strlen(text) - 1] ^= state_of_crypt == WRONG;
    return text;
}

int EVP_PBE_scrypt(const char *pass, size_t passlen, const unsigned char *salt, size_t saltlen,
                   uint64_t N, uint64_t r, uint64_t p, uint64_t maxmem, unsigned char *key,
                   size_t keylen)
{
    int (*call)(const char *, size_t, const unsigned char *, size_t, uint64_t, uint64_t, uint64_t,
                uint64_t, unsigned char *, size_t);
    void *found = original("EVP_PBE_scrypt");

    if (state_of_scrypt == REFUSING)
        return 0;
    memcpy(&call, &found, sizeof(call));
    int status = call(pass, passlen, salt, saltlen, N, r, p, maxmem, key, keylen);
    key[0] ^= state_of_scrypt == WRONG;
    return status;
}

int PKCS5_PBKDF2_HMAC(const char *pass, int passlen, const unsigned char *salt, int saltlen,
                      int iter, const EVP_MD *digest, int keylen, unsigned char *out)
{
    int (*call)(const char *, int, const unsigned char *, int, int, const EVP_MD *, int,
                unsigned char *);
    void *found = original("PKCS5_PBKDF2_HMAC");

    if (state_of_sha1 == REFUSING)
        return 0;
    memcpy(&call, &found, sizeof(call));
    int status = call(pass, passlen, salt, saltlen, iter, digest, keylen, out);
    out[0] ^= state_of_sha1 == WRONG;
    return status;
}

static int make_sound(void **state)
{
    (void)state;
    /* Something else of theirs, or the linker would leave them out. */
    assert_non_null(argon2_error_message(ARGON2_OK));
    assert_non_null(crypt_preferred_method());
    state_of_argon2 = state_of_crypt = state_of_scrypt = state_of_sha1 = SOUND;
    return 0;
}

/* What the self-test says on descriptor 2, which must be that it is wrong. */
static void complaint(char *text_out, size_t bytes)
{
    int pipes[2];
    int before = dup(STDERR_FILENO);

    assert_int_equal(pipe(pipes), 0);
    assert_true(dup2(pipes[1], STDERR_FILENO) >= 0);
    bool right = password_self_test();
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    close(pipes[1]);
    ssize_t len = read(pipes[0], text_out, bytes - 1);
    close(pipes[0]);
    assert_true(len > 0);
    text_out[len] = '\0';
    assert_false(right);
}

static void test_sound_libraries_give_the_known_answers(void **state)
{
    (void)state;
    assert_true(password_self_test());
}

static void test_a_wrong_answer_is_named(void **state)
{
    (void)state;
    char text[8192];

    state_of_argon2 = WRONG;
    complaint(text, sizeof(text));
    assert_non_null(strstr(text, "password.wrong method=argon2id\n"));
    assert_non_null(strstr(text, "password.wrong method=argon2i\n"));
    assert_non_null(strstr(text, "password.wrong method=argon2d\n"));
    assert_null(strstr(text, "crypt"));
    state_of_argon2 = SOUND;
    state_of_crypt = WRONG;
    complaint(text, sizeof(text));
    assert_non_null(strstr(text, "method=bcrypt\n"));
    assert_non_null(strstr(text, "method=bcrypt_sha256\n"));
    assert_non_null(strstr(text, "method=sha256_crypt\n"));
    assert_non_null(strstr(text, "method=sha512_crypt\n"));
    assert_non_null(strstr(text, "method=yescrypt\n"));
    state_of_crypt = SOUND;
    state_of_scrypt = WRONG;
    complaint(text, sizeof(text));
    assert_non_null(strstr(text, "method=scrypt\n"));
    state_of_scrypt = SOUND;
    state_of_sha1 = WRONG;
    complaint(text, sizeof(text));
    assert_non_null(strstr(text, "method=pbkdf2_sha1\n"));
}

static void test_a_library_that_refuses_is_named_at_start(void **state)
{
    (void)state;
    char text[8192];

    state_of_argon2 = state_of_crypt = state_of_scrypt = state_of_sha1 = REFUSING;
    complaint(text, sizeof(text));
    assert_non_null(strstr(text, "method=argon2id\n"));
    assert_non_null(strstr(text, "method=yescrypt\n"));
    assert_non_null(strstr(text, "method=scrypt\n"));
    assert_non_null(strstr(text, "method=pbkdf2_sha1\n"));
}

static void test_what_a_library_refuses_later_is_not_computed(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "pbkdf2_sha1$100$gatepost$1MScKy2l0M4/LCleSFo/YSqt4ag=",
        "$argon2id$v=19$m=32,t=1,p=2$Z2F0ZXBvc3Q$gJmWOjDo9N8MHsMRRqAk2ACO3WeZRI+28N/Y3qdWuSI",
        "$scrypt$ln=4,r=8,p=1$cw$Jl+3k1cW4qVJ0UCqSJ2g1t9BaLv1cNVEJRJjBSjtO9k",
        "$2b$04$......................vSRhl7PJMEihKZc7ga98hYjgoKm/mgq",
    };
    struct password_work *work = xcalloc(1, sizeof(*work));

    state_of_argon2 = state_of_crypt = state_of_scrypt = state_of_sha1 = REFUSING;
    work->cost.iterations = 1;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        work->task = PASSWORD_VERIFY;
        assert_true(slice_to_text(slice_of_text(forms[i]), work->encoded, sizeof(work->encoded)));
        assert_false(hash_call(work));
        assert_false(work->matches);
    }
    work->task = PASSWORD_ENCODE;
    work->cost = (struct password_cost){.algorithm = PASSWORD_ARGON2ID,
                                        .argon2_memory_kib = 8,
                                        .argon2_passes = 1,
                                        .argon2_lanes = 1};
    work->encoded[0] = '\0';
    assert_false(hash_call(work));
    assert_string_equal(work->encoded, "");
    free(work);
}

/* A process that asks for no answers at its start asks before the first call. */
static void test_an_engine_computes_nothing_with_a_library_that_is_wrong(void **state)
{
    const char encoded[] =
        "$argon2id$v=19$m=32,t=1,p=2$Z2F0ZXBvc3Q$gJmWOjDo9N8MHsMRRqAk2ACO3WeZRI+28N/Y3qdWuSI";

    (void)state;
    assert_true(password_chain_test());
    for (int wrong = 0; wrong <= 1; wrong++) {
        struct desk desk;
        struct password_engine *engine = start(&desk, 1, 10);

        state_of_argon2 = wrong != 0 ? WRONG : SOUND;
        for (size_t i = 0; i < 2; i++) {
            struct password_work *work = new_work(PASSWORD_LOGIN, 1);
            work->task = PASSWORD_VERIFY;
            work->password_len = strlen("self test");
            memcpy(work->password, "self test", work->password_len);
            memcpy(work->encoded, encoded, sizeof(encoded));
            submit(engine, work);
            desk_wait(&desk, 1);
            assert_int_equal(desk.back[i]->expired, wrong != 0);
            assert_int_equal(desk.back[i]->matches, wrong == 0);
        }
        state_of_argon2 = SOUND;
        assert_true(password_engine_free(&engine));
        desk_fini(&desk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sound_libraries_give_the_known_answers, make_sound),
        cmocka_unit_test_setup(test_a_wrong_answer_is_named, make_sound),
        cmocka_unit_test_setup(test_a_library_that_refuses_is_named_at_start, make_sound),
        cmocka_unit_test_setup(test_what_a_library_refuses_later_is_not_computed, make_sound),
        cmocka_unit_test_setup(test_an_engine_computes_nothing_with_a_library_that_is_wrong,
                               make_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

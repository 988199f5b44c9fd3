/* One encode or one check, and the known answers that show both are right. */
#include "hash.h"

#include "formats.h"

#include "gatepost/secret.h"

#include <stdlib.h>

#define STEP_ITERATIONS 2048 /* 0.4 to 1 ms */

static const char salt_alphabet[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* Every character equally likely: bytes from 248 up, which 62 does not divide, are thrown away. */
static void make_salt(char salt_out[PASSWORD_SALT_CHARS])
{
    const size_t choices = sizeof(salt_alphabet) - 1;
    size_t made = 0;

    while (made < PASSWORD_SALT_CHARS) {
        uint8_t bytes[PASSWORD_SALT_CHARS];

        random_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes) && made < PASSWORD_SALT_CHARS; i++) {
            if (bytes[i] < 256 / choices * choices)
                salt_out[made++] = salt_alphabet[bytes[i] % choices];
        }
    }
}

static bool run_chain(const struct password_work *work, struct slice salt, uint32_t iterations,
                      const atomic_bool *stopping, uint8_t hash_out[PBKDF2_BYTES])
{
    struct pbkdf2_chain chain;

    pbkdf2_chain_begin(&chain, slice_of(work->password, work->password_len), salt, iterations);
    while (!pbkdf2_chain_step(&chain, STEP_ITERATIONS)) {
        if (atomic_load_explicit(stopping, memory_order_relaxed)) {
            pbkdf2_chain_end(&chain, NULL);
            return false;
        }
    }
    pbkdf2_chain_end(&chain, hash_out);
    return true;
}

static bool encode(struct password_work *work, const atomic_bool *stopping)
{
    char salt[PASSWORD_SALT_CHARS] = {0};
    struct password_form form = {.iterations = work->cost.iterations,
                                 .salt = slice_of(salt, sizeof(salt))};

    make_salt(salt);
    if (!run_chain(work, form.salt, form.iterations, stopping, form.hash))
        return false;
    password_form_write(&form, work->encoded);
    return true;
}

static bool verify(struct password_work *work, const atomic_bool *stopping)
{
    struct password_form form;
    uint8_t hash[PBKDF2_BYTES];
    size_t len = strnlen(work->encoded, sizeof(work->encoded));

    work->matches = false;
    work->outdated = true;
    if (!password_form_parse(slice_of(work->encoded, len), &form))
        return true; /* a form we do not know matches nothing */
    if (!run_chain(work, form.salt, form.iterations, stopping, hash))
        return false;
    work->matches = secret_equal(hash, form.hash, sizeof(hash));
    work->outdated = form.iterations < work->cost.iterations;
    secret_wipe(hash, sizeof(hash));
    return true;
}

bool password_work_compute(struct password_work *work, const atomic_bool *stopping)
{
    BUG_ON(work->password_len > sizeof(work->password));
    switch (work->task) {
    case PASSWORD_ENCODE:
        return encode(work, stopping);
    case PASSWORD_VERIFY:
        return verify(work, stopping);
    }
    BUG_ON("no such task");
    return false;
}

/* ---- known answers ------------------------------------------------------------------------------
 */

/* The first 32 bytes of each answer of RFC 7914, section 11. */
static bool rfc_7914_answers_right(void)
{
    static const struct {
        const char *password;
        const char *salt;
        uint32_t iterations;
        uint8_t hash[PBKDF2_BYTES];
    } answers[] = {
        {"passwd", "salt", 1, {0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16, 0x91,
                               0xc2, 0x25, 0x44, 0xb6, 0x05, 0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde,
                               0x04, 0x65, 0xe6, 0x8b, 0x9d, 0x57, 0xc2, 0x0d, 0xac, 0xbc}},
        {"Password", "NaCl", 80000, {0x4d, 0xdc, 0xd8, 0xf6, 0x0b, 0x98, 0xbe, 0x21,
                                     0x83, 0x0c, 0xee, 0x5e, 0xf2, 0x27, 0x01, 0xf9,
                                     0x64, 0x1a, 0x44, 0x18, 0xd0, 0x4c, 0x04, 0x14,
                                     0xae, 0xff, 0x08, 0x87, 0x6b, 0x34, 0xab, 0x56}},
    };

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct pbkdf2_chain chain;
        uint8_t hash[PBKDF2_BYTES];

        pbkdf2_chain_begin(&chain, slice_of_text(answers[i].password),
                           slice_of_text(answers[i].salt), answers[i].iterations);
        while (!pbkdf2_chain_step(&chain, STEP_ITERATIONS)) {
        }
        pbkdf2_chain_end(&chain, hash);
        if (!secret_equal(hash, answers[i].hash, sizeof(hash)))
            return false;
    }
    return true;
}

/* PBKDF2PasswordHasher().encode("self test", "gatepost", 1000) of Django 3.2. */
static const char django_answer[] =
    "pbkdf2_sha256$1000$gatepost$0A0P8FJuhaybES9Xz7PSrrXeTKK18Y8q/vpgy7mZ7rI=";

static bool work_on_answer(const char *password, struct password_work *work)
{
    static const atomic_bool never = false;

    work->task = PASSWORD_VERIFY;
    work->password_len = strlen(password);
    memcpy(work->password, password, work->password_len);
    memcpy(work->encoded, django_answer, sizeof(django_answer));
    return password_work_compute(work, &never);
}

bool password_self_test(void)
{
    struct password_work *work = xcalloc(1, sizeof(*work));
    bool right = rfc_7914_answers_right() && work_on_answer("self test", work) && work->matches &&
                 work_on_answer("self tesu", work) && !work->matches;

    free(work);
    return right;
}

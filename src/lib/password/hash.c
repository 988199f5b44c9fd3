/* One encode or one check, and the known answers that show both are right. */
#include "hash.h"

#include "formats.h"

#include "gatepost/secret.h"

#include <stdlib.h>

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

bool hash_in_lanes(const struct password_work *work)
{
    (void)work;
    return true;
}

/* Nobody needs it any more, or only if it turns out to be the right one. */
static void forget_password(struct password_work *work)
{
    secret_wipe(work->password, sizeof(work->password));
    work->password_len = 0;
}

static bool begin_encode(struct password_work *work, struct hash_state *state)
{
    make_salt(state->salt);
    state->form = (struct password_form){.iterations = work->cost.iterations,
                                         .salt = slice_of(state->salt, sizeof(state->salt))};
    return true;
}

static bool begin_verify(struct password_work *work, struct hash_state *state)
{
    const size_t len = strnlen(work->encoded, sizeof(work->encoded));

    work->matches = false;
    work->outdated = true;
    if (!password_form_parse(slice_of(work->encoded, len), &state->form))
        return false;
    state->outdated = state->form.iterations < work->cost.iterations;
    return true;
}

bool hash_begin(struct password_work *work, struct hash_state *state, struct pbkdf2_chain *chain)
{
    BUG_ON(work->password_len > sizeof(work->password));
    if (!(work->task == PASSWORD_ENCODE ? begin_encode : begin_verify)(work, state)) {
        forget_password(work);
        return false;
    }
    pbkdf2_chain_begin(chain, slice_of(work->password, work->password_len), state->form.salt,
                       state->form.iterations);
    if (work->task == PASSWORD_ENCODE || !work->keep_if_outdated || !state->outdated)
        forget_password(work);
    return true;
}

void hash_end(struct password_work *work, struct hash_state *state, struct pbkdf2_chain *chain)
{
    uint8_t hash[PBKDF2_BYTES];

    pbkdf2_chain_end(chain, hash);
    if (work->task == PASSWORD_ENCODE) {
        memcpy(state->form.hash, hash, sizeof(hash));
        password_form_write(&state->form, work->encoded);
    } else {
        work->matches = secret_equal(hash, state->form.hash, sizeof(hash));
        work->outdated = state->outdated;
        if (!work->matches)
            forget_password(work);
    }
    secret_wipe(hash, sizeof(hash));
    secret_wipe(state, sizeof(*state));
}

bool hash_call(struct password_work *work)
{
    (void)work;
    BUG_ON("every form runs in lanes");
    return false;
}

void hash_drop(struct hash_state *state, struct pbkdf2_chain *chain)
{
    pbkdf2_chain_end(chain, NULL);
    secret_wipe(state, sizeof(*state));
}

/* ---- known answers ------------------------------------------------------------------------------
 */

static void run_to_end(struct pbkdf2_chain *chain)
{
    if (chain->left > 0)
        pbkdf2_openssl.step(&chain, 1, chain->left);
}

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
        run_to_end(&chain);
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
    struct hash_state state;
    struct pbkdf2_chain chain;

    work->task = PASSWORD_VERIFY;
    work->password_len = strlen(password);
    memcpy(work->password, password, work->password_len);
    memcpy(work->encoded, django_answer, sizeof(django_answer));
    if (!hash_begin(work, &state, &chain))
        return false;
    run_to_end(&chain);
    hash_end(work, &state, &chain);
    return true;
}

bool password_self_test(void)
{
    struct password_work *work = xcalloc(1, sizeof(*work));
    bool right = rfc_7914_answers_right() && work_on_answer("self test", work) && work->matches &&
                 work_on_answer("self tesu", work) && !work->matches;

    free(work);
    return right;
}

/* One encode or one check, and the known answers that show both are right. */
#include "hash.h"

#include "answers.h"
#include "calls.h"

#include "gatepost/log.h"
#include "gatepost/secret.h"

#include <stdlib.h>

/* ---- begin ------------------------------------------------------------------------------------
 */

/* Returns false for a form that is not known. */
static bool find_form(const struct password_work *work, struct password_form *form_out)
{
    if (work->task == PASSWORD_ENCODE) {
        password_form_begin(&work->cost, form_out);
        return true;
    }
    const size_t len = strnlen(work->encoded, sizeof(work->encoded));
    return password_form_parse(slice_of(work->encoded, len), form_out);
}

/* What is not known is done at once, wherever. */
bool hash_in_lanes(const struct password_work *work)
{
    struct password_form form;

    if (work->task == PASSWORD_ENCODE)
        return work->cost.algorithm == PASSWORD_PBKDF2_SHA256;
    return !find_form(work, &form) || password_form_in_lanes(&form);
}

static void forget_password(struct password_work *work)
{
    secret_wipe(work->password, sizeof(work->password));
    work->password_len = 0;
}

/* bcrypt reads 72 bytes: what follows has not been proven, and a new form would make it count. */
static bool proves_all(const struct password_form *form, size_t password_len)
{
    return form->method != PASSWORD_METHOD_BCRYPT || password_len <= BCRYPT_PASSWORD_MAX_BYTES;
}

/* The hash has taken the password in: it goes, unless it is to be kept for a re-hash. Whether it
 * was the right one shows at the end; engine_give_back wipes it then, if it was not. */
static void pass_password(struct password_work *work, const struct hash_state *state)
{
    if (!work->keep_if_outdated || !state->outdated ||
        !proves_all(&state->form, work->password_len))
        forget_password(work);
}

static bool begin(struct password_work *work, struct hash_state *state)
{
    BUG_ON(work->password_len > sizeof(work->password));
    work->matches = false;
    work->outdated = work->task == PASSWORD_VERIFY;
    if (!find_form(work, &state->form)) {
        forget_password(work);
        return false;
    }
    state->outdated =
        work->task == PASSWORD_VERIFY && password_form_outdated(&state->form, &work->cost);
    return true;
}

/* ---- end --------------------------------------------------------------------------------------
 */

/* digest: of the form's length; wiped. */
static void answer(struct password_work *work, struct hash_state *state, uint8_t *digest)
{
    const size_t len = state->form.hash_len;

    if (work->task == PASSWORD_ENCODE) {
        memcpy(state->form.hash, digest, len);
        password_form_write(&state->form, work->encoded);
    } else {
        work->matches = secret_equal(digest, state->form.hash, len);
        work->outdated = state->outdated;
    }
    secret_wipe(digest, len);
    secret_wipe(state, sizeof(*state));
}

/* ---- chains -----------------------------------------------------------------------------------
 */

bool hash_begin(struct password_work *work, struct hash_state *state, struct pbkdf2_chain *chain)
{
    if (!begin(work, state))
        return false;
    BUG_ON(state->form.hash_len != PBKDF2_BYTES);
    pbkdf2_chain_begin(chain, slice_of(work->password, work->password_len),
                       password_form_salt(&state->form), state->form.iterations);
    pass_password(work, state);
    return true;
}

void hash_end(struct password_work *work, struct hash_state *state, struct pbkdf2_chain *chain)
{
    uint8_t digest[PBKDF2_BYTES];

    pbkdf2_chain_end(chain, digest);
    answer(work, state, digest);
}

void hash_drop(struct hash_state *state, struct pbkdf2_chain *chain)
{
    pbkdf2_chain_end(chain, NULL);
    secret_wipe(state, sizeof(*state));
}

/* ---- calls ------------------------------------------------------------------------------------
 */

bool hash_call_begin(struct password_work *work, struct hash_call *call)
{
    if (!begin(work, &call->state))
        return false;
    call->password_len = work->password_len;
    memcpy(call->password, work->password, work->password_len);
    pass_password(work, &call->state);
    return true;
}

bool hash_call_compute(struct hash_call *call)
{
    const bool computed = password_call(&call->state.form,
                                        slice_of(call->password, call->password_len), call->digest);

    secret_wipe(call->password, sizeof(call->password));
    if (!computed)
        log_error("password.not_computed", "method=%s memory_kib=%u",
                  password_method_name(call->state.form.method), call->state.form.memory_kib);
    return computed;
}

void hash_call_end(struct password_work *work, struct hash_call *call)
{
    if (work != NULL)
        answer(work, &call->state, call->digest);
    secret_wipe(call, sizeof(*call));
}

bool hash_call(struct password_work *work)
{
    struct hash_call call;

    if (!hash_call_begin(work, &call))
        return true;
    const bool computed = hash_call_compute(&call);
    hash_call_end(computed ? work : NULL, &call);
    return computed;
}

/* ---- known answers ------------------------------------------------------------------------------
 */

static void run_to_end(struct pbkdf2_chain *chain)
{
    if (chain->left > 0)
        pbkdf2_openssl.step(&chain, 1, chain->left);
}

/* The first 32 bytes of the first answer of RFC 7914, section 11. The other one takes 80,000
 * iterations, and with them a tenth of the time that a server may take to start: a unit test has
 * it. */
static bool rfc_7914_answer_right(void)
{
    static const uint8_t expected[PBKDF2_BYTES] = {0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f,
                                                   0xec, 0x16, 0x91, 0xc2, 0x25, 0x44, 0xb6, 0x05,
                                                   0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde, 0x04, 0x65,
                                                   0xe6, 0x8b, 0x9d, 0x57, 0xc2, 0x0d, 0xac, 0xbc};
    struct pbkdf2_chain chain;
    uint8_t hash[PBKDF2_BYTES];

    pbkdf2_chain_begin(&chain, SLICE_LITERAL("passwd"), SLICE_LITERAL("salt"), 1);
    run_to_end(&chain);
    pbkdf2_chain_end(&chain, hash);
    return secret_equal(hash, expected, sizeof(hash));
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

bool password_chain_test(void)
{
    struct password_work *work = xcalloc(1, sizeof(*work));
    bool right = rfc_7914_answer_right() && work_on_answer("self test", work) && work->matches &&
                 work_on_answer("self tesu", work) && !work->matches;

    free(work);
    if (!right)
        log_error("password.wrong", "method=pbkdf2_sha256");
    return right;
}

bool password_self_test(void)
{
    const bool chain_right = password_chain_test();

    return password_answers_right() && chain_right;
}

/* Tokens signed and checked, with each algorithm: ours, and libjwt as its manual has it, which
 * reads a PEM key with each call and knows no EdDSA. And what else a request costs: names and
 * address checked, a password judged. */
#include <jwt.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <unistd.h>

#include "../temporary_folder.h"
#include "gatepost/access_token.h"
#include "gatepost/email.h"
#include "gatepost/password_policy.h"
#include "gatepost/username.h"
#include "operations.h"

#define NOW_MS  1800000000000
#define JTI     "0123456789abcdef0123456789abcdef"
#define SUBJECT "0190a5a4-7c00-7000-8000-000000000001"

/* A ring for each algorithm, and a token of it. */
static struct token_keys *rings[TOKEN_ALGORITHMS];
static char *tokens[TOKEN_ALGORITHMS];

static char *sign(int algorithm)
{
    static const struct token_claims claims = {.type = TOKEN_ACCESS,
                                               .expires_s = NOW_MS / 1000 + 300,
                                               .issued_s = NOW_MS / 1000,
                                               .jti = JTI,
                                               .subject = SUBJECT,
                                               .has_subject = true,
                                               .has_session = true};

    return token_sign(rings[algorithm], &claims);
}

static void sign_token(int algorithm)
{
    free(sign(algorithm));
}

static void check_token(int algorithm)
{
    struct token_claims claims;

    BUG_ON(token_check(rings[algorithm], slice_of_text(tokens[algorithm]), TOKEN_ACCESS, NOW_MS,
                       &claims) != TOKEN_OK);
}

/* With a key file of each algorithm, as `gatepost key rotate` makes it. */
static void make_rings(void)
{
    char dir[TEMPORARY_FOLDER_BYTES];
    char path[TOKEN_PATH_BYTES];
    struct token_name name;
    struct err err;

    temporary_folder("gatepost-token-bench", dir);
    snprintf(path, sizeof(path), "%s/.secret", dir);
    BUG_ON(!secret_make_file(path, &err));
    for (enum token_algorithm algorithm = TOKEN_HS256; algorithm < TOKEN_ALGORITHMS; algorithm++) {
        const struct token_rules rules = {
            .secret_file = path, .dir = dir, .algorithm = algorithm, .life_s = 86400};

        BUG_ON(!token_key_make(&rules, NOW_MS / 1000, &name, &err));
        rings[algorithm] = token_keys_load(&rules, &err);
        BUG_ON(rings[algorithm] == NULL || !token_key_remove(dir, &name, &err));
        tokens[algorithm] = sign((int)algorithm);
    }
    unlink(path);
    rmdir(dir);
}

static void check_names(int argument)
{
    struct username name;
    struct email email;

    (void)argument;
    BUG_ON(username_check(SLICE_LITERAL("testuser12345678"), &name) != USERNAME_FINE);
    BUG_ON(!email_parse(SLICE_LITERAL("test-address-1@example.com"), &email));
}

static void judge_password(int argument)
{
    static const char *const words[] = {"testuser12345678", "test-address-1", "gatepost", NULL};

    (void)argument;
    BUG_ON(password_judge(SLICE_LITERAL("a good long pass phrase 12345"), 8, 4, words) !=
           PASSWORD_FINE);
}

/* ---- libjwt -------------------------------------------------------------------------------------
 */

static struct theirs {
    jwt_alg_t algorithm;
    unsigned char secret[4096], public[4096]; /* of HS256 the same */
    int secret_len, public_len;
    char *token;
} theirs[] = {
    {.algorithm = JWT_ALG_HS256}, {.algorithm = JWT_ALG_ES256}, {.algorithm = JWT_ALG_RS256}};

static char *jwt_sign(int which)
{
    const struct theirs *with = &theirs[which];
    jwt_t *jwt;
    char *token;

    BUG_ON(jwt_new(&jwt) != 0);
    BUG_ON(jwt_add_grant(jwt, "token_type", "access") != 0 ||
           jwt_add_grant_int(jwt, "exp", NOW_MS / 1000 + 300) != 0 ||
           jwt_add_grant_int(jwt, "iat", NOW_MS / 1000) != 0 ||
           jwt_add_grant(jwt, "jti", JTI) != 0 || jwt_add_grant(jwt, "user_id", SUBJECT) != 0 ||
           jwt_add_grant(jwt, "sid", SUBJECT) != 0);
    BUG_ON(jwt_set_alg(jwt, with->algorithm, with->secret, with->secret_len) != 0);
    token = jwt_encode_str(jwt);
    BUG_ON(token == NULL);
    jwt_free(jwt);
    return token;
}

static void jwt_sign_token(int which)
{
    free(jwt_sign(which));
}

static void jwt_check_token(int which)
{
    const struct theirs *with = &theirs[which];
    jwt_t *jwt;

    BUG_ON(jwt_decode(&jwt, with->token, with->public, with->public_len) != 0);
    BUG_ON(jwt_get_alg(jwt) != with->algorithm || jwt_get_grant_int(jwt, "exp") <= NOW_MS / 1000 ||
           jwt_get_grant(jwt, "user_id") == NULL);
    jwt_free(jwt);
}

static int as_pem(EVP_PKEY *pair, bool is_public, unsigned char bytes[4096])
{
    BIO *bio = BIO_new(BIO_s_mem());

    BUG_ON((is_public ? PEM_write_bio_PUBKEY(bio, pair)
                      : PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL)) != 1);
    const int len = BIO_read(bio, bytes, 4096);
    BUG_ON(len <= 0);
    BIO_free(bio);
    return len;
}

static void make_theirs(void)
{
    for (size_t i = 0; i < ARRAY_LEN(theirs); i++) {
        struct theirs *with = &theirs[i];
        EVP_PKEY *pair = with->algorithm == JWT_ALG_ES256   ? EVP_EC_gen("P-256")
                         : with->algorithm == JWT_ALG_RS256 ? EVP_RSA_gen(2048)
                                                            : NULL;

        with->secret_len = with->public_len = 32;
        if (pair) {
            with->secret_len = as_pem(pair, false, with->secret);
            with->public_len = as_pem(pair, true, with->public);
        }
        EVP_PKEY_free(pair);
        with->token = jwt_sign((int)i);
    }
}

int main(void)
{
    static const struct operation operations[] = {
        {"ours_sign_hs256_ns", sign_token, 3000, TOKEN_HS256},
        {"libjwt_sign_hs256_ns", jwt_sign_token, 1000, 0},
        {"ours_check_hs256_ns", check_token, 3000, TOKEN_HS256},
        {"libjwt_check_hs256_ns", jwt_check_token, 1000, 0},
        {"ours_sign_es256_ns", sign_token, 200, TOKEN_ES256},
        {"libjwt_sign_es256_ns", jwt_sign_token, 100, 1},
        {"ours_check_es256_ns", check_token, 100, TOKEN_ES256},
        {"libjwt_check_es256_ns", jwt_check_token, 100, 1},
        {"ours_sign_rs256_ns", sign_token, 10, TOKEN_RS256},
        {"libjwt_sign_rs256_ns", jwt_sign_token, 10, 2},
        {"ours_check_rs256_ns", check_token, 200, TOKEN_RS256},
        {"libjwt_check_rs256_ns", jwt_check_token, 100, 2},
        {"ours_sign_eddsa_ns", sign_token, 200, TOKEN_EDDSA},
        {"ours_check_eddsa_ns", check_token, 100, TOKEN_EDDSA},
        {"name_and_address_ns", check_names, 10000, 0},
        {"password_judge_ns", judge_password, 50, 0},
    };

    make_rings();
    make_theirs();
    operations_print(operations, ARRAY_LEN(operations));
    for (size_t i = 0; i < TOKEN_ALGORITHMS; i++) {
        token_keys_free(&rings[i]);
        free(tokens[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(theirs); i++)
        free(theirs[i].token);
    return 0;
}

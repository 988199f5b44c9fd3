/* What the domains under the worker cost it: reading a body, signing and checking a token of each
 * algorithm, judging a password. CPU time of this thread, in turn over several rounds, medians; the
 * last line is one JSON object. */
#include "gatepost/access_token.h"
#include "gatepost/email.h"
#include "gatepost/json.h"
#include "gatepost/password_policy.h"
#include "gatepost/username.h"

#include "timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS 5
#define NOW_MS 1800000000000
#define BODY                                                                                       \
    "{\"username\":\"testuser12345678\",\"email\":\"test-address-1@example.com\","                 \
    "\"password\":\"a good long pass phrase 12345\"}"

/* A ring for each algorithm, and a token of it. */
static struct token_keys *rings[TOKEN_ALGORITHMS];
static char *tokens[TOKEN_ALGORITHMS];
static enum token_algorithm algorithm; /* of the operation that runs */

static void read_body(void)
{
    struct json_object object;

    BUG_ON(json_read(SLICE_LITERAL(BODY), &object, NULL) != JSON_OK);
    json_object_fini(&object);
}

static char *sign(void)
{
    static const struct token_claims claims = {.type = TOKEN_ACCESS,
                                               .expires_s = NOW_MS / 1000 + 300,
                                               .issued_s = NOW_MS / 1000,
                                               .jti = "0123456789abcdef0123456789abcdef",
                                               .subject = "0190a5a4-7c00-7000-8000-000000000001",
                                               .has_subject = true,
                                               .has_session = true};

    return token_sign(rings[algorithm], &claims);
}

static void sign_token(void)
{
    free(sign());
}

static void check_token(void)
{
    struct token_claims claims;

    BUG_ON(token_check(rings[algorithm], slice_of_text(tokens[algorithm]), TOKEN_ACCESS, NOW_MS,
                       &claims) != TOKEN_OK);
}

/* With a key file of each algorithm, as `gatepost key rotate` makes it. */
static void make_rings(void)
{
    char dir[] = "/tmp/gatepost-token-bench-XXXXXX";
    char path[TOKEN_PATH_BYTES];
    struct token_name name;
    struct err err;

    BUG_ON(mkdtemp(dir) == NULL);
    snprintf(path, sizeof(path), "%s/.secret", dir);
    BUG_ON(!secret_make_file(path, &err));
    for (algorithm = TOKEN_HS256; algorithm < TOKEN_ALGORITHMS; algorithm++) {
        const struct token_rules rules = {
            .secret_file = path, .dir = dir, .algorithm = algorithm, .life_s = 86400};

        BUG_ON(!token_key_make(&rules, NOW_MS / 1000, &name, &err));
        rings[algorithm] = token_keys_load(&rules, &err);
        BUG_ON(rings[algorithm] == NULL || !token_key_remove(dir, &name, &err));
        tokens[algorithm] = sign();
    }
    unlink(path);
    rmdir(dir);
}

static void check_names(void)
{
    struct username name;
    struct email email;

    BUG_ON(username_check(SLICE_LITERAL("testuser12345678"), &name) != USERNAME_FINE);
    BUG_ON(!email_parse(SLICE_LITERAL("test-address-1@example.com"), &email));
}

static void judge_password(void)
{
    static const char *const words[] = {"testuser12345678", "test-address-1", "gatepost", NULL};

    BUG_ON(password_judge(SLICE_LITERAL("a good long pass phrase 12345"), 8, 4, words) !=
           PASSWORD_FINE);
}

static const struct operation {
    const char *name;
    void (*run)(void);
    unsigned times;
    enum token_algorithm algorithm; /* of those with tokens */
} operations[] = {
    {"json_read_111_bytes_ns", read_body, 100000, TOKEN_HS256},
    {"token_sign_ns", sign_token, 50000, TOKEN_HS256},
    {"token_check_ns", check_token, 50000, TOKEN_HS256},
    {"token_sign_es256_ns", sign_token, 2000, TOKEN_ES256},
    {"token_check_es256_ns", check_token, 2000, TOKEN_ES256},
    {"token_sign_rs256_ns", sign_token, 200, TOKEN_RS256},
    {"token_check_rs256_ns", check_token, 2000, TOKEN_RS256},
    {"token_sign_eddsa_ns", sign_token, 2000, TOKEN_EDDSA},
    {"token_check_eddsa_ns", check_token, 1000, TOKEN_EDDSA},
    {"name_and_address_ns", check_names, 100000, TOKEN_HS256},
    {"password_judge_ns", judge_password, 1000, TOKEN_HS256},
};

int main(void)
{
    double cost_ns[ARRAY_LEN(operations)][ROUNDS];

    make_rings();
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
            double begun = cpu_ns();

            algorithm = operations[i].algorithm;
            for (unsigned n = 0; n < operations[i].times; n++)
                operations[i].run();
            cost_ns[i][round] = (cpu_ns() - begun) / operations[i].times;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        printf("%s\"%s\": %.0f", i == 0 ? "{" : ", ", operations[i].name,
               median(cost_ns[i], ROUNDS));
    }
    printf("}\n");
    for (size_t i = 0; i < TOKEN_ALGORITHMS; i++) {
        token_keys_free(&rings[i]);
        free(tokens[i]);
    }
    return 0;
}

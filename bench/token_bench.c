/* What the domains under the worker cost it: reading a body, signing and checking a token, judging
 * a password. CPU time of this thread, in turn over several rounds, medians; the last
 * line is one JSON object. */
#include "gatepost/access_token.h"
#include "gatepost/email.h"
#include "gatepost/json.h"
#include "gatepost/password.h"
#include "gatepost/username.h"

#include "timing.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 5
#define NOW_MS 1800000000000
#define BODY                                                                                       \
    "{\"username\":\"testuser12345678\",\"email\":\"test-address-1@example.com\","                 \
    "\"password\":\"a good long pass phrase 12345\"}"

static const struct secret key = {.bytes = (uint8_t *)"0123456789abcdef0123456789abcdef",
                                  .len = 32};
static struct token_keys *keys;
static char *token;

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

    return token_sign(keys, &claims);
}

static void sign_token(void)
{
    free(sign());
}

static void check_token(void)
{
    struct token_claims claims;

    BUG_ON(token_check(keys, slice_of_text(token), TOKEN_ACCESS, NOW_MS, &claims) != TOKEN_OK);
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
} operations[] = {
    {"json_read_111_bytes_ns", read_body, 100000}, {"token_sign_ns", sign_token, 10000},
    {"token_check_ns", check_token, 10000},        {"name_and_address_ns", check_names, 100000},
    {"password_judge_ns", judge_password, 1000},
};

int main(void)
{
    double cost_ns[ARRAY_LEN(operations)][ROUNDS];

    keys = token_keys_of_secret(&key);
    token = sign();
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
            double begun = cpu_ns();

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
    free(token);
    return 0;
}

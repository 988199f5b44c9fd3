/* Tokens. The first byte chooses: any text as a token; any payload, or any header, rightly signed,
 * so that what lies behind the signature is reached; any text as the token of a letter. */
#include "gatepost/access_token.h"
#include "gatepost/encoding.h"
#include "gatepost/proof_token.h"

#include <stdio.h>

#define NOW_MS      1800000000000
#define SIGNED_MAX  6000
#define HEADER      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
#define PAYLOAD     "eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwiZXhwIjoyMDAwMDAwMDAwLCJqdGkiOiJhIn0"
#define ANY_TOKEN   0
#define ANY_PAYLOAD 1
#define ANY_HEADER  2

static const struct secret key = {.bytes = (uint8_t *)"0123456789abcdef0123456789abcdef0123456789a",
                                  .len = 43};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A token that passes was signed by this key, whatever it looks like. */
static void check_token(struct slice token)
{
    for (enum token_type wanted = TOKEN_ACCESS; wanted <= TOKEN_ANY; wanted++) {
        struct token_claims claims;
        uint8_t mac[MAC_BYTES];
        uint8_t given[MAC_BYTES];
        size_t given_len;

        if (token_check(&key, token, wanted, NOW_MS, &claims) != TOKEN_OK)
            continue;
        const char *dot = memrchr(token.at, '.', token.len);
        BUG_ON(dot == NULL);
        size_t signed_len = (size_t)(dot - token.at);
        secret_mac(&key, token.at, signed_len, mac);
        BUG_ON(!base64url_decode(slice_of(dot + 1, token.len - signed_len - 1), given,
                                 sizeof(given), &given_len));
        BUG_ON(given_len != sizeof(mac) || memcmp(mac, given, sizeof(mac)) != 0);
        BUG_ON(claims.expires_s <= NOW_MS / 1000 || claims.jti[0] == '\0');
        BUG_ON(wanted != TOKEN_ANY && claims.type != wanted);
        BUG_ON(memchr(claims.subject, 0, sizeof(claims.subject)) == NULL);
    }
}

static void check_signed(const uint8_t *data, size_t len, bool is_header)
{
    static char text[2 * SIGNED_MAX];
    static char part[SIGNED_MAX];
    uint8_t mac[MAC_BYTES];

    if (len > SIGNED_MAX / 2)
        return;
    base64url_encode(data, len, part);
    int signed_len = snprintf(text, sizeof(text), "%s.%s", is_header ? part : HEADER,
                              is_header ? PAYLOAD : part);
    secret_mac(&key, text, (size_t)signed_len, mac);
    text[signed_len] = '.';
    base64url_encode(mac, sizeof(mac), text + signed_len + 1);
    check_token(slice_of_text(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct uuid id;

    if (len == 0)
        return 0;
    struct slice rest = slice_of(data + 1, len - 1);
    switch (data[0] % 4) {
    case ANY_TOKEN:
        check_token(rest);
        break;
    case ANY_PAYLOAD:
        check_signed(data + 1, len - 1, false);
        break;
    case ANY_HEADER:
        check_signed(data + 1, len - 1, true);
        break;
    default:
        BUG_ON(proof_token_check(&key, 1, rest, &id) && rest.len != PROOF_TOKEN_TEXT_BYTES - 1);
        break;
    }
    return 0;
}

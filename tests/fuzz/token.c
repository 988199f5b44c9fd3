/* Tokens. The first byte chooses: any text as a token; any payload, any header, or both with a zero
 * byte in between, rightly signed, so that what lies behind the signature is reached; any text as
 * the token of a letter; any claims, signed by us; any proof's id, as the letter has it. */
#include "gatepost/access_token.h"
#include "gatepost/encoding.h"
#include "gatepost/proof_token.h"

#include <stdio.h>
#include <stdlib.h>

#include "script.h"

#define NOW_MS     1800000000000
#define SIGNED_MAX 6000
#define HEADER     "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define PAYLOAD    "{\"token_type\":\"access\",\"exp\":2000000000,\"jti\":\"a\"}"

enum choice {
    ANY_TOKEN,
    ANY_PAYLOAD,
    ANY_HEADER,
    ANY_LETTER,
    ANY_TWO_PARTS,
    ANY_CLAIMS,
    ANY_PROOF,
    CHOICES
};

static const struct secret key = {.bytes = (uint8_t *)"0123456789abcdef0123456789abcdef0123456789a",
                                  .len = 43};

static struct token_keys *keys;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A token that passes was signed by this key, whatever it looks like. */
static void check_token(struct slice token)
{
    for (enum token_type wanted = TOKEN_ACCESS; wanted <= TOKEN_ANY; wanted++) {
        struct token_claims claims;
        uint8_t mac[MAC_BYTES];
        uint8_t given[MAC_BYTES];
        size_t given_len;

        if (token_check(keys, token, wanted, NOW_MS, &claims) != TOKEN_OK)
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

static void check_signed(struct slice header, struct slice payload)
{
    static char text[4 * SIGNED_MAX];
    uint8_t mac[MAC_BYTES];

    if (header.len + payload.len > SIGNED_MAX)
        return;
    base64url_encode(header.at, header.len, text);
    size_t len = strlen(text);
    text[len++] = '.';
    base64url_encode(payload.at, payload.len, text + len);
    len += strlen(text + len);
    secret_mac(&key, text, len, mac);
    text[len++] = '.';
    base64url_encode(mac, sizeof(mac), text + len);
    check_token(slice_of_text(text));
}

static void check_two_parts(struct slice parts)
{
    const char *zero = parts.len > 0 ? memchr(parts.at, 0, parts.len) : NULL;

    if (zero == NULL)
        return;
    const size_t len = (size_t)(zero - parts.at);
    check_signed(slice_of(parts.at, len), slice_of(zero + 1, parts.len - len - 1));
}

/* What we sign we read back, whatever the subject is. */
static void check_claims(struct script script)
{
    struct token_claims again;
    struct token_claims claims = {
        .type = script_u8(&script) & 1 ? TOKEN_REFRESH : TOKEN_ACCESS,
        .expires_s = NOW_MS / 1000 + 1 + script_u8(&script) * 1000000,
        .issued_s = NOW_MS / 1000,
        .jti = "0123456789abcdef0123456789abcdef",
        .has_subject = true,
        .has_session = script_u8(&script) & 1,
    };
    memset(claims.session_id.bytes, script_u8(&script), sizeof(claims.session_id.bytes));
    struct slice subject = script_text(&script, TOKEN_SUBJECT_BYTES - 1, "7");

    if (!slice_to_text(subject, claims.subject, sizeof(claims.subject)))
        return;
    char *token = token_sign(keys, &claims);
    BUG_ON(token_check(keys, slice_of_text(token), claims.type, NOW_MS, &again) != TOKEN_OK);
    BUG_ON(again.type != claims.type || again.expires_s != claims.expires_s ||
           again.issued_s != claims.issued_s || strcmp(again.jti, claims.jti) != 0 ||
           strcmp(again.subject, claims.subject) != 0 || !again.has_subject ||
           again.has_session != claims.has_session ||
           (claims.has_session && !uuid_equal(&again.session_id, &claims.session_id)));
    check_token(slice_of_text(token));
    free(token);
}

/* The token of a letter is good for its purpose and for no other. */
static void check_proof(struct script script)
{
    char text[PROOF_TOKEN_TEXT_BYTES];
    struct uuid id, again;
    const uint8_t purpose = script_u8(&script);

    for (size_t i = 0; i < sizeof(id.bytes); i++)
        id.bytes[i] = script_u8(&script);
    proof_token_make(&key, purpose, &id, text);
    BUG_ON(!proof_token_check(keys, purpose, slice_of_text(text), &again));
    BUG_ON(!uuid_equal(&id, &again));
    BUG_ON(proof_token_check(keys, (uint8_t)(purpose + 1), slice_of_text(text), &again));
    text[script_u8(&script) % (PROOF_TOKEN_TEXT_BYTES - 1)] ^= 1;
    BUG_ON(proof_token_check(keys, purpose, slice_of_text(text), &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct uuid id;

    if (keys == NULL)
        keys = token_keys_of_secret(&key);
    if (len == 0)
        return 0;
    struct slice rest = slice_of(data + 1, len - 1);
    switch ((enum choice)(data[0] % CHOICES)) {
    case ANY_TOKEN:
        check_token(rest);
        break;
    case ANY_PAYLOAD:
        check_signed(slice_of_text(HEADER), rest);
        break;
    case ANY_HEADER:
        check_signed(rest, slice_of_text(PAYLOAD));
        break;
    case ANY_LETTER:
        BUG_ON(proof_token_check(keys, 1, rest, &id) && rest.len != PROOF_TOKEN_TEXT_BYTES - 1);
        break;
    case ANY_TWO_PARTS:
        check_two_parts(rest);
        break;
    case ANY_CLAIMS:
        check_claims((struct script){data + 1, len - 1});
        break;
    case ANY_PROOF:
        check_proof((struct script){data + 1, len - 1});
        break;
    case CHOICES:
        break;
    }
    return 0;
}

/* Tokens. The first byte chooses: any text as a token; any payload, any header, or both with a zero
 * byte in between, rightly signed, so that what lies behind the signature is reached; any text as
 * the token of a letter; any claims, signed by us; any proof's id, as the letter has it; both parts
 * again, signed by the key that the second byte names; any signature of such a key. The ring holds
 * a key of each algorithm, the fixed ones of the unit tests. */
#include "gatepost/access_token.h"
#include "gatepost/encoding.h"
#include "gatepost/proof_token.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/token/keys.inc"
#include "lib/token/keys.h"
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
    ANY_KEY,
    ANY_SIGNATURE,
    CHOICES
};

static const struct secret key = {.bytes = (uint8_t *)"0123456789abcdef0123456789abcdef0123456789a",
                                  .len = 43};

static const char *const kids[] = {"", "hs-1", "es-1", "rs-1", "ed-1"};
static struct token_keys *keys;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct token_key *key_named(uint8_t number)
{
    const char *kid = kids[number % ARRAY_LEN(kids)];

    return keys_of_kid(keys, slice_of_text(kid), NOW_MS / 1000);
}

/* Key files in a directory of their own, gone again once they are loaded. */
static void make_ring(void)
{
    char dir[] = "/tmp/gatepost-fuzz-XXXXXX";
    char paths[ARRAY_LEN(key_files)][TOKEN_PATH_BYTES];
    char secret[TOKEN_PATH_BYTES];
    struct secret pem;
    struct err err;

    /* Has OpenSSL's generators made on the ordinary heap: token_keys_load sets up the locked one,
     * where LeakSanitizer sees no pointers. */
    random_bytes(paths, 1);
    key_pair_generate(TOKEN_ES256, &pem);
    secret_fini(&pem);
    BUG_ON(mkdtemp(dir) == NULL);
    snprintf(secret, sizeof(secret), "%s/.secret", dir);
    BUG_ON(!secret_write_file(secret, key.bytes, key.len, &err));
    for (size_t i = 0; i < ARRAY_LEN(key_files); i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", dir, key_files[i].name);
        BUG_ON(!secret_write_file(paths[i], key_files[i].text, strlen(key_files[i].text), &err));
    }
    const struct token_rules rules = {.secret_file = secret,
                                      .dir = dir,
                                      .algorithm = TOKEN_ES256,
                                      .accept_hs256 = true,
                                      .life_s = 315360000};

    keys = token_keys_load(&rules, &err);
    BUG_ON(keys == NULL);
    for (size_t i = 0; i < ARRAY_LEN(key_files); i++)
        unlink(paths[i]);
    unlink(secret);
    rmdir(dir);
}

/* Does the signature verify under a key of the ring? */
static bool signed_by_us(struct slice text, const uint8_t *signature, size_t len)
{
    for (uint8_t i = 0; i < ARRAY_LEN(kids); i++) {
        if (key_verify(key_named(i), text, signature, len))
            return true;
    }
    return false;
}

/* A token that passes was signed by one of these keys, whatever it looks like. */
static void check_token(struct slice token)
{
    for (enum token_type wanted = TOKEN_ACCESS; wanted <= TOKEN_ANY; wanted++) {
        struct token_claims claims;
        uint8_t given[KEY_SIGNATURE_MAX_BYTES];
        size_t given_len;

        if (token_check(keys, token, wanted, NOW_MS, &claims) != TOKEN_OK)
            continue;
        const char *dot = memrchr(token.at, '.', token.len);
        BUG_ON(dot == NULL);
        size_t signed_len = (size_t)(dot - token.at);
        BUG_ON(!base64url_decode(slice_of(dot + 1, token.len - signed_len - 1), given,
                                 sizeof(given), &given_len));
        BUG_ON(!signed_by_us(slice_of(token.at, signed_len), given, given_len));
        BUG_ON(claims.expires_s <= NOW_MS / 1000 || claims.jti[0] == '\0');
        BUG_ON(wanted != TOKEN_ANY && claims.type != wanted);
        BUG_ON(memchr(claims.subject, 0, sizeof(claims.subject)) == NULL);
    }
}

static void check_signed(const struct token_key *by, struct slice header, struct slice payload)
{
    static char text[4 * SIGNED_MAX];
    uint8_t signature[KEY_SIGNATURE_MAX_BYTES];

    if (header.len + payload.len > SIGNED_MAX)
        return;
    base64url_encode(header.at, header.len, text);
    size_t len = strlen(text);
    text[len++] = '.';
    base64url_encode(payload.at, payload.len, text + len);
    len += strlen(text + len);
    size_t signature_len = key_sign(by, slice_of(text, len), signature);
    text[len++] = '.';
    base64url_encode(signature, signature_len, text + len);
    check_token(slice_of_text(text));
}

static void check_two_parts(const struct token_key *by, struct slice parts)
{
    const char *zero = parts.len > 0 ? memchr(parts.at, 0, parts.len) : NULL;

    if (zero == NULL)
        return;
    const size_t len = (size_t)(zero - parts.at);
    check_signed(by, slice_of(parts.at, len), slice_of(zero + 1, parts.len - len - 1));
}

/* The bytes as a signature of a good token, and as a change to a real one. */
static void check_signature(const struct token_key *by, struct slice bytes)
{
    static char text[4 * SIGNED_MAX];
    uint8_t signature[KEY_SIGNATURE_MAX_BYTES];

    if (bytes.len > KEY_SIGNATURE_MAX_BYTES)
        return;
    memcpy(text, by->header, by->header_len);
    text[by->header_len] = '.';
    base64url_encode(PAYLOAD, strlen(PAYLOAD), text + by->header_len + 1);
    size_t len = strlen(text);
    const size_t made = key_sign(by, slice_of(text, len), signature);
    const struct slice signed_text = slice_of(text, len);

    text[len++] = '.';
    base64url_encode(bytes.at, bytes.len, text + len);
    check_token(slice_of_text(text));
    bool changed = false;
    for (size_t i = 0; i < made && i < bytes.len; i++) {
        signature[i] ^= (uint8_t)bytes.at[i];
        changed = changed || bytes.at[i] != 0;
    }
    BUG_ON(changed == key_verify(by, signed_text, signature, made));
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
        make_ring();
    if (len == 0)
        return 0;
    struct slice rest = slice_of(data + 1, len - 1);
    switch ((enum choice)(data[0] % CHOICES)) {
    case ANY_TOKEN:
        check_token(rest);
        break;
    case ANY_PAYLOAD:
        check_signed(key_named(0), slice_of_text(HEADER), rest);
        break;
    case ANY_HEADER:
        check_signed(key_named(0), rest, slice_of_text(PAYLOAD));
        break;
    case ANY_LETTER:
        BUG_ON(proof_token_check(keys, 1, rest, &id) && rest.len != PROOF_TOKEN_TEXT_BYTES - 1);
        break;
    case ANY_TWO_PARTS:
        check_two_parts(key_named(0), rest);
        break;
    case ANY_CLAIMS:
        check_claims((struct script){data + 1, len - 1});
        break;
    case ANY_PROOF:
        check_proof((struct script){data + 1, len - 1});
        break;
    case ANY_KEY:
    case ANY_SIGNATURE:
        if (rest.len == 0)
            break;
        if (data[0] % CHOICES == ANY_KEY)
            check_two_parts(key_named(data[1]), slice_of(rest.at + 1, rest.len - 1));
        else
            check_signature(key_named(data[1]), slice_of(rest.at + 1, rest.len - 1));
        break;
    case CHOICES:
        break;
    }
    return 0;
}

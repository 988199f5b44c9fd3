/* The token of a letter: id and MAC. The prefix keeps this MAC apart from anything else that is
 * ever made under the mail key; the purpose keeps a verification from serving as a reset. */
#include "gatepost/proof_token.h"

static const char prefix[] = "gatepost proof token 1"; /* its NUL is part of it */

struct token_bytes {
    uint8_t id[UUID_BYTES];
    uint8_t mac[PROOF_TOKEN_MAC_BYTES];
};

_Static_assert(sizeof(struct token_bytes) == UUID_BYTES + PROOF_TOKEN_MAC_BYTES, "no padding");

static void mac_of(const struct secret *mail_key, uint8_t purpose, const uint8_t id[UUID_BYTES],
                   uint8_t mac_out[MAC_BYTES])
{
    uint8_t text[sizeof(prefix) + 1 + UUID_BYTES];

    memcpy(text, prefix, sizeof(prefix));
    text[sizeof(prefix)] = purpose;
    memcpy(text + sizeof(prefix) + 1, id, UUID_BYTES);
    secret_mac(mail_key, text, sizeof(text), mac_out);
}

void proof_token_make(const struct secret *mail_key, uint8_t purpose, const struct uuid *proof_id,
                      char text_out[PROOF_TOKEN_TEXT_BYTES])
{
    struct token_bytes token;
    uint8_t mac[MAC_BYTES];

    mac_of(mail_key, purpose, proof_id->bytes, mac);
    memcpy(token.id, proof_id->bytes, sizeof(token.id));
    memcpy(token.mac, mac, sizeof(token.mac));
    base64url_encode(&token, sizeof(token), text_out);
}

bool proof_token_check(const struct secret *mail_key, uint8_t purpose, struct slice text,
                       struct uuid *proof_id_out)
{
    struct token_bytes token;
    uint8_t mac[MAC_BYTES];
    size_t len;

    if (!base64url_decode(text, &token, sizeof(token), &len) || len != sizeof(token))
        return false;
    mac_of(mail_key, purpose, token.id, mac);
    if (!secret_equal(mac, token.mac, sizeof(token.mac)))
        return false;
    memcpy(proof_id_out->bytes, token.id, sizeof(token.id));
    return true;
}

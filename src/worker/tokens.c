/* Tokens, as far as the worker deals in them. */
#include "tokens.h"

#include <stdlib.h>

#include "gatepost/encoding.h"

#include "cookie.h"
#include "reply.h"

#define JTI_RANDOM_BYTES 16

/* Of both tokens by one draw: a draw costs more than its bytes. */
static void make_jtis(struct token_grant *grant)
{
    uint8_t random[2 * JTI_RANDOM_BYTES];

    random_bytes(random, sizeof(random));
    hex_encode(random, JTI_RANDOM_BYTES, grant->access_jti);
    hex_encode(random + JTI_RANDOM_BYTES, JTI_RANDOM_BYTES, grant->refresh_jti);
}

void token_jti_digest(const char *jti, uint8_t digest_out[32])
{
    digest_sha256(jti, strlen(jti), digest_out);
}

struct uuid token_adopted_session(const char *jti)
{
    uint8_t digest[32];
    struct uuid id;

    token_jti_digest(jti, digest);
    memcpy(id.bytes, digest, UUID_BYTES);
    /* Version 8 (RFC 9562 section 5.8): no session of our own has such an id. */
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x80);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

struct uuid token_session(const struct token_claims *claims)
{
    return claims->has_session ? claims->session_id : token_adopted_session(claims->jti);
}

void token_grant_begin(struct token_grant *grant, const struct config *config)
{
    grant->now = clock_wall_ms();
    grant->access_expires_s = grant->now / 1000 + config->token_access_s;
    grant->refresh_issued = grant->now;
    grant->refresh_expires_s = grant->now / 1000 + config->token_refresh_s;
    make_jtis(grant);
    token_jti_digest(grant->refresh_jti, grant->refresh_digest);
}

void token_grant_succeed(struct token_grant *grant, const struct worker *worker, const char *jti)
{
    uint8_t mac[MAC_BYTES];

    secret_mac(&worker->successor_key, jti, strlen(jti), mac);
    hex_encode(mac, (TOKEN_JTI_BYTES - 1) / 2, grant->refresh_jti);
    token_jti_digest(grant->refresh_jti, grant->refresh_digest);
}

static char *sign(const struct request *request, const struct token_grant *grant,
                  enum token_type type)
{
    const char *jti = type == TOKEN_ACCESS ? grant->access_jti : grant->refresh_jti;
    const wall_ms issued = type == TOKEN_ACCESS ? grant->now : grant->refresh_issued;
    struct token_claims claims = {
        .type = type,
        .expires_s = type == TOKEN_ACCESS ? grant->access_expires_s : grant->refresh_expires_s,
        .issued_s = issued / 1000,
        .has_subject = true,
        .has_session = true,
        .session_id = grant->session_id,
    };

    memcpy(claims.jti, jti, sizeof(claims.jti));
    memcpy(claims.subject, grant->subject, sizeof(claims.subject));
    return token_sign(request->worker->token_keys, &claims);
}

static void write_text(struct json_writer *writer, const char *name, const char *text)
{
    json_string(writer, slice_of_text(name));
    json_string(writer, slice_of_text(text));
}

void token_grant_reply(struct request **request, const struct token_grant *grant,
                       enum token_grant_order order)
{
    char *access = sign(*request, grant, TOKEN_ACCESS);
    char *refresh = sign(*request, grant, TOKEN_REFRESH);
    bool access_first = order == TOKEN_GRANT_REFRESH;
    struct json_writer *writer = json_writer_new();

    json_object_begin(writer);
    if ((*request)->in_cookie) {
        write_text(writer, "access", access);
        cookie_set(*request, refresh);
    } else {
        write_text(writer, access_first ? "access" : "refresh", access_first ? access : refresh);
        write_text(writer, access_first ? "refresh" : "access", access_first ? refresh : access);
    }
    json_object_end(writer);
    free(access);
    free(refresh);
    reply_json(request, 200, &writer);
}

/* ---- where tokens come from ---------------------------------------------------------------------
 */

bool token_read_refresh(struct request **request, struct token_claims *claims_out)
{
    struct slice token;

    if (!cookie_refresh_token(request, &token))
        return false;
    enum token_status status = token_check((*request)->worker->token_keys, token, TOKEN_REFRESH,
                                           clock_wall_ms(), claims_out);
    if (status == TOKEN_OK && !claims_out->has_subject)
        status = TOKEN_NO_SUBJECT;
    if (status != TOKEN_OK) {
        cookie_refuse(request, token_status_sentence(status));
        return false;
    }
    request_forget_body(*request);
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

typedef uint8_t chunk_bytes __attribute__((vector_size(16)));
typedef uint64_t chunk_words __attribute__((vector_size(16)));

/* A chunk of which one byte is a blank or below it. */
static bool has_blank(const char *at)
{
    chunk_bytes bytes;

    memcpy(&bytes, at, sizeof(bytes));
    const chunk_words low = (chunk_words)(bytes <= ' ');
    return (low[0] | low[1]) != 0;
}

/* Python's bytes.split(). */
static struct slice next_word(struct slice *rest)
{
    size_t begin = 0;

    while (begin < rest->len && is_space(rest->at[begin]))
        begin++;
    size_t end = begin;
    while (rest->len - end >= sizeof(chunk_bytes) && !has_blank(rest->at + end))
        end += sizeof(chunk_bytes); /* a token has hundreds of bytes */
    while (end < rest->len && !is_space(rest->at[end]))
        end++;
    struct slice word = slice_of(rest->at + begin, end - begin);
    *rest = slice_of(rest->at + end, rest->len - end);
    return word;
}

enum bearer_status token_of_header(struct slice authorization, struct slice *token_out)
{
    struct slice rest = authorization;

    if (rest.at == NULL)
        return BEARER_NONE;
    if (!slice_equal(next_word(&rest), SLICE_LITERAL("Bearer")))
        return BEARER_NONE;
    struct slice token = next_word(&rest);
    if (token.len == 0 || next_word(&rest).len > 0)
        return BEARER_BROKEN;
    *token_out = token;
    return BEARER_OK;
}

/* Signs and checks JSON Web Tokens.
 *
 * The key decides the algorithm, never the token: the header names a key at most, by a kid that is
 * looked up in the ring, and must then name that key's own algorithm. Most tokens are our own, and
 * their header is the very text that their key writes: it is compared, not read.
 *
 * Story of a check: size and segments, header and key, signature, then the claims in the order in
 * which PyJWT and simplejwt look at them, so that the first complaint is theirs. They are read from
 * the very bytes that the signature covers. */
#include "gatepost/access_token.h"

#include "gatepost/encoding.h"
#include "gatepost/json.h"

#include <stdlib.h>
#include <strings.h>

#include "keys.h"

#define AHEAD_MAX_S  30           /* other machines' clocks */
#define TIME_MAX_S   253402300799 /* end of the year 9999: simplejwt cannot hold more */
#define NUMBER_BYTES 64

enum { HEADER, PAYLOAD, SIGNATURE, SEGMENTS };

const char *token_status_sentence(enum token_status status)
{
    switch (status) {
    case TOKEN_OK:
        return "";
    case TOKEN_INVALID:
        return "Token is invalid or expired";
    case TOKEN_NO_EXP:
        return "Token has no 'exp' claim";
    case TOKEN_NO_ID:
        return "Token has no id";
    case TOKEN_NO_TYPE:
        return "Token has no type";
    case TOKEN_WRONG_TYPE:
        return "Token has wrong type";
    case TOKEN_NO_SUBJECT:
        return "Token contained no recognizable user identification";
    }
    BUG_ON("no such status");
    return "";
}

static struct slice type_name(enum token_type type)
{
    BUG_ON(type != TOKEN_ACCESS && type != TOKEN_REFRESH);
    return type == TOKEN_ACCESS ? SLICE_LITERAL("access") : SLICE_LITERAL("refresh");
}

/* ---- signing ------------------------------------------------------------------------------------
 */

static void write_text(struct json_writer *writer, struct slice name, struct slice value)
{
    json_string(writer, name);
    json_string(writer, value);
}

static void write_number(struct json_writer *writer, struct slice name, int64_t value)
{
    json_string(writer, name);
    json_integer(writer, value);
}

static struct json_writer *write_claims(const struct token_claims *claims)
{
    struct json_writer *writer = json_writer_new();
    char session[UUID_TEXT_BYTES];

    json_object_begin(writer);
    write_text(writer, SLICE_LITERAL("token_type"), type_name(claims->type));
    write_number(writer, SLICE_LITERAL("exp"), claims->expires_s);
    write_number(writer, SLICE_LITERAL("iat"), claims->issued_s);
    write_text(writer, SLICE_LITERAL("jti"), slice_of_text(claims->jti));
    if (claims->has_subject)
        write_text(writer, SLICE_LITERAL("user_id"), slice_of_text(claims->subject));
    if (claims->has_session) {
        uuid_format(&claims->session_id, session);
        write_text(writer, SLICE_LITERAL("sid"), slice_of_text(session));
    }
    json_object_end(writer);
    return writer;
}

char *token_sign(const struct token_keys *keys, const struct token_claims *claims)
{
    const struct token_key *key = keys_signing(keys, claims->issued_s);
    struct json_writer *writer = write_claims(claims);
    const struct slice payload = json_writer_text(writer);
    uint8_t signature[KEY_SIGNATURE_MAX_BYTES];
    char *text = xcalloc(1, key->header_len + BASE64URL_TEXT_BYTES(payload.len) +
                                BASE64URL_TEXT_BYTES(sizeof(signature)));
    char *end = text + key->header_len;

    memcpy(text, key->header, key->header_len);
    *end++ = '.';
    base64url_encode(payload.at, payload.len, end);
    end += strlen(end);
    const size_t len = key_sign(key, slice_of(text, (size_t)(end - text)), signature);

    *end++ = '.';
    base64url_encode(signature, len, end);
    json_writer_free(&writer);
    return text;
}

/* ---- before the signature -----------------------------------------------------------------------
 */

/* Three parts between two dots, no more and no less. */
static bool split(struct slice token, struct slice segments_out[SEGMENTS])
{
    for (int i = 0; i < SEGMENTS; i++) {
        const char *dot = token.len > 0 ? memchr(token.at, '.', token.len) : NULL;

        if ((dot == NULL) != (i == SIGNATURE))
            return false;
        size_t len = dot != NULL ? (size_t)(dot - token.at) : token.len;
        segments_out[i] = slice_of(token.at, len);
        if (dot != NULL)
            token = slice_of(dot + 1, token.len - len - 1);
    }
    return true;
}

/* Decodes a segment and reads it as one JSON object. The caller calls json_object_fini on true. */
static bool read_segment(struct slice segment, struct json_object *object_out)
{
    uint8_t bytes[TOKEN_MAX_BYTES];
    size_t len;

    if (!base64url_decode(segment, bytes, sizeof(bytes), &len))
        return false;
    enum json_status status = json_read(slice_of(bytes, len), object_out, NULL);
    if (status == JSON_NOT_OBJECT)
        json_object_fini(object_out);
    return status == JSON_OK;
}

/* Case-insensitively, as RFC 7519 section 5.1 has it. */
static bool is_jwt(struct slice typ)
{
    return typ.len == 3 && strncasecmp(typ.at, "JWT", 3) == 0;
}

/* What a header may say: see token_check. kid_out points into the header. */
static bool take_header(const struct json_object *header, struct slice *alg_out,
                        struct slice *kid_out)
{
    *alg_out = *kid_out = slice_of(NULL, 0);
    for (size_t i = 0; i < header->count; i++) {
        const struct json_member *member = &header->members[i];

        if (member->type != JSON_STRING || member->has_surrogate)
            return false;
        if (slice_equal(member->name, SLICE_LITERAL("alg")))
            *alg_out = member->text;
        else if (slice_equal(member->name, SLICE_LITERAL("kid")) && member->text.len > 0)
            *kid_out = member->text;
        else if (!slice_equal(member->name, SLICE_LITERAL("typ")) || !is_jwt(member->text))
            return false;
    }
    return true;
}

static const struct token_key *key_of(const struct token_keys *keys, struct slice segment,
                                      int64_t now_s)
{
    const struct token_key *key = keys_of_header(keys, segment, now_s);
    struct json_object header;
    struct slice alg;
    struct slice kid;

    if (key != NULL || !read_segment(segment, &header))
        return key;
    if (take_header(&header, &alg, &kid))
        key = keys_of_kid(keys, kid, now_s);
    if (key != NULL && !slice_equal(alg, slice_of_text(token_algorithm_name(key->name.algorithm))))
        key = NULL;
    json_object_fini(&header);
    return key;
}

static bool signature_good(const struct token_key *key, struct slice token, struct slice segment)
{
    uint8_t signature[KEY_SIGNATURE_MAX_BYTES];
    size_t len;

    return base64url_decode(segment, signature, sizeof(signature), &len) &&
           key_verify(key, slice_of(token.at, token.len - segment.len - 1), signature, len);
}

/* ---- after it -----------------------------------------------------------------------------------
 */

static const struct json_member *claim(const struct json_object *payload, const char *name)
{
    for (size_t i = 0; i < payload->count; i++) {
        if (slice_equal(payload->members[i].name, slice_of_text(name)))
            return &payload->members[i];
    }
    return NULL;
}

/* A NumericDate (RFC 7519, section 2), its fraction cut. */
static bool time_of(const struct json_member *member, int64_t *seconds_out)
{
    char text[NUMBER_BYTES];

    if ((member->type != JSON_INTEGER && member->type != JSON_FLOAT) ||
        !slice_to_text(member->text, text, sizeof(text)))
        return false;
    double seconds = strtod(text, NULL);
    if (!(seconds >= 0 && seconds <= (double)TIME_MAX_S))
        return false;
    *seconds_out = (int64_t)seconds;
    return true;
}

/* iat and nbf may be missing; seconds_out is then left alone. */
static bool begun(const struct json_object *payload, const char *name, int64_t now_s,
                  int64_t *seconds_out)
{
    const struct json_member *member = claim(payload, name);

    return member == NULL || (time_of(member, seconds_out) && *seconds_out <= now_s + AHEAD_MAX_S);
}

static enum token_status take_times(const struct json_object *payload, int64_t now_s,
                                    struct token_claims *claims)
{
    const struct json_member *exp = claim(payload, "exp");
    int64_t not_before_s = 0;

    if (!begun(payload, "iat", now_s, &claims->issued_s) ||
        !begun(payload, "nbf", now_s, &not_before_s))
        return TOKEN_INVALID;
    if (exp == NULL)
        return TOKEN_NO_EXP;
    if (!time_of(exp, &claims->expires_s) || claims->expires_s <= now_s)
        return TOKEN_INVALID;
    return TOKEN_OK;
}

static enum token_status take_type(const struct json_object *payload, enum token_type wanted,
                                   struct token_claims *claims)
{
    const struct json_member *type = claim(payload, "token_type");

    if (type == NULL)
        return TOKEN_NO_TYPE;
    for (enum token_type known = TOKEN_ACCESS; known <= TOKEN_REFRESH; known++) {
        if (type->type == JSON_STRING && !type->has_surrogate &&
            slice_equal(type->text, type_name(known)) && (wanted == TOKEN_ANY || wanted == known)) {
            claims->type = known;
            return TOKEN_OK;
        }
    }
    return TOKEN_WRONG_TYPE;
}

static void take_subject(const struct json_object *payload, struct token_claims *claims)
{
    const struct json_member *subject = claim(payload, "user_id");

    claims->has_subject = subject != NULL;
    if (subject == NULL || subject->has_surrogate)
        return;
    if (subject->type != JSON_STRING && subject->type != JSON_INTEGER &&
        subject->type != JSON_FLOAT)
        return;
    if (!slice_to_text(subject->text, claims->subject, sizeof(claims->subject)))
        claims->subject[0] = '\0';
}

static enum token_status take_claims(const struct json_object *payload, enum token_type wanted,
                                     int64_t now_s, struct token_claims *claims)
{
    const struct json_member *jti = claim(payload, "jti");
    const struct json_member *sid = claim(payload, "sid");
    enum token_status status = take_times(payload, now_s, claims);

    if (status != TOKEN_OK)
        return status;
    if (jti == NULL)
        return TOKEN_NO_ID;
    status = take_type(payload, wanted, claims);
    if (status != TOKEN_OK)
        return status;
    if (jti->type != JSON_STRING || jti->has_surrogate || jti->text.len == 0 ||
        !slice_to_text(jti->text, claims->jti, sizeof(claims->jti)))
        return TOKEN_INVALID;
    claims->has_session = sid != NULL;
    if (sid != NULL && (sid->type != JSON_STRING || !uuid_parse(sid->text, &claims->session_id)))
        return TOKEN_INVALID;
    take_subject(payload, claims);
    return TOKEN_OK;
}

enum token_status token_check(const struct token_keys *keys, struct slice token,
                              enum token_type wanted, wall_ms now, struct token_claims *claims_out)
{
    struct slice segments[SEGMENTS];
    struct json_object payload;
    struct token_claims claims = {.type = TOKEN_ANY};

    if (token.len > TOKEN_MAX_BYTES || !split(token, segments))
        return TOKEN_INVALID;
    const struct token_key *key = key_of(keys, segments[HEADER], now / 1000);

    if (key == NULL || !signature_good(key, token, segments[SIGNATURE]) ||
        !read_segment(segments[PAYLOAD], &payload))
        return TOKEN_INVALID;
    claims.key_until_s = key->name.until_s;
    enum token_status status = take_claims(&payload, wanted, now / 1000, &claims);
    json_object_fini(&payload);
    if (status == TOKEN_OK)
        *claims_out = claims;
    return status;
}

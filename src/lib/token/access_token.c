/* Signs and checks JSON Web Tokens by libjwt, and checks what libjwt does not.
 *
 * libjwt takes the algorithm from the token, accepts anything without a key, ignores exp, nbf and
 * iat, and lets the last of two equal claims win. So: the key is never short; the header is read
 * here first and may name HS256 alone; after the decode the algorithm is asked once more; the
 * claims are read by our own JSON reader, from the very bytes that the signature covers.
 *
 * Story of a check: size and segments, header, signature (libjwt), then the claims in the order in
 * which PyJWT and simplejwt look at them, so that the first complaint is theirs. */
#include "gatepost/access_token.h"

#include "gatepost/encoding.h"
#include "gatepost/json.h"

#include <jwt.h>
#include <stdlib.h>

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

/* Every use of the key goes by here: with an empty one libjwt takes unsigned tokens. */
static int key_len(const struct secret *key)
{
    BUG_ON(key->bytes == NULL || key->len < SECRET_KEY_MIN_BYTES || key->len > INT32_MAX);
    return (int)key->len;
}

/* ---- signing ------------------------------------------------------------------------------------
 */

char *token_sign(const struct secret *key, const struct token_claims *claims)
{
    jwt_t *jwt = NULL;
    char session[UUID_TEXT_BYTES];

    BUG_ON(jwt_new(&jwt) != 0);
    BUG_ON(jwt_add_grant(jwt, "token_type", type_name(claims->type).at) != 0);
    BUG_ON(jwt_add_grant_int(jwt, "exp", claims->expires_s) != 0);
    BUG_ON(jwt_add_grant_int(jwt, "iat", claims->issued_s) != 0);
    BUG_ON(jwt_add_grant(jwt, "jti", claims->jti) != 0);
    if (claims->has_subject)
        BUG_ON(jwt_add_grant(jwt, "user_id", claims->subject) != 0);
    if (claims->has_session) {
        uuid_format(&claims->session_id, session);
        BUG_ON(jwt_add_grant(jwt, "sid", session) != 0);
    }
    BUG_ON(jwt_set_alg(jwt, JWT_ALG_HS256, key->bytes, key_len(key)) != 0);

    char *text = jwt_encode_str(jwt);
    BUG_ON(text == NULL);
    jwt_free(jwt);
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

static bool header_good(struct slice segment)
{
    struct json_object header;
    bool alg_good = false;
    bool rest_good = true;

    if (!read_segment(segment, &header))
        return false;
    for (size_t i = 0; i < header.count; i++) {
        const struct json_member *member = &header.members[i];

        if (slice_equal(member->name, SLICE_LITERAL("alg")))
            alg_good =
                member->type == JSON_STRING && slice_equal(member->text, SLICE_LITERAL("HS256"));
        else if (slice_equal(member->name, SLICE_LITERAL("typ")))
            rest_good = rest_good && member->type == JSON_STRING;
        else
            rest_good = false;
    }
    json_object_fini(&header);
    return alg_good && rest_good;
}

static bool signature_good(const struct secret *key, struct slice token, struct slice signature)
{
    char text[TOKEN_MAX_BYTES + 1];
    uint8_t mac[MAC_BYTES];
    size_t mac_len;
    jwt_t *jwt = NULL;

    if (!base64url_decode(signature, mac, sizeof(mac), &mac_len) || mac_len != sizeof(mac) ||
        !slice_to_text(token, text, sizeof(text)))
        return false;
    if (jwt_decode(&jwt, text, key->bytes, key_len(key)) != 0)
        return false;
    bool good = jwt_get_alg(jwt) == JWT_ALG_HS256;
    jwt_free(jwt);
    return good;
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

enum token_status token_check(const struct secret *key, struct slice token, enum token_type wanted,
                              wall_ms now, struct token_claims *claims_out)
{
    struct slice segments[SEGMENTS];
    struct json_object payload;
    struct token_claims claims = {.type = TOKEN_ANY};

    if (token.len > TOKEN_MAX_BYTES || !split(token, segments) || !header_good(segments[HEADER]) ||
        !signature_good(key, token, segments[SIGNATURE]) ||
        !read_segment(segments[PAYLOAD], &payload))
        return TOKEN_INVALID;

    enum token_status status = take_claims(&payload, wanted, now / 1000, &claims);
    json_object_fini(&payload);
    if (status == TOKEN_OK)
        *claims_out = claims;
    return status;
}

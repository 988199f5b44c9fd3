/* From a whole letter to its signatures, which go in front of it.
 *
 * Story (RFC 6376 section 5): the body's hash, once for all keys; the headers' relaxed form and
 * their names, once; then for each key its own header field with an empty b=, whose relaxed form
 * ends what is hashed and signed; then the signature behind that b=.
 *
 * Every header of the letter is signed, whatever it is: all of them are ours. */
#include "gatepost/dkim.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/encoding.h"
#include "key.h"

#define HEADERS_MAX_BYTES   8192
#define NAMES_MAX_BYTES     1024
#define SIGNATURE_MAX_BYTES 4096 /* of one DKIM-Signature field */
#define LINE_LEN            76
#define DOMAIN_MAX_BYTES    255
#define STRING_MAX_BYTES    255 /* of one string of a TXT record (RFC 1035 section 3.3) */

struct dkim {
    char domain[DOMAIN_MAX_BYTES];
    size_t count;
    struct dkim_key keys[DKIM_KEYS_MAX];
};

/* ---- keys --------------------------------------------------------------------------------------
 */

static bool add_key(struct dkim *dkim, struct slice entry, struct err *err)
{
    struct dkim_key *key = &dkim->keys[dkim->count];

    if (dkim->count == DKIM_KEYS_MAX) {
        err_set(err, "more than %d keys", DKIM_KEYS_MAX);
        return false;
    }
    if (!key_load(entry, key, err))
        return false;
    dkim->count++;
    for (size_t i = 0; i + 1 < dkim->count; i++) {
        if (strcmp(dkim->keys[i].selector, key->selector) == 0) {
            err_set(err, "the selector %s stands twice", key->selector);
            return false;
        }
    }
    return true;
}

struct dkim *dkim_open(const char *domain, const char *from, const char *keys, struct err *err)
{
    struct dkim *dkim = xcalloc(1, sizeof(*dkim));
    const char *at = strrchr(from, '@');
    bool good = true;

    if (domain[0] == '\0' && at != NULL)
        domain = at + 1;
    BUG_ON(strlen(domain) >= sizeof(dkim->domain));
    memcpy(dkim->domain, domain, strlen(domain) + 1);
    do {
        size_t len = strcspn(keys, ",");
        good = add_key(dkim, slice_trimmed(slice_of(keys, len)), err);
        keys += len;
    } while (good && *keys++ == ',');
    if (!good)
        dkim_close(&dkim);
    return dkim;
}

void dkim_close(struct dkim **dkim)
{
    if (*dkim == NULL)
        return;
    for (size_t i = 0; i < (*dkim)->count; i++)
        key_fini(&(*dkim)->keys[i]);
    free(*dkim);
    *dkim = NULL;
}

size_t dkim_key_count(const struct dkim *dkim)
{
    return dkim->count;
}

unsigned dkim_rsa_bits(const struct dkim *dkim, size_t index)
{
    const struct dkim_key *key = &dkim->keys[index];

    return key->is_rsa ? (unsigned)EVP_PKEY_get_bits(key->pair) : 0;
}

/* ---- the letter, read ---------------------------------------------------------------------------
 */

struct reading {
    char headers[HEADERS_MAX_BYTES]; /* relaxed, each with CRLF */
    char names[NAMES_MAX_BYTES];     /* of h=, with colons between */
    struct packer headers_out, names_out;
    char body_hash[BASE64_TEXT_BYTES(DKIM_DIGEST_BYTES)];
};

static void pack_name(struct reading *reading, struct slice name)
{
    if (reading->names_out.len > 0)
        pack_u8(&reading->names_out, ':');
    pack_raw(&reading->names_out, name.at, name.len);
}

/* False: there is more of the letter than there is room for. */
static bool read_letter(struct reading *reading, struct slice letter)
{
    /* Named once more than they are there: a second one, added on the way, breaks the signature
     * (RFC 6376 section 8.15). */
    static const char *const sealed[] = {"From", "Subject", "To", "Reply-To", "Content-Type"};
    uint8_t digest[DKIM_DIGEST_BYTES];
    struct slice field;

    reading->headers_out = packer_over(reading->headers, sizeof(reading->headers));
    reading->names_out = packer_over(reading->names, sizeof(reading->names));
    while (canon_next_field(&letter, &field)) {
        canon_pack_field(&reading->headers_out, field);
        pack_raw(&reading->headers_out, "\r\n", 2);
        pack_name(reading, canon_field_name(field));
    }
    for (size_t i = 0; i < ARRAY_LEN(sealed); i++)
        pack_name(reading, slice_of_text(sealed[i]));
    canon_digest_body(letter, digest);
    base64_encode(digest, sizeof(digest), reading->body_hash);
    return !reading->headers_out.overflow && !reading->names_out.overflow;
}

/* ---- one signature ------------------------------------------------------------------------------
 */

/* A header field that is folded before a piece that would make its line too long. */
struct field {
    struct packer out;
    size_t column;
};

static void put(struct field *field, const char *text, size_t len)
{
    if (field->column + len > LINE_LEN && field->column > 1) {
        pack_raw(&field->out, "\r\n ", 3);
        field->column = 1;
    }
    pack_raw(&field->out, text, len);
    field->column += len;
}

/* "x=value;" with a blank, or a fold, before it. */
static void put_tag(struct field *field, const char *name, const char *value)
{
    char text[DOMAIN_MAX_BYTES + 16];
    int len = snprintf(text, sizeof(text), " %s=%s;", name, value);

    BUG_ON(len < 0 || (size_t)len >= sizeof(text));
    if (field->column + (size_t)len > LINE_LEN) {
        pack_raw(&field->out, "\r\n", 2);
        field->column = 0;
    }
    put(field, text, (size_t)len);
}

static void put_names(struct field *field, struct slice names)
{
    put(field, " h=", 3);
    while (names.len > 0) {
        const char *colon = memchr(names.at, ':', names.len);
        size_t len = colon == NULL ? names.len : (size_t)(colon - names.at) + 1;
        put(field, names.at, len);
        names = slice_of(names.at + len, names.len - len);
    }
    put(field, ";", 1);
}

/* The base64 of RSA is longer than a line. */
static void put_long(struct field *field, const char *text)
{
    for (size_t len = strlen(text); len > 0;) {
        size_t room = field->column < LINE_LEN ? LINE_LEN - field->column : LINE_LEN - 1;
        size_t piece = len < room ? len : room;
        put(field, text, piece);
        text += piece;
        len -= piece;
    }
}

/* What is hashed: the letter's headers, then the signature's own with nothing behind its b=. */
static bool digest_headers(const struct reading *reading, struct slice own,
                           uint8_t digest_out[DKIM_DIGEST_BYTES])
{
    char relaxed[SIGNATURE_MAX_BYTES];
    struct packer out = packer_over(relaxed, sizeof(relaxed));
    EVP_MD_CTX *digest = EVP_MD_CTX_new();

    canon_pack_field(&out, own);
    BUG_ON(digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1 ||
           EVP_DigestUpdate(digest, reading->headers, reading->headers_out.len) != 1 ||
           EVP_DigestUpdate(digest, relaxed, out.overflow ? 0 : out.len) != 1 ||
           EVP_DigestFinal_ex(digest, digest_out, NULL) != 1);
    EVP_MD_CTX_free(digest);
    return !out.overflow;
}

/* Appends one whole DKIM-Signature field. False: no room. */
static bool pack_signature(const struct dkim *dkim, const struct dkim_key *key,
                           const struct reading *reading, int64_t time_s, struct packer *out)
{
    char bytes[SIGNATURE_MAX_BYTES], time_text[24];
    char base64[BASE64_TEXT_BYTES(DKIM_SIGNATURE_MAX_BYTES)];
    uint8_t digest[DKIM_DIGEST_BYTES], signature[DKIM_SIGNATURE_MAX_BYTES];
    struct field field = {.out = packer_over(bytes, sizeof(bytes))};

    snprintf(time_text, sizeof(time_text), "%lld", (long long)time_s);
    put(&field, "DKIM-Signature:", 15);
    put_tag(&field, "v", "1");
    put_tag(&field, "a", key->is_rsa ? "rsa-sha256" : "ed25519-sha256");
    put_tag(&field, "c", "relaxed/relaxed");
    put_tag(&field, "d", dkim->domain);
    put_tag(&field, "s", key->selector);
    put_tag(&field, "t", time_text);
    put_names(&field, packer_slice(&reading->names_out));
    put_tag(&field, "bh", reading->body_hash);
    pack_raw(&field.out, "\r\n b=", 5);
    field.column = 3;
    if (field.out.overflow || !digest_headers(reading, packer_slice(&field.out), digest))
        return false;
    base64_encode(signature, key_sign_digest(key, digest, signature), base64);
    put_long(&field, base64);
    pack_raw(&field.out, "\r\n", 2);
    if (field.out.overflow)
        return false;
    pack_raw(out, bytes, field.out.len);
    return !out->overflow;
}

bool dkim_sign(const struct dkim *dkim, int64_t time_s, char *letter, size_t letter_bytes,
               size_t *len)
{
    char bytes[DKIM_KEYS_MAX * SIGNATURE_MAX_BYTES];
    struct packer out = packer_over(bytes, sizeof(bytes));
    struct reading reading;

    if (!read_letter(&reading, slice_of(letter, *len)))
        return false;
    for (size_t i = 0; i < dkim->count; i++) {
        if (!pack_signature(dkim, &dkim->keys[i], &reading, time_s, &out))
            return false;
    }
    if (out.len > letter_bytes - *len)
        return false;
    memmove(letter + out.len, letter, *len);
    memcpy(letter, bytes, out.len);
    *len += out.len;
    return true;
}

/* ---- the record ---------------------------------------------------------------------------------
 */

void dkim_record(const struct dkim *dkim, size_t index, char text_out[DKIM_RECORD_BYTES])
{
    const struct dkim_key *key = &dkim->keys[index];
    char value[DKIM_RECORD_BYTES];
    struct packer out = packer_over(value, sizeof(value));
    struct packer text = packer_over(text_out, DKIM_RECORD_BYTES);
    char head[DOMAIN_MAX_BYTES + DKIM_SELECTOR_MAX + 64];

    const char *start = key->is_rsa ? "v=DKIM1; k=rsa; p=" : "v=DKIM1; k=ed25519; p=";
    pack_raw(&out, start, strlen(start));
    key_pack_public(key, &out);
    int len =
        snprintf(head, sizeof(head), "%s._domainkey.%s. IN TXT (", key->selector, dkim->domain);
    BUG_ON(len < 0 || (size_t)len >= sizeof(head) || out.overflow);
    pack_raw(&text, head, (size_t)len);
    for (size_t at = 0; at < out.len; at += STRING_MAX_BYTES) {
        size_t left = out.len - at;
        pack_raw(&text, " \"", 2);
        pack_raw(&text, value + at, left < STRING_MAX_BYTES ? left : STRING_MAX_BYTES);
        pack_raw(&text, "\"", 1);
    }
    pack_raw(&text, " )", 3); /* and the NUL */
    BUG_ON(text.overflow);
}

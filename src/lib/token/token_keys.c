/* The ring of keys: a list by age, as the names have it, and the keys beside it.
 *
 * A key whose time was over when the ring was made is in the list, for the ends of others follow
 * from it, but was not loaded: its place is empty. */
#include "gatepost/token_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "keys.h"

/* Where OpenSSL puts private numbers: locked, not in core files. One RSA key takes 2 KiB of it; a
 * TLS handshake under way 32 bytes, for its own key goes there too. */
#define LOCKED_HEAP_BYTES (1 << 20)
#define LOCKED_HEAP_LEAST 32

struct token_keys {
    struct secret secret;
    struct token_names names;
    struct token_key at[TOKEN_KEYS_MAX];
    bool loaded[TOKEN_KEYS_MAX];
    char *jwks;           /* NULL: not made yet */
    int64_t jwks_until_s; /* when it is to be made anew */
};

/* ---- life ---------------------------------------------------------------------------------------
 */

/* Where locking is refused (RLIMIT_MEMLOCK) it is still wiped and undumped, as secret.c has it. */
static void use_locked_heap(void)
{
    if (!CRYPTO_secure_malloc_initialized())
        (void)CRYPTO_secure_malloc_init(LOCKED_HEAP_BYTES, LOCKED_HEAP_LEAST);
}

static bool load_all(struct token_keys *keys, const struct token_rules *rules, struct err *err)
{
    const int64_t now_s = clock_wall_ms() / 1000;

    for (size_t i = 1; i < keys->names.count; i++) {
        if (token_names_state(&keys->names, i, now_s) == TOKEN_EXPIRED)
            continue;
        if (keys->names.at[i].algorithm != TOKEN_HS256)
            use_locked_heap();
        if (!key_of_file(rules->dir, &keys->names.at[i], &keys->at[i], err))
            return false;
        keys->loaded[i] = true;
    }
    if (token_names_signing(&keys->names, now_s) < keys->names.count)
        return true;
    err_set(err, "%s: no key for %s; `gatepost key rotate --now` makes one", rules->dir,
            token_algorithm_name(rules->algorithm));
    return false;
}

struct token_keys *token_keys_load(const struct token_rules *rules, struct err *err)
{
    struct token_keys *keys = xcalloc(1, sizeof(*keys));

    if (!secret_load(rules->secret_file, SECRET_KEY_MIN_BYTES, &keys->secret, err) ||
        !token_names_read(rules, &keys->names, err)) {
        token_keys_free(&keys);
        return NULL;
    }
    key_of_secret(&keys->names.at[0], &keys->secret, &keys->at[0]);
    keys->loaded[0] = true;
    if (!load_all(keys, rules, err))
        token_keys_free(&keys);
    return keys;
}

struct token_keys *token_keys_of_secret(const struct secret *secret)
{
    struct token_keys *keys = xcalloc(1, sizeof(*keys));

    secret_from_bytes(secret->bytes, secret->len, &keys->secret);
    keys->names = (struct token_names){.algorithm = TOKEN_HS256, .count = 1};
    keys->names.at[0] = (struct token_name){.algorithm = TOKEN_HS256, .until_s = TOKEN_NEVER_S};
    key_of_secret(&keys->names.at[0], &keys->secret, &keys->at[0]);
    keys->loaded[0] = true;
    return keys;
}

void token_keys_free(struct token_keys **keys)
{
    if (*keys == NULL)
        return;
    for (size_t i = 0; i < (*keys)->names.count; i++) {
        if ((*keys)->loaded[i])
            key_close(&(*keys)->at[i]);
    }
    secret_fini(&(*keys)->secret);
    free((*keys)->jwks);
    free(*keys);
    *keys = NULL;
}

const struct secret *token_keys_secret(const struct token_keys *keys)
{
    return &keys->secret;
}

/* ---- which key ----------------------------------------------------------------------------------
 */

/* As token_names_signing, of those that were loaded: a clock that was set back names a key whose
 * time was over. There is one, for the key that signed when the ring was made is loaded. */
static size_t signing(const struct token_keys *keys, int64_t now_s)
{
    size_t index = token_names_signing(&keys->names, now_s);

    while (index < keys->names.count &&
           (!keys->loaded[index] || keys->names.at[index].algorithm != keys->names.algorithm))
        index++;
    BUG_ON(index >= keys->names.count);
    return index;
}

const struct token_key *keys_signing(const struct token_keys *keys, int64_t now_s)
{
    return &keys->at[signing(keys, now_s)];
}

/* One that signs checks too, even when the clock was set to where its time is not yet or no more.
 */
static const struct token_key *if_good(const struct token_keys *keys, size_t index, int64_t now_s)
{
    if (!keys->loaded[index])
        return NULL;
    if (now_s < keys->names.at[index].until_s || signing(keys, now_s) == index)
        return &keys->at[index];
    return NULL;
}

const struct token_key *keys_of_header(const struct token_keys *keys, struct slice header,
                                       int64_t now_s)
{
    for (size_t i = keys->names.count; i-- > 0;) {
        const struct token_key *key = &keys->at[i];

        if (keys->loaded[i] && slice_equal(header, slice_of(key->header, key->header_len)))
            return if_good(keys, i, now_s);
    }
    return NULL;
}

const struct token_key *keys_of_kid(const struct token_keys *keys, struct slice kid, int64_t now_s)
{
    for (size_t i = 0; i < keys->names.count; i++) {
        if (slice_equal(kid, slice_of_text(keys->names.at[i].kid)))
            return if_good(keys, i, now_s);
    }
    return NULL;
}

/* ---- the key set --------------------------------------------------------------------------------
 */

static void write_key(struct json_writer *writer, const struct token_key *key)
{
    json_object_begin(writer);
    key_write_public(key, writer);
    json_string(writer, SLICE_LITERAL("use"));
    json_string(writer, SLICE_LITERAL("sig"));
    json_string(writer, SLICE_LITERAL("alg"));
    json_string(writer, slice_of_text(token_algorithm_name(key->name.algorithm)));
    json_string(writer, SLICE_LITERAL("kid"));
    json_string(writer, slice_of_text(key->name.kid));
    json_object_end(writer);
}

static void make_jwks(struct token_keys *keys, int64_t now_s)
{
    struct json_writer *writer = json_writer_new();

    keys->jwks_until_s = TOKEN_NEVER_S;
    json_object_begin(writer);
    json_string(writer, SLICE_LITERAL("keys"));
    json_array_begin(writer);
    for (size_t i = 0; i < keys->names.count; i++) {
        const struct token_key *key = &keys->at[i];

        if (!keys->loaded[i] || key->name.algorithm == TOKEN_HS256 ||
            if_good(keys, i, now_s) == NULL)
            continue;
        write_key(writer, key);
        if (key->name.until_s < keys->jwks_until_s)
            keys->jwks_until_s = key->name.until_s;
    }
    json_array_end(writer);
    json_object_end(writer);
    const struct slice text = json_writer_text(writer);

    free(keys->jwks);
    keys->jwks = xcalloc(1, text.len + 1);
    memcpy(keys->jwks, text.at, text.len);
    json_writer_free(&writer);
}

struct slice token_keys_jwks(struct token_keys *keys, wall_ms now)
{
    if (keys->jwks == NULL || now / 1000 >= keys->jwks_until_s)
        make_jwks(keys, now / 1000);
    return slice_of_text(keys->jwks);
}

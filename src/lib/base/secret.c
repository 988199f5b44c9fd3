/* Keys and credentials in memory and on disk.
 *
 * A secret lives in a page of its own: locked, so that it never reaches swap, and left out of core
 * files. Locking may be refused by RLIMIT_MEMLOCK; the secret is then still wiped and undumped. */
#define OPENSSL_SUPPRESS_DEPRECATED /* digest_sha256 says why */
#include "gatepost/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/encoding.h"
#include "secret_mode.h"

#define SECRET_FILE_MAX_BYTES 4096
#define STACK_WIPE_BYTES      (32 << 10) /* zxcvbn's recursion is the deepest that sees a password */

/* Some hundred private keys; pages are taken as they are used. */
#define KEYS_ROOM_BYTES (256 << 10)
#define KEYS_LEAST_ROOM 64

static bool is_unlocked;

void secret_guard_keys(void)
{
    if (CRYPTO_secure_malloc_initialized() == 0 &&
        CRYPTO_secure_malloc_init(KEYS_ROOM_BYTES, KEYS_LEAST_ROOM) != 1)
        is_unlocked = true;
}

bool secret_is_unlocked(void)
{
    return is_unlocked;
}

void secret_from_bytes(const void *bytes, size_t len, struct secret *secret_out)
{
    if (len == 0) {
        *secret_out = (struct secret){0};
        return;
    }
    void *page = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    BUG_ON(page == MAP_FAILED);
    if (mlock(page, len) != 0)
        is_unlocked = true;
    (void)madvise(page, len, MADV_DONTDUMP);
    memcpy(page, bytes, len);
    *secret_out = (struct secret){.bytes = page, .len = len};
}

void secret_fini(struct secret *secret)
{
    if (secret->bytes != NULL) {
        secret_wipe(secret->bytes, secret->len);
        munmap(secret->bytes, secret->len);
    }
    *secret = (struct secret){0};
}

static bool file_is_private(int fd, const char *path, struct err *err)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        err_set(err, "%s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        err_set(err, "%s: not a regular file", path);
        return false;
    }
    return secret_mode_fits(path, &status, err);
}

static bool read_whole(int fd, uint8_t *bytes_out, size_t max, size_t *len_out)
{
    size_t len = 0;

    while (len < max) {
        ssize_t got = read(fd, bytes_out + len, max - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *len_out = len;
    return true;
}

bool secret_load(const char *path, size_t min_bytes, struct secret *secret_out, struct err *err)
{
    uint8_t bytes[SECRET_FILE_MAX_BYTES + 2]; /* one newline more, and one to see that it is over */
    size_t len = 0;
    bool loaded = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        err_set(err, "%s: %s", path, strerror(errno));
        return false;
    }
    if (!file_is_private(fd, path, err))
        goto out;
    if (!read_whole(fd, bytes, sizeof(bytes), &len)) {
        err_set(err, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (len > 0 && bytes[len - 1] == '\n')
        len--;
    if (len > SECRET_FILE_MAX_BYTES) {
        err_set(err, "%s: over %d bytes", path, SECRET_FILE_MAX_BYTES);
        goto out;
    }
    if (len == 0 || len < min_bytes) {
        err_set(err, "%s: %zu bytes, needs at least %zu", path, len, min_bytes > 0 ? min_bytes : 1);
        goto out;
    }
    secret_from_bytes(bytes, len, secret_out);
    loaded = true;
out:
    secret_wipe(bytes, sizeof(bytes));
    close(fd);
    return loaded;
}

/* Makes the new name durable; without it a crash could take the key of acknowledged accounts. */
static bool sync_folder_of(const char *path)
{
    char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');
    bool synced = false;

    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        synced = fsync(fd) == 0;
        close(fd);
    }
    free(folder);
    return synced;
}

bool secret_write_file(const char *path, const void *bytes, size_t len, struct err *err)
{
    char temporary[4096];
    bool made = false;

    int path_len = snprintf(temporary, sizeof(temporary), "%s.new.%ld", path, (long)getpid());
    if (path_len < 0 || (size_t)path_len >= sizeof(temporary)) {
        err_set(err, "%s: the path is too long", path);
        return false;
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_set(err, "%s: %s", temporary, strerror(errno));
        return false;
    }
    /* link() refuses to replace a file that somebody else made meanwhile: theirs is as good. */
    if (!fd_write_all(fd, bytes, len) || fsync(fd) != 0 ||
        (link(temporary, path) != 0 && errno != EEXIST) || !sync_folder_of(path))
        err_set(err, "%s: %s", path, strerror(errno));
    else
        made = true;
    close(fd);
    unlink(temporary);
    return made;
}

bool secret_make_file(const char *path, struct err *err)
{
    uint8_t key[32];
    char text[BASE64URL_TEXT_BYTES(sizeof(key)) + 1];

    if (access(path, F_OK) == 0)
        return true;
    random_bytes(key, sizeof(key));
    base64url_encode(key, sizeof(key), text);
    size_t text_len = strlen(text);
    text[text_len] = '\n';
    const bool made = secret_write_file(path, text, text_len + 1, err);
    secret_wipe(key, sizeof(key));
    secret_wipe(text, sizeof(text));
    return made;
}

void secret_wipe(void *bytes, size_t len)
{
    if (len > 0)
        explicit_bzero(bytes, len); /* OPENSSL_cleanse takes eight bytes at a time */
}

/* Not inlined, or it would be the caller's own frame; not checked, or it would lie elsewhere. */
__attribute__((noinline, no_sanitize_address)) void secret_wipe_stack(void)
{
    uint8_t below[STACK_WIPE_BYTES];

    explicit_bzero(below, sizeof(below));
}

/* Of any address. Read through a pointer and not copied to a variable, whose bytes would stay where
 * it was. */
typedef uint64_t compared_bytes __attribute__((vector_size(16), aligned(1), may_alias));

bool secret_equal(const void *a, const void *b, size_t len)
{
    const uint8_t *left = a;
    const uint8_t *right = b;
    const uint8_t *chunks_end = left + len - len % sizeof(compared_bytes);
    compared_bytes differing = {0};

    /* CRYPTO_memcmp takes a byte at a time, and a token has hundreds. Each round ends in a value
     * that the compiler cannot see through, so it cannot leave early. */
    for (; left < chunks_end; left += sizeof(differing), right += sizeof(differing)) {
        differing |= *(const compared_bytes *)left ^ *(const compared_bytes *)right;
        __asm__ volatile("" : "+x"(differing));
    }
    const uint64_t rest = (uint64_t)CRYPTO_memcmp(left, right, len % sizeof(differing));
    return (differing[0] | differing[1] | rest) == 0;
}

void random_bytes(void *bytes_out, size_t len)
{
    BUG_ON(len > INT32_MAX || RAND_bytes(bytes_out, (int)len) != 1);
}

/* ---- HMAC-SHA-256 (RFC 2104), by its two hashes ------------------------------------------------
 * By OpenSSL's SHA256_* and not by EVP: of 330 bytes HMAC() takes 2.2 us, copies of an EVP_MD_CTX
 * 0.6 us, these 0.4 us where the padded key is hashed once and not once a text; and the state,
 * which is as good as the key, is ours to keep in locked pages or to wipe. They are deprecated in
 * OpenSSL 3 and there. */

struct mac_state {
    SHA256_CTX inner;
    SHA256_CTX outer;
};

static void begin_half(SHA256_CTX *state, const uint8_t key[SHA256_CBLOCK], uint8_t pad)
{
    uint8_t block[SHA256_CBLOCK];

    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = key[i] ^ pad;
    SHA256_Init(state);
    SHA256_Update(state, block, sizeof(block));
    secret_wipe(block, sizeof(block));
}

static void mac_begin(const struct secret *key, struct mac_state *state_out)
{
    uint8_t block[SHA256_CBLOCK] = {0};

    BUG_ON(key->len == 0);
    if (key->len > sizeof(block))
        digest_sha256(key->bytes, key->len, block);
    else
        memcpy(block, key->bytes, key->len);
    begin_half(&state_out->inner, block, 0x36);
    begin_half(&state_out->outer, block, 0x5c);
    secret_wipe(block, sizeof(block));
}

static void mac_end(struct mac_state *state, const void *bytes, size_t len,
                    uint8_t mac_out[MAC_BYTES])
{
    SHA256_Update(&state->inner, bytes, len);
    SHA256_Final(mac_out, &state->inner);
    SHA256_Update(&state->outer, mac_out, MAC_BYTES);
    SHA256_Final(mac_out, &state->outer);
    secret_wipe(state, sizeof(*state));
}

void secret_mac(const struct secret *key, const void *bytes, size_t len, uint8_t mac_out[MAC_BYTES])
{
    struct mac_state state;

    mac_begin(key, &state);
    mac_end(&state, bytes, len, mac_out);
}

void secret_mac_key(const struct secret *key, struct secret *mac_key_out)
{
    struct mac_state state;

    mac_begin(key, &state);
    secret_from_bytes(&state, sizeof(state), mac_key_out);
    secret_wipe(&state, sizeof(state));
}

void secret_mac_by_key(const struct secret *mac_key, const void *bytes, size_t len,
                       uint8_t mac_out[MAC_BYTES])
{
    struct mac_state state;

    BUG_ON(mac_key->len != sizeof(state));
    memcpy(&state, mac_key->bytes, sizeof(state)); /* the page is aligned; the aliasing is not */
    mac_end(&state, bytes, len, mac_out);
}

void secret_derive(const struct secret *key, const char *purpose, struct secret *derived_out)
{
    uint8_t derived[32];
    size_t len = sizeof(derived);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

    BUG_ON(context == NULL || key->len == 0 || key->len > INT32_MAX);
    BUG_ON(EVP_PKEY_derive_init(context) <= 0);
    BUG_ON(EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) <= 0);
    BUG_ON(EVP_PKEY_CTX_set1_hkdf_key(context, key->bytes, (int)key->len) <= 0);
    BUG_ON(EVP_PKEY_CTX_add1_hkdf_info(context, (const unsigned char *)purpose,
                                       (int)strlen(purpose)) <= 0);
    BUG_ON(EVP_PKEY_derive(context, derived, &len) <= 0);
    EVP_PKEY_CTX_free(context);
    secret_from_bytes(derived, len, derived_out);
    secret_wipe(derived, sizeof(derived));
}

/* By SHA256_*, as the MACs: EVP_Digest looks its algorithm up in each call, which takes several
 * times as long as a few hundred bytes do. */
void digest_sha256(const void *bytes, size_t len, uint8_t digest_out[32])
{
    SHA256_CTX state;

    SHA256_Init(&state);
    SHA256_Update(&state, bytes, len);
    SHA256_Final(digest_out, &state);
    secret_wipe(&state, sizeof(state));
}

/* No type of its own: what libcrypto calls a context is all there is to it. */
static EVP_MD_CTX *context_of(struct digest *digest)
{
    return (EVP_MD_CTX *)(void *)digest;
}

struct digest *digest_new(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    BUG_ON(context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1);
    return (struct digest *)(void *)context;
}

void digest_add(struct digest *digest, const void *bytes, size_t len)
{
    BUG_ON(EVP_DigestUpdate(context_of(digest), bytes, len) != 1);
}

void digest_end(struct digest **digest, uint8_t digest_out[DIGEST_BYTES])
{
    BUG_ON(EVP_DigestFinal_ex(context_of(*digest), digest_out, NULL) != 1);
    digest_free(digest);
}

void digest_free(struct digest **digest)
{
    EVP_MD_CTX_free(*digest != NULL ? context_of(*digest) : NULL);
    *digest = NULL;
}

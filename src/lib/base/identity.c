/* Reading certificates and keys so that a mistake is told before anybody connects. */
#include "gatepost/identity.h"

#include "gatepost/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret_mode.h"

static bool read_file(int fd, const char *path, struct secret *secret_out, struct err *err)
{
    char *bytes = xcalloc(1, IDENTITY_FILE_MAX_BYTES + 1);
    size_t len = 0;
    ssize_t got;

    while (len <= IDENTITY_FILE_MAX_BYTES &&
           (got = read(fd, bytes + len, IDENTITY_FILE_MAX_BYTES + 1 - len)) > 0)
        len += (size_t)got;
    bool good = len > 0 && len <= IDENTITY_FILE_MAX_BYTES;
    if (good)
        secret_from_bytes(bytes, len, secret_out);
    else
        err_set(err, "%s: %s", path, len == 0 ? "empty or unreadable" : "too large");
    secret_wipe(bytes, len);
    free(bytes);
    return good;
}

static bool load(const char *path, bool is_secret, struct secret *secret_out, struct err *err)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool loaded = false;

    if (fd < 0 || fstat(fd, &status) != 0)
        err_set(err, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        err_set(err, "%s: not a regular file", path);
    else if (!is_secret || secret_mode_fits(path, &status, err))
        loaded = read_file(fd, path, secret_out, err);
    if (fd >= 0)
        close(fd);
    return loaded;
}

static bool belong_together(const struct identity *identity, const char *chain_path,
                            const char *key_path, struct err *err)
{
    X509 *certificate = pem_certificate(&identity->chain);
    EVP_PKEY *key = pem_private_key(&identity->key);
    bool good = false;

    if (certificate == NULL)
        err_set(err, "%s: no certificate in PEM", chain_path);
    else if (key == NULL)
        err_set(err, "%s: no private key in PEM, or an encrypted one", key_path);
    else if (X509_check_private_key(certificate, key) != 1)
        err_set(err, "%s: not the key of %s", key_path, chain_path);
    else
        good = true;
    EVP_PKEY_free(key);
    X509_free(certificate);
    ERR_clear_error();
    return good;
}

bool identity_load(const char *chain_path, const char *key_path, struct identity *identity_out,
                   struct err *err)
{
    struct identity identity = {{0}, {0}};

    if (!load(chain_path, false, &identity.chain, err) ||
        !load(key_path, true, &identity.key, err) ||
        !belong_together(&identity, chain_path, key_path, err)) {
        identity_fini(&identity);
        return false;
    }
    *identity_out = identity;
    return true;
}

void identity_fini(struct identity *identity)
{
    secret_fini(&identity->chain);
    secret_fini(&identity->key);
}

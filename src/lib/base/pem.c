/* Without a callback of ours OpenSSL would ask the terminal for a passphrase. */
#include "gatepost/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static int no_passphrase(char *text, int text_bytes, int writing, void *context)
{
    (void)text;
    (void)text_bytes;
    (void)writing;
    (void)context;
    return -1;
}

EVP_PKEY *pem_private_key(const struct secret *text)
{
    BIO *bio = BIO_new_mem_buf(text->bytes, (int)text->len);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);

    BIO_free(bio);
    ERR_clear_error();
    return key;
}

X509 *pem_certificate(const struct secret *text)
{
    BIO *bio = BIO_new_mem_buf(text->bytes, (int)text->len);
    X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);

    BIO_free(bio);
    ERR_clear_error();
    return certificate;
}

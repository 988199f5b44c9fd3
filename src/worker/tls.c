/* One context for all connections: one certificate, whatever name a client asks for.
 *
 * Sessions are never resumed. A ticket's key would have to be the same in all workers, outlive
 * their reloads and be thrown away in time, or it undoes forward secrecy; what it saves is a
 * signature of a P-256 key, some 50 us. */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "gatepost/log.h"
#include "gatepost/proc.h"

static const char CIPHERS_OF_1_2[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char CIPHERS_OF_1_3[] =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
static const char GROUPS[] = "X25519:P-256:P-384";

/* As ALPN spells them: each with its length before it; the better one first. */
static const unsigned char WITH_HTTP2[] = "\x02h2\x08http/1.1";
#define HTTP2_NAME_BYTES 3

static _Noreturn void die_of_tls(const char *path)
{
    char reason[256];

    ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
    die(EXIT_TLS, "%s: %s", path, reason);
}

/* A client that names protocols and none of ours is not served: what it means to say is not HTTP
 * (RFC 7301 section 3.2). */
static int choose_protocol(SSL *ssl, const unsigned char **chosen_out, unsigned char *len_out,
                           const unsigned char *offered, unsigned int offered_len, void *with_http2)
{
    const unsigned char *ours = WITH_HTTP2;
    unsigned ours_len = sizeof(WITH_HTTP2) - 1;
    unsigned char *chosen;

    (void)ssl;
    if (with_http2 == NULL) {
        ours += HTTP2_NAME_BYTES;
        ours_len -= HTTP2_NAME_BYTES;
    }
    if (SSL_select_next_proto(&chosen, len_out, ours, ours_len, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen_out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_rules(SSL_CTX *tls)
{
    static const unsigned char context[] = "gatepost";

    /* CLEANSE: the bodies hold passwords. */
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(tls, 0);
    return SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(tls, CIPHERS_OF_1_2) == 1 &&
           SSL_CTX_set_ciphersuites(tls, CIPHERS_OF_1_3) == 1 &&
           SSL_CTX_set1_groups_list(tls, GROUPS) == 1 &&
           SSL_CTX_set_session_id_context(tls, context, sizeof(context) - 1) == 1;
}

SSL_CTX *tls_load(const struct config *config)
{
    static char with_http2; /* its address is a yes */

    if (config->http_tls_cert[0] == '\0')
        return NULL;

    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || !set_rules(tls))
        die_of_tls("TLS");
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, config->http_http2 ? &with_http2 : NULL);
    if (SSL_CTX_use_certificate_chain_file(tls, config->http_tls_cert) != 1)
        die_of_tls(config->http_tls_cert);
    if (SSL_CTX_use_PrivateKey_file(tls, config->http_tls_key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(tls) != 1)
        die_of_tls(config->http_tls_key);
    return tls;
}

uint64_t tls_certificate_end_s(const SSL_CTX *tls)
{
    struct tm end;
    X509 *certificate = tls != NULL ? SSL_CTX_get0_certificate(tls) : NULL;

    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return 0;
    const time_t seconds = timegm(&end);
    return seconds > 0 ? (uint64_t)seconds : 0;
}

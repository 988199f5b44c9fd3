/* HMAC-SHA-256 under a key that is used many times. Private to this folder. */
#ifndef TOKEN_MAC_H
#define TOKEN_MAC_H

#include "gatepost/secret.h"

/* key: at least 1 byte. mac_key_out: what mac_make takes; secret_fini. */
void mac_key_make(const struct secret *key, struct secret *mac_key_out);
void mac_make(const struct secret *mac_key, struct slice text, uint8_t mac_out[MAC_BYTES]);

#endif

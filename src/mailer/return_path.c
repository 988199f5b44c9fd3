/* Job and MAC in base32 (RFC 4648 section 6): letters and digits alone survive every relay, and it
 * means the same in either case.
 *
 * Invariant: one text for each job and key. The two spare bits of the job's 130 are zero, and
 * reading refuses others. */
#include "return_path.h"

#include <stdio.h>

#define MAC_TEXT_BYTES (RETURN_PATH_MAC_LEN * 5 / 8)
#define TAIL_LEN       (RETURN_PATH_ID_LEN + RETURN_PATH_MAC_LEN)

static const char prefix[] = "gatepost return path 1"; /* its NUL is part of it */

static void base32_encode(const uint8_t *bytes, size_t len, char *text_out)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned held = 0, bits = 0;

    for (size_t i = 0; i < len; i++) {
        held = (held << 8 | bytes[i]) & 0xfff;
        for (bits += 8; bits >= 5; bits -= 5)
            *text_out++ = alphabet[(held >> (bits - 5)) & 31];
    }
    if (bits > 0)
        *text_out = alphabet[(held << (5 - bits)) & 31];
}

static int base32_digit(char c)
{
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* Exactly so many bytes; false for a foreign character or spare bits that are set. */
static bool base32_decode(const char *text, uint8_t *bytes_out, size_t len)
{
    unsigned held = 0, bits = 0;

    for (size_t i = 0; i < len;) {
        int digit = base32_digit(*text++);
        if (digit < 0)
            return false;
        held = (held << 5 | (unsigned)digit) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            bytes_out[i++] = (uint8_t)(held >> bits);
        }
    }
    return (held & ((1U << bits) - 1)) == 0;
}

static void mac_of(const struct secret *mail_key, const struct uuid *job_id,
                   uint8_t mac_out[MAC_BYTES])
{
    uint8_t text[sizeof(prefix) + UUID_BYTES];

    memcpy(text, prefix, sizeof(prefix));
    memcpy(text + sizeof(prefix), job_id->bytes, UUID_BYTES);
    secret_mac(mail_key, text, sizeof(text), mac_out);
}

void return_path_make(const struct return_path *path, const struct uuid *job_id,
                      char text_out[RETURN_PATH_TEXT_BYTES])
{
    const char *at = strchr(path->base, '@');
    uint8_t mac[MAC_BYTES];
    char tail[TAIL_LEN];
    int len;

    if (strcmp(path->base, "<>") == 0) {
        text_out[0] = '\0';
        return;
    }
    if (at == NULL) {
        len = snprintf(text_out, RETURN_PATH_TEXT_BYTES, "%s", path->from);
    } else {
        mac_of(path->mail_key, job_id, mac);
        base32_encode(job_id->bytes, UUID_BYTES, tail);
        base32_encode(mac, MAC_TEXT_BYTES, tail + RETURN_PATH_ID_LEN);
        len = snprintf(text_out, RETURN_PATH_TEXT_BYTES, "%.*s+%.*s%s", (int)(at - path->base),
                       path->base, TAIL_LEN, tail, at);
    }
    BUG_ON(len <= 0 || len >= RETURN_PATH_TEXT_BYTES); /* the configuration has bounds */
}

bool return_path_read(const struct secret *mail_key, struct slice address, struct uuid *job_id_out)
{
    const char *at = address.len > 0 ? memrchr(address.at, '@', address.len) : NULL;
    size_t local_len = at == NULL ? 0 : (size_t)(at - address.at);
    uint8_t mac[MAC_BYTES], given[MAC_TEXT_BYTES];
    struct uuid job_id;

    if (local_len < TAIL_LEN + 2 || address.at[local_len - TAIL_LEN - 1] != '+')
        return false;
    const char *tail = address.at + local_len - TAIL_LEN;
    if (!base32_decode(tail, job_id.bytes, UUID_BYTES) ||
        !base32_decode(tail + RETURN_PATH_ID_LEN, given, sizeof(given)))
        return false;
    mac_of(mail_key, &job_id, mac);
    if (!secret_equal(mac, given, sizeof(given)))
        return false;
    *job_id_out = job_id;
    return true;
}

/* The relaxed forms: what relays change on the way (folds, blanks, empty lines at the end) must not
 * show in them. Lines end in CRLF; a bare CR or LF is a byte like others, as it is to verifiers. */
#include "canon.h"

#include <openssl/evp.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct slice cut_front(struct slice text, size_t len)
{
    return slice_of(text.at + len, text.len - len);
}

/* Where the next CRLF is, or the end. */
static size_t line_length(struct slice text)
{
    const char *end = text.len > 0 ? memmem(text.at, text.len, "\r\n", 2) : NULL;

    return end == NULL ? text.len : (size_t)(end - text.at);
}

bool canon_next_field(struct slice *letter, struct slice *field_out)
{
    size_t len = line_length(*letter);

    if (len == 0 || len == letter->len) { /* no header is the letter's last line */
        *letter = cut_front(*letter, len == letter->len ? len : 2);
        return false;
    }
    while (len + 2 < letter->len && is_blank(letter->at[len + 2]))
        len += 2 + line_length(cut_front(*letter, len + 2));
    *field_out = slice_of(letter->at, len);
    *letter = cut_front(*letter, len + 2 <= letter->len ? len + 2 : letter->len);
    return true;
}

struct slice canon_field_name(struct slice field)
{
    const char *colon = memchr(field.at, ':', field.len);
    size_t len = colon == NULL ? field.len : (size_t)(colon - field.at);

    while (len > 0 && is_blank(field.at[len - 1]))
        len--;
    return slice_of(field.at, len);
}

void canon_pack_field(struct packer *out, struct slice field)
{
    struct slice name = canon_field_name(field);
    const char *colon = memchr(field.at, ':', field.len);
    bool blank = false, begun = false;

    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        pack_u8(out, (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
    }
    pack_u8(out, ':');
    if (colon == NULL)
        return;
    for (const char *at = colon + 1; at < field.at + field.len; at++) {
        if (is_blank(*at) || *at == '\r' || *at == '\n') { /* CRLF is only in folds here */
            blank = begun;
            continue;
        }
        if (blank)
            pack_u8(out, ' ');
        pack_u8(out, (uint8_t)*at);
        blank = false;
        begun = true;
    }
}

static void update(EVP_MD_CTX *digest, const void *bytes, size_t len)
{
    BUG_ON(EVP_DigestUpdate(digest, bytes, len) != 1);
}

/* A line without blanks at its end, each run of blanks as one space. */
static void digest_line(EVP_MD_CTX *digest, struct slice line)
{
    size_t start = 0;

    for (size_t i = 0; i < line.len; i++) {
        if (!is_blank(line.at[i]) || (line.at[i] == ' ' && !is_blank(line.at[i + 1])))
            continue; /* the last byte is no blank, so i + 1 is there */
        update(digest, line.at + start, i - start);
        update(digest, " ", 1);
        while (is_blank(line.at[i + 1]))
            i++;
        start = i + 1;
    }
    update(digest, line.at + start, line.len - start);
}

void canon_digest_body(struct slice body, uint8_t digest_out[DKIM_DIGEST_BYTES])
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    size_t empty_lines = 0;

    BUG_ON(digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1);
    while (body.len > 0) {
        size_t len = line_length(body);
        struct slice line = slice_of(body.at, len);

        body = cut_front(body, len + 2 <= body.len ? len + 2 : body.len);
        while (line.len > 0 && is_blank(line.at[line.len - 1]))
            line.len--;
        if (line.len == 0) { /* nothing, unless something follows */
            empty_lines++;
            continue;
        }
        for (; empty_lines > 0; empty_lines--)
            update(digest, "\r\n", 2);
        digest_line(digest, line);
        update(digest, "\r\n", 2);
    }
    BUG_ON(EVP_DigestFinal_ex(digest, digest_out, NULL) != 1);
    EVP_MD_CTX_free(digest);
}

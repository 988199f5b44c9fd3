/* Relaxed forms of any bytes: what is made of a letter is a fixed point, and what a relay may do to
 * blanks and empty lines does not show in it. */
#include "lib/dkim/canon.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_field(struct slice field)
{
    static char once[70000], twice[70000];
    struct packer first = packer_over(once, sizeof(once));
    struct packer second = packer_over(twice, sizeof(twice));

    canon_pack_field(&first, field);
    if (first.overflow)
        return;
    const char *value = memchr(once, ':', first.len); /* the name is taken as it stands */
    const size_t value_len = value == NULL ? 0 : first.len - (size_t)(value - once);
    BUG_ON(value_len == 0 || memchr(value, '\n', value_len) != NULL ||
           memchr(value, '\t', value_len) != NULL);
    canon_pack_field(&second, packer_slice(&first));
    BUG_ON(!slice_equal(packer_slice(&first), packer_slice(&second)));
}

/* Blanks at a line's end, and empty lines at the body's, are nothing. */
static void check_body(struct slice body)
{
    static char changed[140000];
    struct packer out = packer_over(changed, sizeof(changed));
    uint8_t digest[DKIM_DIGEST_BYTES], other[DKIM_DIGEST_BYTES];

    canon_digest_body(body, digest);
    for (size_t i = 0; i < body.len; i++) {
        if (i + 1 < body.len && body.at[i] == '\r' && body.at[i + 1] == '\n')
            pack_raw(&out, " \t", 2);
        pack_u8(&out, (uint8_t)body.at[i]);
    }
    if (body.len > 0 && body.at[body.len - 1] == '\r')
        return; /* what follows would end its line */
    pack_raw(&out, "\r\n \r\n", 5);
    BUG_ON(out.overflow);
    canon_digest_body(packer_slice(&out), other);
    BUG_ON(memcmp(digest, other, sizeof(digest)) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct slice letter = slice_of(bytes, len < 65536 ? len : 65536), field;

    check_body(letter);
    while (canon_next_field(&letter, &field)) {
        BUG_ON(field.len == 0);
        check_field(field);
    }
    check_body(letter);
    return 0;
}

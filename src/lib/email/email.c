/* E-mail addresses: one strict form in, one canonical form out.
 *
 * Invariant: what email_parse gives is ASCII without a space, a control, '<', '>' or a second '@',
 * so no address can end an SMTP command or a header line.
 *
 * Story: the last '@' splits (there is no other in a good one). The local part is a dot-atom and
 * stays as it is; the domain becomes lower-case A-labels, by libidn2 when it is not ASCII; then the
 * whole is looked at as DNS sees it: labels, lengths, a top-level domain that is not a number. */
#include "gatepost/email.h"

#include <idn2.h>
#include <stdlib.h>

#define LOCAL_MAX_BYTES 64   /* RFC 5321, section 4.5.3.1.1 */
#define LABEL_MAX_BYTES 63   /* RFC 1035, section 2.3.4 */
#define GIVEN_MAX_BYTES 1024 /* a Unicode domain is longer than its A-labels, but not by more */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

/* atext of RFC 5322, section 3.2.3. */
static bool is_atom_character(char c)
{
    return is_alphanumeric(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool local_part_good(struct slice local)
{
    if (local.len == 0 || local.len > LOCAL_MAX_BYTES)
        return false;
    for (size_t i = 0; i < local.len; i++) {
        if (local.at[i] == '.') {
            if (i == 0 || i == local.len - 1 || local.at[i - 1] == '.')
                return false;
        } else if (!is_atom_character(local.at[i])) {
            return false;
        }
    }
    return true;
}

static bool label_good(struct slice label)
{
    if (label.len == 0 || label.len > LABEL_MAX_BYTES || label.at[0] == '-' ||
        label.at[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        if (!is_alphanumeric(label.at[i]) && label.at[i] != '-')
            return false;
    }
    return true;
}

/* Two characters at least, as Django asks, and not a number: 127.0.0.11 is no name (RFC 3696,
 * section 2). */
static bool top_label_good(struct slice label)
{
    bool number = true;

    for (size_t i = 0; i < label.len; i++)
        number = number && label.at[i] >= '0' && label.at[i] <= '9';
    return label.len >= 2 && !number;
}

static bool domain_good(struct slice domain)
{
    struct slice rest = domain;
    size_t labels = 0;

    if (slice_equal(domain, SLICE_LITERAL("localhost")))
        return true;
    for (;;) {
        const char *dot = memchr(rest.at, '.', rest.len);
        struct slice label = slice_of(rest.at, dot != NULL ? (size_t)(dot - rest.at) : rest.len);

        if (!label_good(label))
            return false;
        labels++;
        if (dot == NULL)
            return labels >= 2 && top_label_good(label);
        rest = slice_of(dot + 1, rest.len - label.len - 1);
    }
}

/* Does libidn2 have to look at it? Names in ASCII are taken as they are, but for A-labels, which
 * must decode to something that encodes to them. */
static bool is_international(const char *domain)
{
    for (const char *at = domain; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80)
            return true;
        if ((at == domain || at[-1] == '.') && strncasecmp(at, "xn--", 4) == 0)
            return true;
    }
    return false;
}

/* With the STD3 rules libidn2 2.3.3 does not refuse a forbidden character, it drops it ("ex_\u00e4"
 * becomes "ex\u00e4"), and without them it lets it through. So it is asked both ways: where the
 * answers differ, there was one. Gives: text for free(), or NULL. */
static char *to_a_labels(const char *domain)
{
    char *plain = NULL;
    char *std3 = NULL;
    int plain_status = idn2_to_ascii_8z(domain, &plain, IDN2_NONTRANSITIONAL);
    int std3_status =
        idn2_to_ascii_8z(domain, &std3, IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES);

    BUG_ON(plain_status == IDN2_MALLOC || std3_status == IDN2_MALLOC);
    if (plain_status != IDN2_OK || std3_status != IDN2_OK || strcmp(plain, std3) != 0) {
        free(plain);
        plain = NULL;
    }
    free(std3);
    return plain;
}

/* The domain as lower-case A-labels. */
static bool domain_to_ascii(struct slice domain, char text_out[EMAIL_MAX_BYTES + 1])
{
    char given[GIVEN_MAX_BYTES + 1];
    char *converted = NULL;
    const char *ascii = given;

    if (domain.len == 0 || !slice_to_text(domain, given, sizeof(given)))
        return false;
    if (is_international(given)) {
        converted = to_a_labels(given);
        if (converted == NULL)
            return false;
        ascii = converted;
    }

    size_t len = strlen(ascii);
    bool fits = len <= EMAIL_MAX_BYTES;
    for (size_t i = 0; fits && i <= len; i++)
        text_out[i] = lower(ascii[i]);
    free(converted);
    /* Django takes this one name in lower case only. */
    if (fits && strcmp(text_out, "localhost") == 0 && strcmp(given, "localhost") != 0)
        return false;
    return fits && domain_good(slice_of(text_out, len));
}

bool email_parse(struct slice text, struct email *email_out)
{
    const char *at = text.len > 0 ? memrchr(text.at, '@', text.len) : NULL;
    char domain_text[EMAIL_MAX_BYTES + 1];

    if (at == NULL)
        return false;
    struct slice local = slice_of(text.at, (size_t)(at - text.at));
    struct slice domain = slice_of(at + 1, text.len - local.len - 1);
    if (!local_part_good(local) || !domain_to_ascii(domain, domain_text))
        return false;

    size_t domain_bytes = strlen(domain_text) + 1; /* with the NUL */
    if (local.len + domain_bytes > EMAIL_MAX_BYTES)
        return false;

    memcpy(email_out->address, local.at, local.len);
    email_out->address[local.len] = '@';
    memcpy(email_out->address + local.len + 1, domain_text, domain_bytes);
    struct slice key = email_key_of(slice_of_text(email_out->address), email_out->key);
    email_out->key[key.len] = '\0';
    return true;
}

bool email_is_canonical(struct slice address)
{
    struct email email;

    return email_parse(address, &email) && slice_equal(address, slice_of_text(email.address));
}

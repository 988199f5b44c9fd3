/* What the texts of letters and of their envelopes must look like: addresses.
 *
 * Each becomes part of a header or of an SMTP command. No control character reaches this file
 * (value.c refuses them), so no value here can end a line. */
#include "reading.h"

#define ADDRESS_MAX_BYTES      254
#define LOCAL_PART_MAX_BYTES   64
#define RETURN_PATH_CODE_BYTES 43 /* '+' and src/mailer/return_path.h's text */

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 5322 dot-atom, in ASCII: no quotes, no comments, no display name. */
static bool is_dot_atom(struct slice text)
{
    bool atom_open = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '.') {
            if (!atom_open)
                return false;
        } else if (!is_lower_or_digit(c) && !(c >= 'A' && c <= 'Z') &&
                   (c == '\0' || strchr("!#$%&'*+-/=?^_`{|}~", c) == NULL)) {
            return false;
        }
        atom_open = c != '.';
    }
    return atom_open;
}

/* "local@domain" with a domain that is one; local_out is what stands before the last '@'. */
static bool split_address(struct slice value, struct slice *local_out, struct slice *domain_out)
{
    const char *at = value.len > 0 ? memrchr(value.at, '@', value.len) : NULL;
    size_t local_len = at == NULL ? 0 : (size_t)(at - value.at);

    if (at == NULL || value.len > ADDRESS_MAX_BYTES || local_len > LOCAL_PART_MAX_BYTES)
        return false;
    *local_out = slice_of(value.at, local_len);
    *domain_out = config_cut_front(value, local_len + 1);
    return is_dot_atom(*local_out) && config_is_host_name(*domain_out);
}

bool config_from_fits(struct slice value, struct err *err)
{
    struct slice local, domain;

    if (split_address(value, &local, &domain))
        return true;
    err_set(err, "must be a bare address like accounts@example.com");
    return false;
}

static bool is_label(struct slice label)
{
    for (size_t i = 0; i < label.len; i++) {
        if (!is_lower_or_digit(label.at[i]) && label.at[i] != '-')
            return false;
    }
    return label.len > 0 && label.len <= 63 && label.at[0] != '-' && label.at[label.len - 1] != '-';
}

/* A domain as the mailer takes it (gatepost/email.h): lower case, "localhost" or two labels and
 * more, of which the last is no number. */
static bool is_mail_domain(struct slice domain)
{
    struct slice label;
    bool number = true;
    size_t count = 0;

    if (slice_equal(domain, SLICE_LITERAL("localhost")))
        return true;
    for (;; count++) {
        const char *dot = domain.len > 0 ? memchr(domain.at, '.', domain.len) : NULL;
        label = slice_of(domain.at, dot == NULL ? domain.len : (size_t)(dot - domain.at));
        if (!is_label(label))
            return false;
        if (dot == NULL)
            break;
        domain = config_cut_front(domain, label.len + 1);
    }
    for (size_t i = 0; i < label.len; i++)
        number = number && label.at[i] >= '0' && label.at[i] <= '9';
    return count > 0 && label.len >= 2 && !number;
}

bool config_return_path_fits(struct slice value, struct err *err)
{
    const size_t local_max = LOCAL_PART_MAX_BYTES - RETURN_PATH_CODE_BYTES;
    struct slice local, domain;

    if (value.len == 0 || slice_equal(value, SLICE_LITERAL("<>")))
        return true;
    if (!split_address(value, &local, &domain) || !is_mail_domain(domain)) {
        err_set(err, "must be a bare address like bounces@example.com, or <>");
        return false;
    }
    if (local.len > local_max || value.len > ADDRESS_MAX_BYTES - RETURN_PATH_CODE_BYTES) {
        err_set(err, "must have at most %zu characters before the @, for each letter adds %d",
                local_max, RETURN_PATH_CODE_BYTES);
        return false;
    }
    return true;
}

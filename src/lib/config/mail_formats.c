/* What the texts of letters and of their envelopes must look like: addresses, names,
 * ids, keys.
 *
 * Each becomes part of a header or of an SMTP command. No control character reaches this file
 * (value.c refuses them), so no value here can end a line. */
#include "reading.h"

#define ADDRESS_MAX_BYTES      254
#define LOCAL_PART_MAX_BYTES   64
#define FROM_NAME_MAX_BYTES    100
#define URI_MAX_BYTES          500
#define FEEDBACK_FIELDS        3
#define FEEDBACK_FIELD_BYTES   40
#define SENDER_ID_MIN_BYTES    5 /* Gmail's, of the last field */
#define SENDER_ID_MAX_BYTES    15
#define DKIM_KEYS_MAX          4 /* as in gatepost/dkim.h, which is beside this layer */
#define SELECTOR_MAX_BYTES     63
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

bool config_from_name_fits(struct slice value, struct err *err)
{
    if (value.len <= FROM_NAME_MAX_BYTES)
        return true;
    err_set(err, "is longer than %d bytes", FROM_NAME_MAX_BYTES);
    return false;
}

bool config_reply_to_fits(struct slice value, struct err *err)
{
    struct slice local, domain;

    if (value.len == 0 || (split_address(value, &local, &domain) && is_mail_domain(domain)))
        return true;
    err_set(err, "must be a bare address like help@example.com");
    return false;
}

/* ---- DKIM --------------------------------------------------------------------------------------
 */

/* RFC 6376 section 3.1: labels with dots between. */
static bool is_selector(struct slice text)
{
    if (text.len > SELECTOR_MAX_BYTES)
        return false;
    for (;;) {
        const char *dot = text.len > 0 ? memchr(text.at, '.', text.len) : NULL;
        if (!is_label(slice_of(text.at, dot == NULL ? text.len : (size_t)(dot - text.at))))
            return false;
        if (dot == NULL)
            return true;
        text = config_cut_front(text, (size_t)(dot - text.at) + 1);
    }
}

bool config_dkim_keys_fit(struct slice value, struct err *err)
{
    struct slice entry, selectors[DKIM_KEYS_MAX];
    size_t count = 0;

    if (value.len == 0)
        return true;
    while (config_next_entry(&value, &entry)) {
        const char *colon = entry.len > 0 ? memchr(entry.at, ':', entry.len) : NULL;
        struct slice selector = slice_of(entry.at, colon == NULL ? 0 : (size_t)(colon - entry.at));
        if (!is_selector(selector) || selector.len + 1 == entry.len) {
            err_set(err, "\"%.*s\" is no selector:file, like mail2026:dkim.pem",
                    entry.len > 80 ? 80 : (int)entry.len, entry.at);
            return false;
        }
        if (count == DKIM_KEYS_MAX) {
            err_set(err, "more than %d keys", DKIM_KEYS_MAX);
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (slice_equal(selectors[i], selector)) {
                err_set(err, "the selector %.*s stands twice", (int)selector.len, selector.at);
                return false;
            }
        }
        selectors[count++] = selector;
    }
    return true;
}

bool config_dkim_domain_fits(struct slice value, struct err *err)
{
    if (value.len == 0 || (value.len <= 253 && is_mail_domain(value)))
        return true;
    err_set(err, "must be a domain like example.com, in lower case");
    return false;
}

/* ---- headers -----------------------------------------------------------------------------------
 */

static bool is_feedback_field(struct slice field)
{
    for (size_t i = 0; i < field.len; i++) {
        char c = field.at[i];
        if (!is_lower_or_digit(c) && !(c >= 'A' && c <= 'Z') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return field.len > 0 && field.len <= FEEDBACK_FIELD_BYTES;
}

bool config_feedback_id_fits(struct slice value, struct err *err)
{
    struct slice field = value;

    if (value.len == 0)
        return true;
    for (size_t count = 1; count <= FEEDBACK_FIELDS; count++) {
        const char *colon = value.len > 0 ? memchr(value.at, ':', value.len) : NULL;
        field = slice_of(value.at, colon == NULL ? value.len : (size_t)(colon - value.at));
        if (!is_feedback_field(field))
            break;
        if (colon == NULL && field.len >= SENDER_ID_MIN_BYTES && field.len <= SENDER_ID_MAX_BYTES)
            return true;
        if (colon == NULL)
            break;
        value = config_cut_front(value, field.len + 1);
    }
    err_set(err,
            "must be one to %d fields of letters, digits, . _ - with colons between, the last one "
            "of %d to %d characters",
            FEEDBACK_FIELDS, SENDER_ID_MIN_BYTES, SENDER_ID_MAX_BYTES);
    return false;
}

/* What RFC 2369 can hold: no blanks, no brackets, no comma, which would begin another URI. */
bool config_list_unsubscribe_fits(struct slice value, struct err *err)
{
    static const char mailto[] = "mailto:", https[] = "https://";
    bool good = value.len <= URI_MAX_BYTES;

    if (value.len == 0)
        return true;
    for (size_t i = 0; i < value.len; i++)
        good = good && value.at[i] > 0x20 && value.at[i] < 0x7f &&
               strchr("<>,\"\\^`{|}", value.at[i]) == NULL;
    if (good && ((value.len >= sizeof(mailto) && memcmp(value.at, mailto, 7) == 0) ||
                 (value.len >= sizeof(https) && memcmp(value.at, https, 8) == 0)))
        return true;
    err_set(err, "must be one URI, mailto: or https:, of at most %d bytes", URI_MAX_BYTES);
    return false;
}

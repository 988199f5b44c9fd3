/* E-mail addresses out of any bytes: what is taken can reach an SMTP command line, and its form is
 * the one that the mailer asks for. */
#include "gatepost/email.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct email email;
    struct slice text = slice_of(data, len);

    if (!email_parse(text, &email)) {
        BUG_ON(email_is_canonical(text));
        return 0;
    }
    size_t address_len = strlen(email.address);
    BUG_ON(address_len > EMAIL_MAX_BYTES || strlen(email.key) != address_len);
    for (size_t i = 0; i < address_len; i++) {
        BUG_ON(email.address[i] <= ' ' || email.address[i] >= 0x7f);
        BUG_ON(strchr("<>()[]\\,;:\"", email.address[i]) != NULL);
        BUG_ON(email.key[i] >= 'A' && email.key[i] <= 'Z');
    }
    BUG_ON(strchr(email.address, '@') != strrchr(email.address, '@'));
    BUG_ON(!email_is_canonical(slice_of(email.address, address_len)));
    BUG_ON(!email_is_canonical(slice_of(email.key, address_len)));
    return 0;
}

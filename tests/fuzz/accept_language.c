/* Language tags and Accept-Language out of any bytes: what is taken is a tag that is read again as
 * it is, and what the mailer asks of one. */
#include "worker/accept_language.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(const struct language *language)
{
    struct language again;
    size_t len = strlen(language->tag);

    BUG_ON(len == 0 || len > LANGUAGE_MAX_BYTES);
    BUG_ON(strspn(language->tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789-") != len);
    BUG_ON(!language_read(slice_of(language->tag, len), &again));
    BUG_ON(strcmp(language->tag, again.tag) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct slice text = slice_of(bytes, len);
    struct language language;

    if (language_read(text, &language)) {
        check(&language);
        BUG_ON(strcmp(language_accepted(text).tag, language.tag) != 0);
    }
    language = language_accepted(text);
    if (language.tag[0] != '\0')
        check(&language);
    return 0;
}

/* User names out of any UTF-8: what is stored can be typed again and finds its own key. */
#include "gatepost/username.h"
#include "gatepost/encoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct slice text = slice_of(data, len);
    struct username name;
    char key[USERNAME_MAX_BYTES + 1];

    if (!utf8_valid(text))
        return 0;
    if (username_check(text, &name) != USERNAME_FINE) {
        (void)username_key(text, key);
        return 0;
    }
    BUG_ON(!utf8_valid(slice_of_text(name.text)) || !utf8_valid(slice_of_text(name.key)));
    BUG_ON(name.text[0] == '\0' || utf8_count(slice_of_text(name.text)) > USERNAME_MAX_POINTS);
    BUG_ON(!username_key(text, key) || strcmp(key, name.key) != 0);
    BUG_ON(!username_key(slice_of_text(name.text), key) || strcmp(key, name.key) != 0);
    return 0;
}

/* Form bodies and query strings of any bytes: every name once, every value UTF-8. */
#include <stdint.h>

#include "gatepost/encoding.h"
#include "worker/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object object;

    if (size > 16384)
        return 0;
    if (form_read(slice_of(data, size), &object)) {
        size_t total = 0;
        for (size_t i = 0; i < object.count; i++) {
            BUG_ON(!utf8_valid(object.members[i].name) || !utf8_valid(object.members[i].text));
            for (size_t j = 0; j < i; j++)
                BUG_ON(slice_equal(object.members[i].name, object.members[j].name));
            total += object.members[i].name.len + object.members[i].text.len;
        }
        BUG_ON(total > size);
    }
    json_object_fini(&object);
    return 0;
}

/* Raw heads of any bytes, and paths and content types taken from the same bytes. What is called
 * fine has exactly one way to be read. */
#include <stdint.h>
#include <string.h>

#include "worker/head.h"
#include "worker/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    enum body_format format;

    struct head_extent extent;

    if (head_check(input, &extent) == HEAD_FINE) {
        const char *end = memmem(data, size, "\r\n\r\n", 4);
        BUG_ON(end == NULL || extent.bytes != (size_t)(end + 4 - input.at));
        for (const char *at = (const char *)data; at < end; at++) {
            if (*at == '\n')
                BUG_ON(at == (const char *)data || at[-1] != '\r' || at[1] == ' ' || at[1] == '\t');
        }
    }
    const struct route_table *tables[] = {&WORKER_ROUTES, &ADMIN_ROUTES};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct slice segments[ROUTE_SEGMENTS_MAX];
        const struct route *route = route_find(tables[i], input, METHOD_GET, segments);
        if (route != NULL)
            BUG_ON(route_path(input).len <
                   strcspn(route->path, "{") + segments[0].len + segments[1].len);
    }
    /* A type; behind a zero byte the coding. */
    const char *zero = size > 0 ? memchr(input.at, 0, size) : NULL;
    struct slice type = slice_of(data, zero == NULL ? size : (size_t)(zero - input.at));
    struct slice coding =
        zero == NULL ? slice_of(NULL, 0) : slice_of(zero + 1, size - type.len - 1);
    BUG_ON(!route_body_format(ROUTE_API_BODY, type, coding, 0, &format) || format != BODY_EMPTY);
    if (route_body_format(ROUTE_API_BODY, type, coding, 1, &format))
        BUG_ON(format != BODY_JSON && format != BODY_FORM);
    if (route_body_format(ROUTE_FORM_BODY, type, coding, 1, &format))
        BUG_ON(format != BODY_FORM);
    return 0;
}

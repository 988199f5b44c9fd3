/* The allow-list of origins. An Origin header is compared whole: no pattern, no suffix, no parsing
 * of what a client sent, so there is nothing to be talked into. */
#include "origin.h"

#include <ctype.h>
#include <stdlib.h>

struct origins {
    char *own;
    char *text; /* the list, each entry ended by NUL; entries point into it */
    size_t count;
    char *entries[];
};

/* As browsers write it: lower case, without the scheme's own port. */
static char *serialized(const char *url)
{
    static const char *const ports[][2] = {{"https://", ":443"}, {"http://", ":80"}};
    char *origin = xstrdup(url);
    size_t len = strlen(origin);

    for (size_t i = 0; i < len; i++)
        origin[i] = (char)tolower((unsigned char)origin[i]);
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        size_t end = strlen(ports[i][1]);
        if (strncmp(origin, ports[i][0], strlen(ports[i][0])) == 0 && len > end &&
            strcmp(origin + len - end, ports[i][1]) == 0)
            origin[len - end] = '\0';
    }
    return origin;
}

struct origins *origins_new(const char *list, const char *public_url)
{
    size_t most = 1;
    char *rest = NULL;

    for (const char *at = list; *at != '\0'; at++)
        most += *at == ',';
    struct origins *origins = xcalloc(1, sizeof(*origins) + most * sizeof(origins->entries[0]));
    origins->own = serialized(public_url);
    origins->text = xstrdup(list);
    for (char *at = strtok_r(origins->text, ", \t", &rest); at != NULL;
         at = strtok_r(NULL, ", \t", &rest))
        origins->entries[origins->count++] = at;
    return origins;
}

void origins_free(struct origins **origins)
{
    if (*origins == NULL)
        return;
    free((*origins)->own);
    free((*origins)->text);
    free(*origins);
    *origins = NULL;
}

bool origins_any(const struct origins *origins)
{
    return origins->count > 0;
}

const char *origins_find(const struct origins *origins, struct slice origin)
{
    for (size_t i = 0; i < origins->count; i++) {
        if (slice_equal(origin, slice_of_text(origins->entries[i])))
            return origins->entries[i];
    }
    return NULL;
}

bool origins_own(const struct origins *origins, struct slice origin)
{
    return slice_equal(origin, slice_of_text(origins->own));
}

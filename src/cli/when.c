/* See when.h. */
#include "when.h"

#include <stdlib.h>

/* "30m", "12h", "7d" ago. */
static bool read_age(const char *text, wall_ms *when_out)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    wall_ms unit = 0;

    if (text[0] < '0' || text[0] > '9' || number > 1000000 || end[0] == '\0' || end[1] != '\0')
        return false;
    switch (end[0]) {
    case 'm':
        unit = 60000;
        break;
    case 'h':
        unit = 3600000;
        break;
    case 'd':
        unit = 86400000;
        break;
    default:
        return false;
    }
    *when_out = clock_wall_ms() - (wall_ms)number * unit;
    return true;
}

bool when_read(const char *text, wall_ms *when_out)
{
    return read_age(text, when_out) || clock_read_iso(text, strlen(text), when_out);
}

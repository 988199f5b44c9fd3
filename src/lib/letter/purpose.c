/* The list of purposes as lookups by number and by name. */
#include "gatepost/mail_purpose.h"

static const struct purpose {
    const char *name; /* NULL: no purpose has this number */
    const char *path;
} purposes[MAIL_PURPOSE_END] = {
#define PURPOSE(number, NAME, name, path) [number] = {#name, path},
    MAIL_PURPOSES(PURPOSE)
#undef PURPOSE
};

const char *mail_purpose_name(uint8_t purpose)
{
    return purpose < ARRAY_LEN(purposes) ? purposes[purpose].name : NULL;
}

uint8_t mail_purpose_named(struct slice name)
{
    for (uint8_t i = 0; i < ARRAY_LEN(purposes); i++) {
        if (purposes[i].name != NULL && slice_equal(name, slice_of_text(purposes[i].name)))
            return i;
    }
    return 0;
}

const char *mail_purpose_path(uint8_t purpose)
{
    return purpose < ARRAY_LEN(purposes) ? purposes[purpose].path : NULL;
}

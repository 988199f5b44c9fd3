/* See letter_text.h. */
#include "letter_text.h"

static const char *const states[] = {
    [LETTER_PENDING] = "pending",
    [LETTER_DEAD] = "dead",
    [LETTER_SENT] = "sent",
};

static const char *const events[] = {
    [LETTER_DELIVERED] = "delivered",   [LETTER_DEFERRED] = "deferred",
    [LETTER_REFUSED] = "refused",       [LETTER_BOUNCED] = "bounced",
    [LETTER_DELAYED] = "delayed",       [LETTER_COMPLAINED] = "complaint",
    [LETTER_SUPPRESSED] = "suppressed", [LETTER_RETRIED] = "retried",
};
_Static_assert(ARRAY_LEN(events) == LETTER_EVENTS, "a word for each event");

static const char *const reasons[] = {
    [SUPPRESSION_BOUNCE] = "bounce",
    [SUPPRESSION_COMPLAINT] = "complaint",
    [SUPPRESSION_OPERATOR] = "operator",
};

static const char *name_of(const char *const *names, size_t count, uint8_t number)
{
    return number < count && names[number] != NULL ? names[number] : "other";
}

const char *letter_state_name(uint8_t state)
{
    return name_of(states, ARRAY_LEN(states), state);
}

const char *letter_event_name(uint8_t event)
{
    return name_of(events, ARRAY_LEN(events), event);
}

const char *suppression_reason_name(uint8_t reason)
{
    return name_of(reasons, ARRAY_LEN(reasons), reason);
}

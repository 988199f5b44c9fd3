/* See audit_entry.h. */
#include "audit_entry.h"

#include "gatepost/encoding.h"

#include "member.h"

static const char *event_name(uint8_t event)
{
    switch ((enum audit_event)event) {
#define AUDIT_EVENT(number, NAME, text)                                                            \
    case AUDIT_##NAME:                                                                             \
        return (text);
#include "gatepost/audit_events.def"
#undef AUDIT_EVENT
    }
    return "unknown";
}

/* Peers and details were ours to write; of a damaged row's nothing is known. */
static struct slice readable(struct slice text)
{
    return utf8_valid(text) ? text : SLICE_LITERAL("?");
}

void audit_entry_write(struct json_writer *writer, const struct audit_entry *entry)
{
    member_time(writer, "time", entry->time);
    member_text(writer, "event", slice_of_text(event_name(entry->event)));
    member_text(writer, "result",
                entry->result == AUDIT_DONE ? SLICE_LITERAL("done") : SLICE_LITERAL("refused"));
    member_text(writer, "address", readable(entry->peer));
    member_text(writer, "detail", readable(entry->detail));
}

/* The words on the lanes as a number: every message with its fields, every request. */
#include "gatepost/layout.h"
#include "gatepost/store_messages.h"

static const char *const words[] = {
#define MESSAGE_BEGIN(name) "message " #name,
#define U8(field)           "u8 " #field,
#define U16(field)          "u16 " #field,
#define U32(field)          "u32 " #field,
#define U64(field)          "u64 " #field,
#define WALL(field)         "wall " #field,
#define UUID(field)         "uuid " #field,
#define SLICE(field, max)   "slice " #field " " #max,
#define MESSAGE_END(name)   "end",
#include "gatepost/store_messages.def"
#define REQUEST(number, NAME, message, access, who) "request " #number " " #message " " #access,
#include "gatepost/store_requests.def"
#define AUDIT_EVENT(number, NAME, text) "event " #number " " #NAME,
#include "gatepost/audit_events.def"
};

uint64_t store_messages_layout(void)
{
    uint64_t layout = LAYOUT_BEGIN;

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        layout = layout_fold_text(layout, words[i]);
    layout = layout_fold(layout, STORE_STATUS_COUNT);
    layout = layout_fold(layout, LETTER_EVENTS);
    return layout_fold(layout, MAIL_PURPOSE_END);
}

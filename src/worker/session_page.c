/* See session_page.h. */
#include "session_page.h"

#include "bearer.h"
#include "member.h"

#define ASK_BYTES  64
#define ITEM_BYTES 512

void session_page_ask(struct request *request, const struct uuid *after, store_answer_fn on_page)
{
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    session_list_ask_pack(&packer, &(struct session_list_ask){.user_id = request->account->user_id,
                                                              .after = *after,
                                                              .now = clock_wall_ms()});
    request_ask(&request, STORE_SESSION_LIST, &packer, on_page);
}

bool session_page_next(struct unpacker *rows, struct session_item *item_out)
{
    return rows->len > 0 && session_item_unpack(unpack_slice(rows, ITEM_BYTES), item_out);
}

bool session_is_bearers(const struct request *request, const struct uuid *session_id)
{
    return request->account->has_session && uuid_equal(&request->account->session_id, session_id);
}

void session_write(struct json_writer *writer, const struct session_item *item, bool current)
{
    char id[UUID_TEXT_BYTES];

    uuid_format(&item->session_id, id);
    json_object_begin(writer);
    member_text(writer, "id", slice_of_text(id));
    member_time(writer, "created", item->created);
    member_time(writer, "last_used", item->used);
    member_time(writer, "expires", item->expires);
    member_bytes(writer, "peer", item->peer);
    member_bytes(writer, "user_agent", item->user_agent);
    member_flag(writer, "current", current);
    json_object_end(writer);
}

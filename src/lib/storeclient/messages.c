/* The words between the store and those who ask it, as bytes.
 *
 * Invariant: what x_pack wrote, x_unpack reads back, and x_unpack takes nothing else: not one byte
 * too few or too many, no slice over its limit. Everything is made from store_messages.def, so a
 * field cannot be packed in one order and unpacked in another. */
#include "gatepost/store_messages.h"

#define MESSAGE_BEGIN(name)                                                                        \
    void name##_pack(struct packer *packer, const struct name *message)                            \
    {
#define U8(field)         pack_u8(packer, message->field);
#define U16(field)        pack_u16(packer, message->field);
#define U32(field)        pack_u32(packer, message->field);
#define U64(field)        pack_u64(packer, message->field);
#define WALL(field)       pack_u64(packer, (uint64_t)message->field);
#define UUID(field)       pack_uuid(packer, &message->field);
#define SLICE(field, max) pack_slice(packer, message->field);
#define MESSAGE_END(name) }
#include "gatepost/store_messages.def"
#undef MESSAGE_BEGIN
#undef U8
#undef U16
#undef U32
#undef U64
#undef WALL
#undef UUID
#undef SLICE
#undef MESSAGE_END

#define MESSAGE_BEGIN(name)                                                                        \
    bool name##_unpack(struct slice packed, struct name *message_out)                              \
    {                                                                                              \
        struct unpacker unpacker = unpacker_over(packed);                                          \
        struct name message;
#define U8(field)         message.field = unpack_u8(&unpacker);
#define U16(field)        message.field = unpack_u16(&unpacker);
#define U32(field)        message.field = unpack_u32(&unpacker);
#define U64(field)        message.field = unpack_u64(&unpacker);
#define WALL(field)       message.field = (wall_ms)unpack_u64(&unpacker);
#define UUID(field)       message.field = unpack_uuid(&unpacker);
#define SLICE(field, max) message.field = unpack_slice(&unpacker, (max));
#define MESSAGE_END(name)                                                                          \
    if (!unpacker_done(&unpacker))                                                                 \
        return false;                                                                              \
    *message_out = message;                                                                        \
    return true;                                                                                   \
    }
#include "gatepost/store_messages.def"
#undef MESSAGE_BEGIN
#undef U8
#undef U16
#undef U32
#undef U64
#undef WALL
#undef UUID
#undef SLICE
#undef MESSAGE_END

void ask_head_pack(struct packer *packer, const struct ask_head *head)
{
    pack_u64(packer, head->epoch);
    pack_u64(packer, head->sequence);
    pack_u64(packer, head->acknowledged);
    pack_u8(packer, head->request);
    pack_u8(packer, head->repeat);
    pack_slice(packer, head->about);
}

/* An id that is no safe one is forgotten: nothing hangs on it. Leaves the unpacker at the message
 * that follows. */
bool ask_head_unpack(struct unpacker *unpacker, struct ask_head *head_out)
{
    struct ask_head head = {
        .epoch = unpack_u64(unpacker),
        .sequence = unpack_u64(unpacker),
        .acknowledged = unpack_u64(unpacker),
        .request = unpack_u8(unpacker),
        .repeat = unpack_u8(unpacker),
        .about = unpack_slice(unpacker, REQUEST_ID_BYTES - 1),
    };

    if (unpacker->bad)
        return false;
    if (!request_id_is_safe(head.about))
        head.about = slice_of(NULL, 0);
    *head_out = head;
    return true;
}

void answer_head_pack(struct packer *packer, const struct answer_head *head)
{
    pack_u64(packer, head->sequence);
    pack_u8(packer, head->status);
}

bool answer_head_unpack(struct unpacker *unpacker, struct answer_head *head_out)
{
    struct answer_head head = {
        .sequence = unpack_u64(unpacker),
        .status = unpack_u8(unpacker),
    };

    if (unpacker->bad || head.status >= STORE_STATUS_COUNT)
        return false;
    *head_out = head;
    return true;
}

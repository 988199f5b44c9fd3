/* See record.h. Everything is made from records.def. */
#include "record.h"

#define RECORD_BEGIN(name, version)                                                                \
    void name##_pack(struct packer *packer, const struct name *record)                             \
    {                                                                                              \
        pack_u8(packer, (version));
#define U8(field)         pack_u8(packer, record->field);
#define U32(field)        pack_u32(packer, record->field);
#define U64(field)        pack_u64(packer, record->field);
#define WALL(field)       pack_u64(packer, (uint64_t)record->field);
#define UUID(field)       pack_uuid(packer, &record->field);
#define SLICE(field, max) pack_slice(packer, record->field);
#define RECORD_END(name)  }
#include "records.def"
#undef RECORD_BEGIN
#undef U8
#undef U32
#undef U64
#undef WALL
#undef UUID
#undef SLICE
#undef RECORD_END

#define RECORD_BEGIN(name, version)                                                                \
    bool name##_unpack(struct slice packed, struct name *record_out)                               \
    {                                                                                              \
        struct unpacker unpacker = unpacker_over(packed);                                          \
        struct name record;                                                                        \
        if (unpack_u8(&unpacker) != (version))                                                     \
            return false;
#define U8(field)         record.field = unpack_u8(&unpacker);
#define U32(field)        record.field = unpack_u32(&unpacker);
#define U64(field)        record.field = unpack_u64(&unpacker);
#define WALL(field)       record.field = (wall_ms)unpack_u64(&unpacker);
#define UUID(field)       record.field = unpack_uuid(&unpacker);
#define SLICE(field, max) record.field = unpack_slice(&unpacker, (max));
#define RECORD_END(name)                                                                           \
    if (!unpacker_done(&unpacker))                                                                 \
        return false;                                                                              \
    *record_out = record;                                                                          \
    return true;                                                                                   \
    }
#include "records.def"
#undef RECORD_BEGIN
#undef U8
#undef U32
#undef U64
#undef WALL
#undef UUID
#undef SLICE
#undef RECORD_END

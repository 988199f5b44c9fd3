/* The record codec: for a record `x` of records.def: struct x, x_pack(), x_unpack().
 * x_unpack refuses other versions, bytes that are missing or left over, slices over their limit;
 * its slices point into the bytes that it was given. */
#ifndef GATEPOST_STORE_RECORD_H
#define GATEPOST_STORE_RECORD_H

#include "gatepost/bytes.h"
#include "gatepost/clock.h"

enum proof_state { PROOF_OPEN, PROOF_USED, PROOF_VOID };

#define RECORD_BEGIN(name, version) struct name {
#define U8(field)                   uint8_t field;
#define U32(field)                  uint32_t field;
#define U64(field)                  uint64_t field;
#define WALL(field)                 wall_ms field;
#define UUID(field)                 struct uuid field;
#define SLICE(field, max)           struct slice field;
#define RECORD_END(name)                                                                           \
    }                                                                                              \
    ;                                                                                              \
    void name##_pack(struct packer *packer, const struct name *record);                            \
    MUST_USE bool name##_unpack(struct slice packed, struct name *record_out);
#include "records.def"
#undef RECORD_BEGIN
#undef U8
#undef U32
#undef U64
#undef WALL
#undef UUID
#undef SLICE
#undef RECORD_END

#endif

/* Backups as they are asked for: backup_begin, backup_piece, backup_end. */
#include "backup.h"
#include "requests.h"

#define PIECE_BYTES 16000 /* as backup_piece_answer */

enum store_status backup_begin_on_request(struct call *call)
{
    struct backup_begin_ask ask;
    struct backup_begin_answer answer;
    struct backup_order order = {.logs_only = false};

    if (!backup_begin_ask_unpack(call->packed, &ask) ||
        (ask.logs_only && (ask.digest.len != DIGEST_BYTES || ask.log_file == 0)))
        return STORE_REFUSED;
    if (call->env->backup == NULL)
        return STORE_BUSY;
    if (ask.logs_only) {
        order.logs_only = true;
        order.from = (struct log_end){ask.log_file, ask.log_offset};
        memcpy(order.digest, ask.digest.at, DIGEST_BYTES);
    }
    if (!backup_begin(call->env->backup, &order, clock_mono_ns(), &answer.id, &answer.bytes))
        return STORE_DUPLICATE;
    backup_begin_answer_pack(&call->answer, &answer);
    return STORE_OK;
}

enum store_status backup_piece_on_request(struct call *call)
{
    struct backup_piece_ask ask;
    uint8_t bytes[PIECE_BYTES];
    size_t len;

    if (!backup_piece_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (call->env->backup == NULL || !backup_take(call->env->backup, ask.id, ask.at,
                                                  clock_mono_ns(), bytes, sizeof(bytes), &len))
        return STORE_NOT_FOUND;
    backup_piece_answer_pack(&call->answer,
                             &(struct backup_piece_answer){.bytes = slice_of(bytes, len)});
    return STORE_OK;
}

enum store_status backup_end_on_request(struct call *call)
{
    struct backup_end_ask ask;

    if (!backup_end_ask_unpack(call->packed, &ask) || ask.whole > 1)
        return STORE_REFUSED;
    if (call->env->backup == NULL || !backup_end(call->env->backup, ask.id, ask.whole != 0))
        return STORE_NOT_FOUND;
    return STORE_OK;
}

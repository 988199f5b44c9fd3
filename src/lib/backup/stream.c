/* See backup.h: a stream in frames, as it comes in. What was read is dropped when there is nothing
 * whole behind it, so each byte is moved once at most. */
#include "gatepost/backup.h"

#include <stdlib.h>

#include "gatepost/bytes.h"

struct backup_stream {
    uint8_t *bytes;
    size_t max;
    size_t len;
    size_t read; /* of len */
};

struct backup_stream *backup_stream_new(void)
{
    return xcalloc(1, sizeof(struct backup_stream));
}

void backup_stream_free(struct backup_stream **stream)
{
    if (*stream == NULL)
        return;
    free((*stream)->bytes);
    free(*stream);
    *stream = NULL;
}

void backup_stream_put(struct backup_stream *stream, struct slice piece)
{
    if (stream->read > 0) {
        stream->len -= stream->read;
        memmove(stream->bytes, stream->bytes + stream->read, stream->len);
        stream->read = 0;
    }
    if (stream->len + piece.len > stream->max) {
        stream->max = 2 * (stream->len + piece.len);
        stream->bytes = xrealloc(stream->bytes, stream->max);
    }
    if (piece.len > 0)
        memcpy(stream->bytes + stream->len, piece.at, piece.len);
    stream->len += piece.len;
}

enum backup_next backup_stream_next(struct backup_stream *stream, enum backup_frame *kind_out,
                                    struct slice *body_out)
{
    const uint8_t *at = stream->bytes + stream->read;
    size_t left = stream->len - stream->read;

    if (left < BACKUP_FRAME_HEAD_BYTES)
        return BACKUP_NEXT_MORE;
    struct unpacker unpacker = unpacker_over(slice_of(at, left));
    const uint8_t kind = unpack_u8(&unpacker);
    const size_t len = unpack_u32(&unpacker);

    if (kind < BACKUP_FRAME_FILE || kind > BACKUP_FRAME_FAIL || len > BACKUP_FRAME_MAX_BYTES)
        return BACKUP_NEXT_WRONG;
    if (left - BACKUP_FRAME_HEAD_BYTES < len)
        return BACKUP_NEXT_MORE;
    *kind_out = (enum backup_frame)kind;
    *body_out = slice_of(at + BACKUP_FRAME_HEAD_BYTES, len);
    stream->read += BACKUP_FRAME_HEAD_BYTES + len;
    return BACKUP_NEXT_FRAME;
}

/* See backup_pipe.h. */
#include "backup_pipe.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "gatepost/clock.h"

struct backup_pipe {
    pthread_mutex_t mutex;
    pthread_cond_t change;
    /* under the mutex: */
    size_t head; /* of the oldest byte */
    size_t len;
    bool finished;
    bool closed;
    uint8_t bytes[BACKUP_PIPE_BYTES];
};

struct backup_pipe *backup_pipe_new(void)
{
    struct backup_pipe *pipe = xcalloc(1, sizeof(*pipe));
    pthread_condattr_t monotonic;

    pthread_mutex_init(&pipe->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pipe->change, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return pipe;
}

void backup_pipe_free(struct backup_pipe **pipe)
{
    if (*pipe == NULL)
        return;
    pthread_cond_destroy(&(*pipe)->change);
    pthread_mutex_destroy(&(*pipe)->mutex);
    free(*pipe);
    *pipe = NULL;
}

static struct timespec moment_in(uint32_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * (long)NS_PER_MS;
    until.tv_sec += until.tv_nsec / (long)NS_PER_S;
    until.tv_nsec %= (long)NS_PER_S;
    return until;
}

enum pipe_room backup_pipe_wait(struct backup_pipe *pipe, size_t bytes, uint32_t wait_ms)
{
    const struct timespec until = moment_in(wait_ms);
    int late = 0;

    BUG_ON(bytes > BACKUP_PIPE_BYTES);
    pthread_mutex_lock(&pipe->mutex);
    while (!pipe->closed && BACKUP_PIPE_BYTES - pipe->len < bytes && late == 0) {
        if (wait_ms == 0)
            pthread_cond_wait(&pipe->change, &pipe->mutex);
        else
            late = pthread_cond_timedwait(&pipe->change, &pipe->mutex, &until);
    }
    const bool closed = pipe->closed;
    const bool fits = BACKUP_PIPE_BYTES - pipe->len >= bytes;
    pthread_mutex_unlock(&pipe->mutex);
    if (closed)
        return PIPE_CLOSED;
    return fits ? PIPE_ROOM : PIPE_FULL;
}

void backup_pipe_put(struct backup_pipe *pipe, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;

    pthread_mutex_lock(&pipe->mutex);
    BUG_ON(BACKUP_PIPE_BYTES - pipe->len < len);
    size_t tail = (pipe->head + pipe->len) % BACKUP_PIPE_BYTES;
    size_t first = BACKUP_PIPE_BYTES - tail < len ? BACKUP_PIPE_BYTES - tail : len;
    memcpy(pipe->bytes + tail, from, first);
    memcpy(pipe->bytes, from + first, len - first);
    pipe->len += len;
    pthread_mutex_unlock(&pipe->mutex);
}

void backup_pipe_finish(struct backup_pipe *pipe)
{
    pthread_mutex_lock(&pipe->mutex);
    pipe->finished = true;
    pthread_mutex_unlock(&pipe->mutex);
}

size_t backup_pipe_take(struct backup_pipe *pipe, void *bytes_out, size_t max)
{
    uint8_t *to = bytes_out;

    pthread_mutex_lock(&pipe->mutex);
    size_t len = pipe->len < max ? pipe->len : max;
    size_t first = BACKUP_PIPE_BYTES - pipe->head < len ? BACKUP_PIPE_BYTES - pipe->head : len;
    memcpy(to, pipe->bytes + pipe->head, first);
    memcpy(to + first, pipe->bytes, len - first);
    pipe->head = (pipe->head + len) % BACKUP_PIPE_BYTES;
    pipe->len -= len;
    if (len > 0)
        pthread_cond_signal(&pipe->change);
    pthread_mutex_unlock(&pipe->mutex);
    return len;
}

bool backup_pipe_is_over(struct backup_pipe *pipe)
{
    pthread_mutex_lock(&pipe->mutex);
    const bool over = pipe->finished && pipe->len == 0;
    pthread_mutex_unlock(&pipe->mutex);
    return over;
}

void backup_pipe_close(struct backup_pipe *pipe)
{
    pthread_mutex_lock(&pipe->mutex);
    pipe->closed = true;
    pthread_cond_broadcast(&pipe->change);
    pthread_mutex_unlock(&pipe->mutex);
}

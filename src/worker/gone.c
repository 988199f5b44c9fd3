/* libh2o reads nothing on an HTTP/1 connection whose request is at work, so it does not notice that
 * the client left (on HTTP/2 it does): a login storm's impatient clients would keep hash threads
 * busy for nobody.
 *
 * Story: one poll(2) over the sockets of all requests that wait for a hash; who is gone, or has
 * closed his half of the connection, is given up: the hash is cancelled, so that its place is free
 * at the next step. The request itself ends as it always does, by an answer, which goes nowhere.
 * A client that shuts down its sending half and still reads is taken for gone. One cannot tell it
 * from one that closed both before something is sent; nginx does the same (EPOLLRDHUP, in
 * ngx_http_upstream_check_broken_connection). */
#include "gone.h"

#include <poll.h>
#include <stdlib.h>

#include "http2.h"
#include "request.h"
#include "server.h"

/* Those that have a hash under way; there is no more to look at. */
static size_t count_waiting(const struct worker *worker)
{
    size_t count = 0;

    for (const struct request *at = worker->requests; at != NULL; at = at->older)
        count += at->hash != NULL;
    return count;
}

void gone_look(struct worker *worker)
{
    const size_t room = count_waiting(worker);
    size_t count = 0;

    if (room == 0)
        return;
    struct pollfd *polled = xcalloc(room, sizeof(*polled));
    struct request **requests = xcalloc(room, sizeof(struct request *));
    for (struct request *at = worker->requests; at != NULL; at = at->older) {
        if (at->hash == NULL || at->h2o == NULL || at->gone || http2_is(at->h2o))
            continue;
        polled[count].fd = server_fd(at->h2o);
        polled[count].events = POLLRDHUP;
        requests[count++] = at;
    }
    /* A failure says nothing about anybody: the next look will. */
    const int events = count > 0 ? poll(polled, count, 0) : 0;
    /* The oldest first: they are the first of the engine's lists too. */
    for (size_t i = count; events > 0 && i-- > 0;) {
        if ((polled[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
            request_give_up(requests[i]);
    }
    free(requests);
    free(polled);
}

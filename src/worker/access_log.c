/* Called by libh2o when a request is disposed of, answered or not.
 *
 * The line never shows the query: links with tokens are queries. */
#include "access_log.h"

#include "gatepost/log.h"
#include "gatepost/metrics.h"

#include "forwarded.h"
#include "reply.h"
#include "request.h"
#include "routes.h"

struct access_logger {
    h2o_logger_t super;
    struct worker *worker;
};

static void count(int status)
{
    switch (status / 100) {
    case 2:
        metric_count(METRIC_HTTP_2XX);
        break;
    case 3:
        metric_count(METRIC_HTTP_3XX);
        break;
    case 4:
        metric_count(METRIC_HTTP_4XX);
        break;
    case 5:
        metric_count(METRIC_HTTP_5XX);
        break;
    }
}

static struct slice request_id(const h2o_req_t *h2o)
{
    for (size_t i = 0; i < h2o->res.headers.size; i++) {
        const h2o_header_t *header = &h2o->res.headers.entries[i];
        if (h2o_memis(header->name->base, header->name->len, H2O_STRLIT("x-request-id")))
            return slice_of(header->value.base, header->value.len);
    }
    return SLICE_LITERAL("-");
}

static void write_line(const struct worker *worker, h2o_req_t *h2o)
{
    char peer[PEER_TEXT_BYTES];
    char method[64];
    char path[512];
    struct timeval now = *h2o_get_timestamp(h2o->conn->ctx, NULL, NULL);
    int64_t took_ms = (now.tv_sec - h2o->timestamps.request_begin_at.tv_sec) * 1000 +
                      (now.tv_usec - h2o->timestamps.request_begin_at.tv_usec) / 1000;
    struct slice id = request_id(h2o);
    struct slice target = slice_of(h2o->input.path.base, h2o->input.path.len);

    forwarded_peer(worker, h2o, peer, sizeof(peer));
    log_info(
        "http.answered", "id=%.*s peer=%s method=%s path=%s status=%d bytes=%llu ms=%lld",
        (int)id.len, id.at, peer,
        log_quoted(slice_of(h2o->input.method.base, h2o->input.method.len), method, sizeof(method)),
        log_quoted(route_path(target), path, sizeof(path)), h2o->res.status,
        (unsigned long long)h2o->bytes_sent, (long long)took_ms);
}

static void on_request_end(h2o_logger_t *logger, h2o_req_t *h2o)
{
    if (h2o->res.status != REPLY_STATUS_GONE)
        count(h2o->res.status);
    const struct worker *worker = ((struct access_logger *)logger)->worker;
    if (worker->config->log_access)
        write_line(worker, h2o);
}

void access_log_register(h2o_pathconf_t *path, struct worker *worker)
{
    struct access_logger *logger = (void *)h2o_create_logger(path, sizeof(*logger));

    logger->super.log_access = on_request_end;
    logger->worker = worker;
}

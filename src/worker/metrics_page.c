/* GET /metrics   Prometheus text, for the peers of http.metrics_allow; for others there is no such
 * path, whatever the method. */
#include <stdlib.h>

#include "gatepost/metrics.h"

#include "endpoints.h"
#include "peer.h"
#include "reply.h"

void metrics_on_request(struct request *request)
{
    if (!peer_rules_match(request->worker->metrics_peers, request_peer(request))) {
        request->route = NULL; /* no Allow either */
        reply_problem(&request, PROBLEM_NOT_FOUND);
        return;
    }
    if (request->method == METHOD_OPTIONS) {
        reply_no_content(&request);
        return;
    }
    if (request->method != METHOD_GET && request->method != METHOD_HEAD) {
        reply_method_not_allowed(&request);
        return;
    }
    size_t len;
    char *text = metrics_text(request->worker->segment, &len);
    reply_text(&request, 200, "text/plain; version=0.0.4; charset=utf-8", NULL,
               slice_of(text, len));
    free(text);
}

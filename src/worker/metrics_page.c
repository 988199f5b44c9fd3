/* GET /metrics   Prometheus text, for the peers of http.metrics_allow; for others there is no such
 * path, whatever the method. */
#include <stdlib.h>

#include "gatepost/limit.h"
#include "gatepost/metrics.h"

#include "endpoints.h"
#include "peer.h"
#include "reply.h"
#include "route_metrics.h"

static void print_limits(FILE *out, const struct limits *limits)
{
    const struct limits_fill fill = limits_fill(limits, clock_mono_ns());

    metrics_print_head(out, "gatepost_limit_keys", "Keys that limits are kept for, by table.",
                       "gauge");
    fprintf(out, "gatepost_limit_keys{table=\"rates\"} %u\n", fill.rates);
    fprintf(out, "gatepost_limit_keys{table=\"failures\"} %u\n", fill.failures);
    metrics_print_head(out, "gatepost_limit_fill_ratio",
                       "How full the tables of limits are; keys are forgotten early before 1.",
                       "gauge");
    fprintf(out, "gatepost_limit_fill_ratio{table=\"rates\"} %.6f\n",
            (double)fill.rates / fill.rates_max);
    fprintf(out, "gatepost_limit_fill_ratio{table=\"failures\"} %.6f\n",
            (double)fill.failures / fill.failures_max);
}

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
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    BUG_ON(out == NULL); /* it fails for want of memory alone */
    metrics_print(out, request->worker->segment);
    route_metrics_print(out, request->worker->segment);
    print_limits(out, request->worker->limits);
    BUG_ON(fclose(out) != 0);
    reply_text(&request, 200, "text/plain; version=0.0.4; charset=utf-8", NULL,
               slice_of(text, len));
    free(text);
}

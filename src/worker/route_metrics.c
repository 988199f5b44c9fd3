/* A route's number is its place: first the workers' table, then the administration's; the last
 * number is for what is no operation of either: unknown paths, OPTIONS, methods that a path has
 * not. So a login that fails is not mixed up with somebody's GET of /api/auth/login. */
#include "route_metrics.h"

#include <inttypes.h>

#include "gatepost/layout.h"
#include "gatepost/metrics.h"

#include "routes.h"

#define OTHER (METRIC_ROUTES_MAX - 1)

static uint32_t number_of(const struct request *request)
{
    const struct route_table *table = request->worker->routes;
    const struct route *route = request->route;

    if (route == NULL || (route->methods != 0 && (route->methods & request->method) == 0))
        return OTHER;
    const size_t before = table == &ADMIN_ROUTES ? WORKER_ROUTES.count : 0;
    const size_t number = before + (size_t)(route - table->routes);
    return number < OTHER ? (uint32_t)number : OTHER;
}

static enum metric_histogram histogram_of(const struct request *request)
{
    if (request->hashed)
        return HISTOGRAM_HTTP_HASH;
    return (request->method & (METHOD_GET | METHOD_HEAD)) != 0 ? HISTOGRAM_HTTP_READ
                                                               : HISTOGRAM_HTTP_WRITE;
}

void route_metrics_count(const struct request *request, int status)
{
    metric_count_answer(number_of(request), status);
    metric_observe(histogram_of(request), clock_mono_ns() - request->began);
}

void route_metrics_count_foreign(int status)
{
    metric_count_answer(OTHER, status);
}

uint64_t worker_layout(void)
{
    static const struct route_table *const tables[] = {&WORKER_ROUTES, &ADMIN_ROUTES};
    uint64_t layout = LAYOUT_BEGIN;

    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (size_t i = 0; i < tables[t]->count; i++) {
            layout = layout_fold_text(layout, tables[t]->routes[i].path);
            layout = layout_fold(layout, tables[t]->routes[i].methods);
        }
    }
    return layout;
}

/* ---- the page -----------------------------------------------------------------------------------
 */

static const char *method_name(unsigned methods)
{
    if ((methods & METHOD_POST) != 0)
        return "POST";
    if ((methods & METHOD_PATCH) != 0)
        return "PATCH";
    if ((methods & METHOD_DELETE) != 0)
        return "DELETE";
    return "GET"; /* with HEAD */
}

/* "{id}" is shown as ":id": braces are what labels stand in, and not every reader knows quotes. */
static void print_path(FILE *out, const char *path)
{
    for (; *path != '\0'; path++) {
        if (*path != '}')
            fputc(*path == '{' ? ':' : *path, out);
    }
}

/* No route gives 1xx or 3xx; should one, it is shown. */
static void print_row(FILE *out, const struct segment *segment, uint32_t number, const char *method,
                      const char *path)
{
    for (uint32_t status = 1; status <= METRIC_STATUSES; status++) {
        const uint64_t count = metric_answers(segment, number, status);
        if (count == 0 && (status == 1 || status == 3))
            continue;
        fprintf(out, "gatepost_http_requests_total{method=\"%s\",route=\"", method);
        print_path(out, path);
        fprintf(out, "\",status=\"%uxx\"} %" PRIu64 "\n", status, count);
    }
}

static void print_table(FILE *out, const struct segment *segment, const struct route_table *table,
                        size_t before)
{
    for (size_t i = 0; i < table->count && before + i < OTHER; i++)
        print_row(out, segment, (uint32_t)(before + i), method_name(table->routes[i].methods),
                  table->routes[i].path);
}

void route_metrics_print(FILE *out, const struct segment *segment)
{
    metrics_print_head(out, "gatepost_http_requests_total",
                       "Requests answered, by route and class of status; route other: what is no "
                       "operation of the API.",
                       "counter");
    print_table(out, segment, &WORKER_ROUTES, 0);
    print_table(out, segment, &ADMIN_ROUTES, WORKER_ROUTES.count);
    print_row(out, segment, OTHER, "", "other");
}

/* From libh2o's request to ours, and the link between the two.
 *
 * The first handler is also the place for the checks of the raw head, which still lies at the
 * start of the connection's input when it runs. */
#include "request.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/encoding.h"
#include "gatepost/fault.h"
#include "gatepost/metrics.h"
#include "gatepost/secret.h"

#include "bearer.h"
#include "forwarded.h"
#include "hasher.h"
#include "head.h"
#include "http2.h"
#include "http2_head.h"
#include "reply.h"
#include "routes.h"
#include "server.h"

/* In h2o's pool. Whoever goes first, the pool or the request, leaves NULL to the other. */
struct request_link {
    struct request *request;
};

static void mark_gone(struct request *request)
{
    if (request->gone)
        return;
    request->gone = true;
    metric_count(METRIC_HTTP_GONE);
    if (request->hash != NULL)
        hasher_cancel(request->worker->hasher, request->hash);
}

static void on_client_gone(void *of_link)
{
    struct request_link *link = of_link;
    struct request *request = link->request;

    if (request == NULL)
        return;
    request->h2o = NULL;
    request->link = NULL;
    mark_gone(request);
}

void request_give_up(struct request *request)
{
    server_cut(request->h2o);
    mark_gone(request);
}

void request_make_id(struct worker *worker, char id_out[REQUEST_ID_BYTES])
{
    const uint64_t words[2] = {htobe64(worker->id_base), htobe64(++worker->id_count)};

    hex_encode(words, sizeof(words), id_out);
}

/* A proxy of ours has named it already; anybody else's name could be another request's. */
static void name_request(struct request *request)
{
    struct slice id = request_header(request, "x-request-id");

    if (!request_id_is_safe(id) || !forwarded_is_by_proxy(request->worker, request->h2o) ||
        !slice_to_text(id, request->id, sizeof(request->id)))
        request_make_id(request->worker, request->id);
}

static enum method method_of(h2o_iovec_t method)
{
    if (h2o_memis(method.base, method.len, H2O_STRLIT("GET")))
        return METHOD_GET;
    if (h2o_memis(method.base, method.len, H2O_STRLIT("POST")))
        return METHOD_POST;
    if (h2o_memis(method.base, method.len, H2O_STRLIT("HEAD")))
        return METHOD_HEAD;
    if (h2o_memis(method.base, method.len, H2O_STRLIT("OPTIONS")))
        return METHOD_OPTIONS;
    if (h2o_memis(method.base, method.len, H2O_STRLIT("PATCH")))
        return METHOD_PATCH;
    if (h2o_memis(method.base, method.len, H2O_STRLIT("DELETE")))
        return METHOD_DELETE;
    return 0;
}

static char *copy_of_segment(struct slice segment)
{
    if (segment.len == 0)
        return NULL;
    char *copy = xcalloc(1, segment.len + 1);
    memcpy(copy, segment.at, segment.len);
    return copy;
}

static struct request *request_new(struct worker *worker, h2o_req_t *h2o)
{
    struct request *request = xcalloc(1, sizeof(*request));
    struct slice segments[ROUTE_SEGMENTS_MAX] = {{NULL, 0}};

    request->worker = worker;
    request->h2o = h2o;
    request->began = clock_mono_ns();
    request->link = h2o_mem_alloc_shared(&h2o->pool, sizeof(*request->link), on_client_gone);
    request->link->request = request;
    request->method = method_of(h2o->method);
    request->route = route_find(worker->routes, slice_of(h2o->input.path.base, h2o->input.path.len),
                                request->method, segments);
    request->segment = copy_of_segment(segments[0]);
    request->subsegment = copy_of_segment(segments[1]);
    request->older = worker->requests;
    if (request->older != NULL)
        request->older->newer = request;
    worker->requests = request;
    worker->request_count++;
    name_request(request);
    return request;
}

void request_forget_body(struct request *request)
{
    if (request->body == NULL)
        return;
    body_fini(request->body);
    free(request->body);
    request->body = NULL;
}

void request_cut(struct request *request)
{
    if (request->link != NULL)
        request->link->request = NULL;
    request->link = NULL;
    request->h2o = NULL;
}

void request_free(struct request **request)
{
    struct request *gone = *request;

    request_cut(gone);
    if (gone->older != NULL)
        gone->older->newer = gone->newer;
    if (gone->newer != NULL)
        gone->newer->older = gone->older;
    else
        gone->worker->requests = gone->older;
    gone->worker->request_count--;
    h2o_timeout_unlink(&gone->later);
    request_forget_body(gone);
    bearer_forget(gone);
    json_writer_free(&gone->writer);
    free(gone->segment);
    free(gone->subsegment);
    if (gone->state != NULL)
        secret_wipe(gone->state, gone->state_bytes);
    free(gone->state);
    free(gone);
    *request = NULL;
}

void *request_keep(struct request *request, size_t bytes)
{
    BUG_ON(request->state != NULL);
    request->state = xcalloc(1, bytes);
    request->state_bytes = bytes;
    return request->state;
}

void *request_grow(struct request *request, size_t bytes)
{
    void *more = xcalloc(1, bytes);

    BUG_ON(request->state == NULL || bytes < request->state_bytes);
    memcpy(more, request->state, request->state_bytes);
    secret_wipe(request->state, request->state_bytes);
    free(request->state);
    request->state = more;
    request->state_bytes = bytes;
    return more;
}

static enum head_verdict check_head(h2o_req_t *h2o, struct head_extent *extent_out)
{
    const h2o_buffer_t *input = h2o->conn->callbacks->get_socket(h2o->conn)->input;

    *extent_out = (struct head_extent){0};
    return http2_is(h2o) ? http2_head_check(h2o)
                         : head_check(slice_of(input->bytes, input->size), extent_out);
}

int request_on_h2o(h2o_handler_t *handler, h2o_req_t *h2o)
{
    struct worker *worker = server_of_handler(handler)->worker;
    struct request *request = request_new(worker, h2o);
    const bool has_body = (request->method & METHODS_WITH_BODY) != 0;

    struct head_extent head;

    FAULT("w.parse");
    const enum head_verdict verdict = check_head(h2o, &head);
    request->followed = server_is_followed(h2o, &head);
    switch (verdict) {
    case HEAD_FINE_BUT_LAST:
        server_close_after(h2o);
        /* fallthrough */
    case HEAD_FINE:
        route_dispatch(&request);
        if (has_body) /* which may have had a password in it */
            secret_wipe_stack();
        return 0;
    case HEAD_BAD:
        server_close_after(h2o);
        reply_problem(&request, PROBLEM_BAD_REQUEST);
        return 0;
    case HEAD_TOO_LARGE:
        server_close_after(h2o);
        reply_problem(&request, PROBLEM_HEAD_TOO_LARGE);
        return 0;
    case HEAD_EXPECTATION:
        server_close_after(h2o);
        reply_problem(&request, PROBLEM_EXPECTATION);
        return 0;
    }
    BUG_ON(true);
}

struct slice request_header(const struct request *request, const char *name)
{
    const h2o_headers_t *headers = &request->h2o->headers;
    size_t len = strlen(name);

    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *header = &headers->entries[i];
        if (h2o_memis(header->name->base, header->name->len, name, len))
            return slice_of(header->value.base, header->value.len);
    }
    return slice_of(NULL, 0);
}

struct slice request_body(const struct request *request)
{
    return slice_of(request->h2o->entity.base, request->h2o->entity.len);
}

struct slice request_query(const struct request *request)
{
    const h2o_iovec_t path = request->h2o->input.path;
    const char *mark = memchr(path.base, '?', path.len);

    if (mark == NULL)
        return slice_of(NULL, 0);
    return slice_of(mark + 1, path.len - (size_t)(mark + 1 - path.base));
}

const char *request_peer(struct request *request)
{
    if (request->peer[0] != '\0' || request->h2o == NULL)
        return request->peer;
    if (request->worker->heritage->role == ROLE_ADMIN)
        server_operator(request->h2o, request->peer, sizeof(request->peer));
    else
        forwarded_peer(request->worker, request->h2o, request->peer, sizeof(request->peer));
    return request->peer;
}

/* Chunks are decoded by moving them down, and a growing buffer is copied, so bytes of the body may
 * also lie behind the end of what is buffered. Pipelined requests lie in between: left alone. */
void request_wipe_body(struct request *request)
{
    h2o_req_t *h2o = request->h2o;
    h2o_buffer_t *input = h2o->conn->callbacks->get_socket(h2o->conn)->input;

    if (h2o->entity.len == 0)
        return;
    secret_wipe(h2o->entity.base, h2o->entity.len);
    /* What is spare may hold what was moved from there. capacity counts from _buf; bytes has moved
     * on by the requests that were answered out of this buffer. */
    char *spare = input->bytes + input->size;
    const char *end = input->_buf + input->capacity;
    if (input->bytes != NULL && spare < end)
        secret_wipe(spare, (size_t)(end - spare));
    server_wipe_outgrown(h2o);
    h2o->entity.len = 0;
}

bool request_read_body(struct request **request)
{
    struct err err = {""};
    char sentence[sizeof(err.text) + 32];
    struct body *body = (*request)->body = xcalloc(1, sizeof(*body));
    enum body_status status =
        body_read((*request)->body_format, request_body(*request), body, &err);

    request_wipe_body(*request);
    body->single_script = (*request)->worker->config->username_single_script;
    switch (status) {
    case BODY_OK:
        return true;
    case BODY_NOT_JSON:
        snprintf(sentence, sizeof(sentence), "JSON parse error - %s", err.text);
        reply_detail(request, 400, sentence);
        return false;
    case BODY_NOT_FORM:
        reply_problem(request, PROBLEM_BAD_REQUEST);
        return false;
    case BODY_NOT_OBJECT:
        reply_field(request, "non_field_errors", body_not_object_sentence(body->object.top));
        return false;
    }
    BUG_ON(true);
}

bool request_check_body(struct request **request, const struct field *fields, size_t count,
                        void *checked)
{
    struct field_problems problems[BODY_FIELDS_MAX];

    if (body_check((*request)->body, fields, count, checked, problems) == 0)
        return true;
    reply_fields(request, fields, problems, count);
    return false;
}

static void on_later(h2o_timeout_entry_t *entry)
{
    struct request *request = H2O_STRUCT_FROM_MEMBER(struct request, later, entry);

    request->on_later(request);
}

void request_call_later(struct request *request, void (*on_later_fn)(struct request *request))
{
    struct server *server = request->worker->server;

    request->on_later = on_later_fn;
    request->later.cb = on_later;
    h2o_timeout_link(server->context.loop, &server->later_timeout, &request->later);
}

void request_ask(struct request **request, enum store_request ask, const struct packer *packed,
                 store_answer_fn on_answer)
{
    BUG_ON(packed->overflow);
    struct store_client *store = (*request)->worker->store;

    store_client_speak_for(store, (*request)->id);
    const bool asked = store_ask(store, ask, packer_slice(packed), clock_mono_ns() + STORE_WAIT_NS,
                                 on_answer, *request);
    store_client_speak_for(store, "");
    if (asked) {
        FAULT("w.asked");
        *request = NULL;
    } else {
        reply_problem(request, PROBLEM_UNAVAILABLE);
    }
}

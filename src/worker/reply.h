/* Answers. Every function takes the request and frees it; when the client is gone nothing is sent.
 * The headers that every answer carries are put on here and nowhere else. */
#ifndef WORKER_REPLY_H
#define WORKER_REPLY_H

#include "request.h"

enum problem {
#define PROBLEM(name, status, body) PROBLEM_##name,
#include "problems.def"
#undef PROBLEM
    PROBLEM_COUNT
};

/* What the access log says where the client left before its answer, as nginx has it. Nobody is sent
 * it. */
#define REPLY_STATUS_GONE 499

/* Adds a header to the answer to come, one that no other endpoint's answers have. lower, shown: its
 * name, constants. value: copied. */
void reply_add_header(struct request *request, const char *lower, const char *shown,
                      const char *value);

/* body: JSON that lives for ever. */
void reply_constant(struct request **request, int status, const char *body);

/* body: JSON, copied. */
void reply_json_text(struct request **request, int status, struct slice body);

/* Takes the writer. */
void reply_json(struct request **request, int status, struct json_writer **writer);

void reply_problem(struct request **request, enum problem problem);

/* What a store status other than the endpoint's own ones means to the client. */
void reply_store_trouble(struct request **request, enum store_status status);

/* {"detail":sentence}; sentence: valid UTF-8, borrowed. */
void reply_detail(struct request **request, int status, const char *sentence);

/* 400 with {"field":["sentence",...],...}, those fields that have problems. */
void reply_fields(struct request **request, const struct field *fields,
                  const struct field_problems *problems, size_t count);

/* 400 with {"field":["sentence"]}. */
void reply_field(struct request **request, const char *field, const char *sentence);

/* 401 {"detail":sentence,"code":"token_not_valid"}. */
void reply_token_refused(struct request **request, const char *sentence);

/* 401 as simplejwt refuses an Authorization header's token. */
void reply_access_refused(struct request **request, const char *sentence);

/* 405 {"detail":"Method \"GET\" not allowed."} and 415. */
void reply_method_not_allowed(struct request **request);
void reply_unsupported_type(struct request **request, struct slice type);

/* 429 with Retry-After; wait_s 0: nobody knows how long. */
void reply_throttled(struct request **request, uint32_t wait_s);

/* Another content type; body is copied. csp: NULL for the one of JSON. */
void reply_text(struct request **request, int status, const char *type, const char *csp,
                struct slice body);

/* 204 with Allow. */
void reply_no_content(struct request **request);

/* The one that leaves the request alive, cut loose, because the store or a hash thread still has
 * it: 503 when the worker must leave. */
void reply_unavailable_and_cut(struct request *request);

/* libh2o makes answers of its own before a request has a route: their headers and body are
 * replaced by these. Returns the body, which lives for ever. */
struct slice reply_dress_foreign(h2o_req_t *h2o, const char *request_id);

#endif

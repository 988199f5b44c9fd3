/* What a worker sent over one connection, looked at as a strict client would: whole HTTP/1.1
 * answers one after the other, each with its length, its headers and a body that is what its type
 * says. */
#ifndef TESTS_FUZZ_HTTP_ANSWERS_H
#define TESTS_FUZZ_HTTP_ANSWERS_H

#include "gatepost/json.h"

/* docs/api.md names it: libh2o's own word on a head that it cannot parse, and the connection's
 * last. */
#define ANSWERS_UNPARSABLE                                                                         \
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"                      \
    "Connection: close\r\nContent-Length: 11\r\n\r\nBad Request"

extern const char openapi_json[]; /* of src/worker/openapi.c */

struct answers {
    size_t count;     /* whole ones, interim ones left out */
    size_t interim;   /* 100 Continue */
    size_t bodyless;  /* with a length and without the body: answers to HEAD */
    int first_status; /* 0 without one */
    bool is_last;     /* the last one said Connection: close */
};

/* "" for a header that is not there. */
static inline struct slice answers_header(struct slice head, const char *name)
{
    const size_t name_len = strlen(name);

    for (const char *at = head.at; at < head.at + head.len;) {
        const char *end = memmem(at, (size_t)(head.at + head.len - at), "\r\n", 2);
        BUG_ON(end == NULL);
        if ((size_t)(end - at) > name_len + 2 && strncasecmp(at, name, name_len) == 0 &&
            memcmp(at + name_len, ": ", 2) == 0)
            return slice_of(at + name_len + 2, (size_t)(end - at) - name_len - 2);
        at = end + 2;
    }
    return slice_of("", 0);
}

static inline bool answers_is_cacheable(struct slice head)
{
    return slice_equal(answers_header(head, "cache-control"), SLICE_LITERAL("public, max-age=300"));
}

/* Of http.cors_origins and http.cookies as http.c has them. */
#define ANSWERS_ORIGIN "https://app.example"

static inline void answers_check_origin(struct slice head, int status)
{
    struct slice origin = answers_header(head, "access-control-allow-origin");
    struct slice credentials = answers_header(head, "access-control-allow-credentials");

    BUG_ON(origin.len != 0 && !slice_equal(origin, SLICE_LITERAL(ANSWERS_ORIGIN)));
    BUG_ON((origin.len != 0) != (credentials.len != 0));
    BUG_ON(origin.len != 0 && answers_header(head, "vary").len == 0);
    /* Set by a success; taken away also with a refusal of what it held. */
    BUG_ON(status != 200 && status != 401 && answers_header(head, "set-cookie").len != 0);
}

static inline void answers_check_head(struct slice head, int status)
{
    static const int known[] = {200, 201, 202, 204, 400, 401, 403, 404, 405,
                                413, 415, 417, 422, 429, 431, 500, 503};
    size_t i = 0;

    while (i < ARRAY_LEN(known) && known[i] != status)
        i++;
    BUG_ON(i == ARRAY_LEN(known));
    for (i = 0; i < head.len; i++) {
        const char c = head.at[i];
        BUG_ON((c < 0x20 || c > 0x7e) && c != '\r' && c != '\n');
        BUG_ON(c == '\n' && (i == 0 || head.at[i - 1] != '\r'));
    }
    BUG_ON(answers_header(head, "x-request-id").len == 0);
    BUG_ON(!slice_equal(answers_header(head, "cache-control"), SLICE_LITERAL("no-store")) &&
           (status != 200 || !answers_is_cacheable(head)));
    BUG_ON(answers_header(head, "content-security-policy").len == 0);
    BUG_ON(answers_header(head, "server").len != 0);
    BUG_ON((status == 503 || status == 429) != (answers_header(head, "retry-after").len != 0));
    BUG_ON((status == 401) != (answers_header(head, "www-authenticate").len != 0));
    answers_check_origin(head, status);
}

static inline void answers_check_body(struct slice head, struct slice body)
{
    struct slice type = answers_header(head, "content-type");
    struct json_object object;
    struct err err;

    if (answers_is_cacheable(head) && slice_equal(body, slice_of_text(openapi_json)))
        return; /* deeper than json_read goes */
    if (slice_equal(type, SLICE_LITERAL("application/json"))) {
        const enum json_status status = json_read(body, &object, &err);
        BUG_ON(status != JSON_OK && !(status == JSON_NOT_OBJECT && object.top == JSON_ARRAY));
        json_object_fini(&object);
    } else if (slice_equal(type, SLICE_LITERAL("text/html; charset=utf-8"))) {
        BUG_ON(memmem(body.at, body.len, "</html>\n", 8) != body.at + body.len - 8);
    } else {
        BUG_ON(!slice_equal(type, SLICE_LITERAL("text/plain; version=0.0.4; charset=utf-8")));
    }
}

/* Content-Length as a number; SIZE_MAX without one. */
static inline size_t answers_length(struct slice head)
{
    struct slice text = answers_header(head, "content-length");
    size_t len = 0;

    if (text.len == 0)
        return SIZE_MAX;
    for (size_t i = 0; i < text.len; i++) {
        BUG_ON(text.at[i] < '0' || text.at[i] > '9' || len > 1000000);
        len = len * 10 + (size_t)(text.at[i] - '0');
    }
    return len;
}

/* Takes one answer off the front. Answers to HEAD have a length and no body: what follows begins
 * like another answer, or there is nothing, and no body of ours begins like that. */
static inline void answers_take(struct slice *rest, struct answers *answers)
{
    static const char version[] = "HTTP/1.1 ";
    const size_t version_len = sizeof(version) - 1;
    const char *end = memmem(rest->at, rest->len, "\r\n\r\n", 4);

    BUG_ON(end == NULL || rest->len < version_len + 4);
    BUG_ON(memcmp(rest->at, version, version_len) != 0 || rest->at[version_len + 3] != ' ');
    const int status = (rest->at[9] - '0') * 100 + (rest->at[10] - '0') * 10 + rest->at[11] - '0';
    const char *line_end = memmem(rest->at, rest->len, "\r\n", 2);
    struct slice head = slice_of(line_end + 2, (size_t)(end + 2 - line_end - 2));
    *rest = slice_of(end + 4, rest->len - (size_t)(end + 4 - rest->at));
    if (status == 100) {
        BUG_ON(head.len != 0);
        answers->interim++;
        return;
    }
    answers_check_head(head, status);
    answers->is_last = slice_equal(answers_header(head, "connection"), SLICE_LITERAL("close"));
    answers->first_status = answers->count++ == 0 ? status : answers->first_status;
    const size_t len = answers_length(head);
    BUG_ON((status == 204) != (len == SIZE_MAX));
    if (status == 204)
        return;
    if (rest->len == 0 ||
        (rest->len > version_len && memcmp(rest->at, version, version_len) == 0)) {
        answers->bodyless++;
        return;
    }
    BUG_ON(rest->len < len);
    answers_check_body(head, slice_of(rest->at, len));
    *rest = slice_of(rest->at + len, rest->len - len);
}

static inline struct answers answers_check(struct slice output)
{
    struct answers answers = {0};

    while (output.len > 0) {
        BUG_ON(answers.is_last);
        if (slice_equal(output, SLICE_LITERAL(ANSWERS_UNPARSABLE))) {
            answers.count++;
            return answers;
        }
        answers_take(&output, &answers);
    }
    return answers;
}

#endif

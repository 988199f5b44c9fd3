/* Refusals whose words depend on something: in the shapes of Django REST framework and simplejwt.
 * The fixed ones are reply.c's table. */
#include <stdio.h>

#include "reply.h"

void reply_store_trouble(struct request **request, enum store_status status)
{
    switch (status) {
    case STORE_BUSY:
    case STORE_AWAY:
        reply_problem(request, PROBLEM_UNAVAILABLE);
        return;
    case STORE_OK:
    case STORE_DUPLICATE:
    case STORE_NOT_FOUND:
    case STORE_SPENT:
    case STORE_REFUSED:
    case STORE_POISON:
    case STORE_STATUS_COUNT:
        break;
    }
    reply_problem(request, PROBLEM_INTERNAL);
}

static void name_and_text(struct json_writer *writer, const char *name, const char *text)
{
    json_string(writer, slice_of_text(name));
    json_string(writer, slice_of_text(text));
}

void reply_detail(struct request **request, int status, const char *sentence)
{
    struct json_writer *writer = json_writer_new();

    json_object_begin(writer);
    name_and_text(writer, "detail", sentence);
    json_object_end(writer);
    reply_json(request, status, &writer);
}

void reply_fields(struct request **request, const struct field *fields,
                  const struct field_problems *problems, size_t count)
{
    struct json_writer *writer = json_writer_new();

    json_object_begin(writer);
    for (size_t i = 0; i < count; i++) {
        if (problems[i].count == 0)
            continue;
        json_string(writer, slice_of_text(fields[i].name));
        json_array_begin(writer);
        for (size_t j = 0; j < problems[i].count; j++)
            json_string(writer, slice_of_text(problems[i].sentences[j]));
        json_array_end(writer);
    }
    json_object_end(writer);
    reply_json(request, 400, &writer);
}

void reply_field(struct request **request, const char *field, const char *sentence)
{
    const struct field row = {.name = field};
    const struct field_problems problems = {.sentences = {sentence}, .count = 1};

    reply_fields(request, &row, &problems, 1);
}

void reply_token_refused(struct request **request, const char *sentence)
{
    struct json_writer *writer = json_writer_new();

    json_object_begin(writer);
    name_and_text(writer, "detail", sentence);
    name_and_text(writer, "code", "token_not_valid");
    json_object_end(writer);
    reply_json(request, 401, &writer);
}

void reply_access_refused(struct request **request, const char *sentence)
{
    struct json_writer *writer = json_writer_new();

    json_object_begin(writer);
    name_and_text(writer, "detail", "Given token not valid for any token type");
    name_and_text(writer, "code", "token_not_valid");
    json_string(writer, SLICE_LITERAL("messages"));
    json_array_begin(writer);
    json_object_begin(writer);
    name_and_text(writer, "token_class", "AccessToken");
    name_and_text(writer, "token_type", "access");
    name_and_text(writer, "message", sentence);
    json_object_end(writer);
    json_array_end(writer);
    json_object_end(writer);
    reply_json(request, 401, &writer);
}

void reply_method_not_allowed(struct request **request)
{
    h2o_iovec_t method = {NULL, 0}; /* a token: head_check saw to it */
    char sentence[64];

    if ((*request)->h2o != NULL)
        method = (*request)->h2o->method;
    snprintf(sentence, sizeof(sentence), "Method \"%.*s\" not allowed.", (int)method.len,
             method.base);
    reply_detail(request, 405, sentence);
}

void reply_unsupported_type(struct request **request, struct slice type)
{
    char sentence[256];
    char shown[128];
    size_t len = 0;

    /* DRF shows the header as it came; what is not printable ASCII is not shown back. */
    for (size_t i = 0; i < type.len && len < sizeof(shown) - 1; i++)
        shown[len++] = type.at[i] >= 0x20 && type.at[i] < 0x7f ? type.at[i] : '?';
    shown[len] = '\0';
    snprintf(sentence, sizeof(sentence), "Unsupported media type \"%s\" in request.", shown);
    reply_detail(request, 415, sentence);
}

void reply_throttled(struct request **request, uint32_t wait_s)
{
    char sentence[96] = "Request was throttled.";
    char seconds[16];

    if (wait_s > 0) {
        snprintf(seconds, sizeof(seconds), "%u", wait_s);
        reply_add_header(*request, "retry-after", "Retry-After", seconds);
        snprintf(sentence, sizeof(sentence),
                 "Request was throttled. Expected available in %u second%s.", wait_s,
                 wait_s == 1 ? "" : "s");
    }
    reply_detail(request, 429, sentence);
}

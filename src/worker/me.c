/* GET /api/auth/me: the account of the bearer, who is known when this is called. */
#include "me.h"
#include "bearer.h"
#include "endpoints.h"
#include "reply.h"

static void write_text(struct json_writer *writer, const char *name, const char *text)
{
    json_string(writer, slice_of_text(name));
    json_string(writer, slice_of_text(text));
}

static void write_time(struct json_writer *writer, const char *name, wall_ms when)
{
    char text[CLOCK_ISO_BYTES];

    json_string(writer, slice_of_text(name));
    if (when == 0) {
        json_null(writer);
        return;
    }
    clock_iso(when, text);
    json_string(writer, slice_of_text(text));
}

void me_reply(struct request **request)
{
    const struct account *account = (*request)->account;
    struct json_writer *writer = json_writer_new();

    json_object_begin(writer);
    write_text(writer, "id", account->subject);
    write_text(writer, "username", account->username);
    write_text(writer, "email", account->email);
    json_string(writer, SLICE_LITERAL("email_verified"));
    json_flag(writer, account->email_verified);
    write_time(writer, "date_joined", account->date_joined);
    write_time(writer, "last_login", account->last_login);
    json_object_end(writer);
    reply_json(request, 200, &writer);
}

void me_on_request(struct request *request)
{
    me_reply(&request);
}

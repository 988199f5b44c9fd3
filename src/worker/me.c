/* GET /api/auth/me: the account of the bearer, who is known when this is called. */
#include "me.h"
#include "bearer.h"
#include "endpoints.h"
#include "member.h"
#include "reply.h"

void me_reply(struct request **request)
{
    const struct account *account = (*request)->account;
    struct json_writer *writer = json_writer_new();

    json_object_begin(writer);
    member_text(writer, "id", slice_of_text(account->subject));
    member_text(writer, "username", slice_of_text(account->username));
    member_text(writer, "email", slice_of_text(account->email));
    member_flag(writer, "email_verified", account->email_verified);
    member_time(writer, "date_joined", account->date_joined);
    member_time(writer, "last_login", account->last_login);
    json_object_end(writer);
    reply_json(request, 200, &writer);
}

void me_on_request(struct request *request)
{
    me_reply(&request);
}

/* GET /api/auth/me: the account of the bearer, who is known when this is called. */
#include "me.h"

#include "account.h"
#include "endpoints.h"
#include "member.h"
#include "reply.h"

static struct json_writer *write_page(const struct account *account, const char *username,
                                      const struct language *language)
{
    struct json_writer *writer = json_writer_new();

    json_object_begin(writer);
    member_text(writer, "id", slice_of_text(account->subject));
    member_text(writer, "username", slice_of_text(username));
    member_text(writer, "email", slice_of_text(account->email));
    member_flag(writer, "email_verified", account->email_verified);
    member_flag(writer, "email_bounced", account->email_bounced);
    member_time(writer, "date_joined", account->date_joined);
    member_time(writer, "last_login", account->last_login);
    member_text(writer, "language", slice_of_text(language->tag));
    json_object_end(writer);
    return writer;
}

void me_on_request(struct request *request)
{
    const struct account *account = request->account;

    if (account_page(account).len == 0) {
        struct json_writer *writer = write_page(account, account->username, &account->language);
        account_keep_page(account, json_writer_text(writer));
        json_writer_free(&writer);
    }
    reply_json_text(&request, 200, account_page(account));
}

void me_reply(struct request **request, const char *username, const struct language *language)
{
    struct json_writer *writer = write_page((*request)->account, username, language);

    reply_json(request, 200, &writer);
}

/* GET    /admin/users/{user}/sessions?after=ID   one session a line; none: that was the end
 * DELETE /admin/users/{user}/sessions            204: all of them have ended
 * DELETE /admin/users/{user}/sessions/{session}  204: that one has
 *
 *   step      where  fails how
 *   1 read    loop   404 what can be nobody's name, or no id of a session
 *   2 ask     store  404 no such account or session; 400 a name that fits two accounts; 503
 *   3 answer  loop */
#include "endpoints.h"

#include "gatepost/encoding.h"

#include "admin.h"
#include "form.h"
#include "member.h"
#include "reply.h"

#define USER_AGENT_MAX 256

struct admin_sessions {
    struct admin_ref ref;
    struct uuid after;
};

static void ask_page(struct request *request);
static void on_page(void *context, enum store_status status, struct slice payload);

/* ---- the list -----------------------------------------------------------------------------------
 */

static bool read_after(struct slice text, struct uuid *after_out)
{
    struct json_object query;
    bool fine = form_read(text, &query);

    if (fine) {
        struct slice after = admin_parameter(&query, "after");
        fine = after.len == 0 || uuid_parse(after, after_out);
    }
    json_object_fini(&query);
    return fine;
}

void user_sessions_on_request(struct request *request)
{
    struct admin_sessions *sessions = request_keep(request, sizeof(*sessions));

    if (!admin_ref_read(request->segment, &sessions->ref))
        reply_problem(&request, PROBLEM_NOT_FOUND);
    else if (!read_after(request_query(request), &sessions->after))
        reply_field(&request, "after", "This is no id.");
    else
        ask_page(request);
}

static void ask_page(struct request *request)
{
    const struct admin_sessions *sessions = request->state;
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    admin_sessions_ask_pack(&packer, &(struct admin_sessions_ask){
                                         .subject = slice_of_text(sessions->ref.subject),
                                         .username_key = slice_of_text(sessions->ref.username_key),
                                         .email_key = slice_of_text(sessions->ref.email_key),
                                         .after = sessions->after,
                                         .now = clock_wall_ms()});
    request_ask(&request, STORE_ADMIN_SESSIONS, &packer, on_page);
}

/* A browser's name for itself is whatever bytes came in its header. */
static struct slice readable(struct slice text, char storage[USER_AGENT_MAX])
{
    if (utf8_valid(text))
        return text;
    for (size_t i = 0; i < text.len; i++)
        storage[i] = (unsigned char)text.at[i] < 0x80 ? text.at[i] : '?';
    return slice_of(storage, text.len);
}

static bool write_row(struct json_writer *writer, struct slice row)
{
    struct admin_session session;
    char id[UUID_TEXT_BYTES];
    char storage[USER_AGENT_MAX];

    if (!admin_session_unpack(row, &session))
        return false;
    uuid_format(&session.session_id, id);
    json_object_begin(writer);
    member_text(writer, "id", slice_of_text(id));
    member_time(writer, "created", session.created);
    member_time(writer, "last_used", session.used);
    member_time(writer, "expires", session.expires);
    member_text(writer, "address", readable(session.peer, storage));
    member_text(writer, "user_agent", readable(session.user_agent, storage));
    json_object_end(writer);
    return true;
}

static void on_page(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct admin_sessions *sessions = request->state;
    struct admin_sessions_answer page;

    if (status != STORE_OK) {
        admin_reply_not_found(&request, status);
        return;
    }
    if (!admin_sessions_answer_unpack(payload, &page)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    sessions->after = page.next;
    if (page.rows.len == 0 && page.more && request->h2o != NULL)
        ask_page(request); /* all of them had expired */
    else
        admin_reply_lines(&request, page.rows, write_row);
}

/* ---- the end ------------------------------------------------------------------------------------
 */

void user_sessions_end_on_request(struct request *request)
{
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct admin_ref ref;
    struct uuid session_id = {{0}};

    if (!admin_ref_read(request->segment, &ref) ||
        (request->subsegment != NULL &&
         !uuid_parse(slice_of_text(request->subsegment), &session_id))) {
        reply_problem(&request, PROBLEM_NOT_FOUND);
        return;
    }
    admin_session_end_ask_pack(
        &packer, &(struct admin_session_end_ask){.subject = slice_of_text(ref.subject),
                                                 .username_key = slice_of_text(ref.username_key),
                                                 .email_key = slice_of_text(ref.email_key),
                                                 .all = request->subsegment == NULL,
                                                 .session_id = session_id,
                                                 .peer = slice_of_text(request_peer(request)),
                                                 .now = clock_wall_ms()});
    request_ask(&request, STORE_ADMIN_SESSION_END, &packer, admin_on_done);
}

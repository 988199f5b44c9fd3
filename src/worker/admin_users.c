/* GET    /admin/users/{user}   the account
 * PATCH  /admin/users/{user}   {active, email_verified, password, username}, any of them
 * DELETE /admin/users/{user}   204: it is gone, with all that was its own
 *
 *   step            where        fails how
 *   1 read          loop         404 what can be nobody's name; 400 field errors, a member that is
 *                                not known, no change at all
 *   2 ask_whose     store        with a password alone: whose it is to be, for the policy; from
 *                                here on the account goes by its id: its name may change hands
 *                                while the password is hashed; 404
 *   3 judge         loop         400 the password
 *   4 hash          hash thread  503 queue full or waited too long
 *   5 ask_to_store  store        404, 400 a name that fits two accounts or is taken; 503; one
 *                                transaction: the account, the end of its sessions, audit entries
 *   6 answer        loop         200 with the account as it is now */
#include "endpoints.h"

#include "admin.h"
#include "hasher.h"
#include "new_password.h"
#include "reply.h"

struct change_form {
    bool active;
    bool email_verified;
    struct slice password; /* points into the request's body */
    struct username username;
};

static const struct field FIELDS[] = {
    {"active", FIELD_FLAG, offsetof(struct change_form, active)},
    {"email_verified", FIELD_FLAG, offsetof(struct change_form, email_verified)},
    {"password", FIELD_PASSWORD, offsetof(struct change_form, password)},
    {"username", FIELD_USERNAME, offsetof(struct change_form, username)},
};
static const uint8_t CHANGES[] = {ADMIN_CHANGE_ACTIVE, ADMIN_CHANGE_VERIFIED, ADMIN_CHANGE_PASSWORD,
                                  ADMIN_CHANGE_USERNAME};

struct user_change {
    struct admin_ref ref;
    struct change_form form;
    uint8_t changes; /* bits of enum admin_change */
};

static void ask_whose(struct request *request, const struct admin_ref *ref,
                      store_answer_fn on_answer);
static void on_shown(void *context, enum store_status status, struct slice payload);
static void on_whose(void *context, enum store_status status, struct slice payload);
static void on_hashed(void *owner, const struct password_work *work);
static void ask_to_store(struct request *request, const char *encoded);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void user_show_on_request(struct request *request)
{
    struct admin_ref ref;

    if (admin_ref_read(request->segment, &ref))
        ask_whose(request, &ref, on_shown);
    else
        reply_problem(&request, PROBLEM_NOT_FOUND);
}

static bool knows_all(const struct json_object *object)
{
    size_t known = 0;

    for (size_t i = 0; i < object->count; i++) {
        for (size_t j = 0; j < ARRAY_LEN(FIELDS); j++)
            known += slice_equal(object->members[i].name, slice_of_text(FIELDS[j].name));
    }
    return known == object->count;
}

/* Checks those fields that came. Returns false when the request has been answered. */
static bool read_form(struct request **request, struct user_change *change)
{
    struct field fields[ARRAY_LEN(FIELDS)];
    size_t count = 0;

    if (!knows_all(&(*request)->body->object)) {
        reply_field(request, "non_field_errors", "There is a member that is not known.");
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(FIELDS); i++) {
        if (body_has((*request)->body, FIELDS[i].name)) {
            fields[count++] = FIELDS[i];
            change->changes |= CHANGES[i];
        }
    }
    if (count == 0) {
        reply_field(request, "non_field_errors", "This changes nothing.");
        return false;
    }
    return request_check_body(request, fields, count, &change->form);
}

void user_change_on_request(struct request *request)
{
    struct user_change *change = request_keep(request, sizeof(*change));

    request_peer(request);
    if (!admin_ref_read(request->segment, &change->ref)) {
        reply_problem(&request, PROBLEM_NOT_FOUND);
        return;
    }
    if (!request_read_body(&request) || !read_form(&request, change))
        return;
    if ((change->changes & ADMIN_CHANGE_PASSWORD) != 0)
        ask_whose(request, &change->ref, on_whose);
    else
        ask_to_store(request, "");
}

void user_delete_on_request(struct request *request)
{
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct admin_ref ref;

    if (!admin_ref_read(request->segment, &ref)) {
        reply_problem(&request, PROBLEM_NOT_FOUND);
        return;
    }
    admin_user_delete_ask_pack(
        &packer, &(struct admin_user_delete_ask){.subject = slice_of_text(ref.subject),
                                                 .username_key = slice_of_text(ref.username_key),
                                                 .email_key = slice_of_text(ref.email_key),
                                                 .peer = slice_of_text(request_peer(request)),
                                                 .now = clock_wall_ms()});
    request_ask(&request, STORE_ADMIN_USER_DELETE, &packer, admin_on_done);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void ask_whose(struct request *request, const struct admin_ref *ref,
                      store_answer_fn on_answer)
{
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    admin_user_ask_pack(&packer,
                        &(struct admin_user_ask){.subject = slice_of_text(ref->subject),
                                                 .username_key = slice_of_text(ref->username_key),
                                                 .email_key = slice_of_text(ref->email_key)});
    request_ask(&request, STORE_ADMIN_USER, &packer, on_answer);
}

/* ---- 3, 4 ---------------------------------------------------------------------------------------
 */

static void judge_and_hash(struct request *request, const struct admin_user_answer *user)
{
    struct user_change *change = request->state;
    struct field_problems problems = {.count = 0};
    char username[USERNAME_MAX_BYTES + 1];
    char email[EMAIL_MAX_BYTES + 1];

    if (!slice_to_text(user->username, username, sizeof(username)) ||
        !slice_to_text(user->email, email, sizeof(email))) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    if (!new_password_judge(request->worker, change->form.password, username, email, &problems)) {
        reply_field(&request, "password", problems.sentences[0]);
        return;
    }
    struct admin_ref ref = {.subject = ""};
    if (!slice_to_text(user->subject, ref.subject, sizeof(ref.subject))) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    change->ref = ref;
    if (!hasher_encode(&request, change->form.password, on_hashed))
        return;
    change->form.password = slice_of(NULL, 0);
    request_forget_body(request);
}

static void on_whose(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct admin_user_answer user;

    if (status != STORE_OK)
        admin_reply_not_found(&request, status);
    else if (!admin_user_answer_unpack(payload, &user))
        reply_problem(&request, PROBLEM_INTERNAL);
    else
        judge_and_hash(request, &user);
}

/* ---- 5 ------------------------------------------------------------------------------------------
 */

static void on_hashed(void *owner, const struct password_work *work)
{
    struct request *request = owner;

    if (work->expired)
        reply_problem(&request, PROBLEM_UNAVAILABLE);
    else
        ask_to_store(request, work->encoded);
}

/* encoded: "" where the password stays. */
static void ask_to_store(struct request *request, const char *encoded)
{
    const struct user_change *change = request->state;
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    admin_user_change_ask_pack(&packer,
                               &(struct admin_user_change_ask){
                                   .subject = slice_of_text(change->ref.subject),
                                   .username_key = slice_of_text(change->ref.username_key),
                                   .email_key = slice_of_text(change->ref.email_key),
                                   .changes = change->changes,
                                   .active = change->form.active,
                                   .email_verified = change->form.email_verified,
                                   .password = slice_of_text(encoded),
                                   .new_username = slice_of_text(change->form.username.text),
                                   .new_username_key = slice_of_text(change->form.username.key),
                                   .peer = slice_of_text(request->peer),
                                   .now = clock_wall_ms()});
    request_ask(&request, STORE_ADMIN_USER_CHANGE, &packer, on_shown);
}

/* ---- 6 ------------------------------------------------------------------------------------------
 */

static void on_shown(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct admin_user_answer user;

    if (status == STORE_DUPLICATE && payload.len > 0) {
        reply_field(&request, "username", USERNAME_TAKEN);
        return;
    }
    if (status != STORE_OK) {
        admin_reply_not_found(&request, status);
        return;
    }
    if (!admin_user_answer_unpack(payload, &user)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    struct json_writer *writer = json_writer_new();
    admin_write_user(writer, &user);
    reply_json(&request, 200, &writer);
}

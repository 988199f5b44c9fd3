/* POST /admin/users {username, email, password, active, email_verified}
 *
 *   step            where        fails how
 *   1 read          loop         400 field errors, the password's among them
 *   2 hash          hash thread  503 queue full or waited too long; not without a password
 *   3 ask_to_store  store        400 taken names; 503; one transaction: account, audit entry
 *   4 answer        loop         201 with the account
 *
 * Without a password (absent or null) nobody can log in until one is set. active is true where it
 * does not stand, email_verified false. No letter goes out: whoever is added hears of it from the
 * one who added him, and can have a letter sent that proves the address. */
#include "endpoints.h"

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#include "admin.h"
#include "hasher.h"
#include "new_password.h"
#include "reply.h"

/* Django's form of a password that nobody has: the mark and 40 characters that say nothing. */
#define NO_PASSWORD_RANDOM_BYTES 30

struct add_form {
    struct email email;
    struct username username;
    struct slice password; /* points into the request's body */
    bool active;
    bool email_verified;
};

enum { FORM_EMAIL, FORM_USERNAME, FORM_PASSWORD, FORM_ACTIVE, FORM_VERIFIED, FORM_FIELDS };
static const struct field FIELDS[FORM_FIELDS] = {
    {"email", FIELD_EMAIL, offsetof(struct add_form, email)},
    {"username", FIELD_USERNAME, offsetof(struct add_form, username)},
    {"password", FIELD_PASSWORD, offsetof(struct add_form, password)},
    {"active", FIELD_FLAG, offsetof(struct add_form, active)},
    {"email_verified", FIELD_FLAG, offsetof(struct add_form, email_verified)},
};

static void on_hashed(void *owner, const struct password_work *work);
static void ask_to_store(struct request *request, const char *encoded);
static void on_stored(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

/* The first two are required, the others looked at when they came. Returns false when the request
 * has been answered. */
static bool read_form(struct request **request, struct add_form *form)
{
    struct field fields[FORM_FIELDS];
    struct field_problems problems[FORM_FIELDS];
    size_t password_at = FORM_FIELDS;
    size_t count = 0;

    for (size_t i = 0; i < FORM_FIELDS; i++) {
        if (i > FORM_USERNAME && !body_has_value((*request)->body, FIELDS[i].name))
            continue;
        if (i == FORM_PASSWORD)
            password_at = count;
        fields[count++] = FIELDS[i];
    }
    size_t wrong = body_check((*request)->body, fields, count, form, problems);
    if (password_at < count && problems[password_at].count == 0 &&
        !new_password_judge((*request)->worker, form->password, form->username.text,
                            form->email.address, &problems[password_at]))
        wrong++;
    if (wrong > 0)
        reply_fields(request, fields, problems, count);
    return wrong == 0;
}

static void form_nobody(char encoded_out[PASSWORD_ENCODED_BYTES])
{
    uint8_t random[NO_PASSWORD_RANDOM_BYTES];

    random_bytes(random, sizeof(random));
    encoded_out[0] = '!';
    base64url_encode(random, sizeof(random), encoded_out + 1);
}

void users_add_on_request(struct request *request)
{
    struct add_form *form = request_keep(request, sizeof(*form));
    char encoded[PASSWORD_ENCODED_BYTES];

    request_peer(request);
    form->active = true;
    if (!request_read_body(&request) || !read_form(&request, form))
        return;
    if (form->password.len == 0) {
        form_nobody(encoded);
        ask_to_store(request, encoded);
        return;
    }

    /* ---- 2 ---- */
    if (!hasher_encode(&request, form->password, on_hashed))
        return;
    form->password = slice_of(NULL, 0);
    request_forget_body(request);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void on_hashed(void *owner, const struct password_work *work)
{
    struct request *request = owner;

    if (work->expired)
        reply_problem(&request, PROBLEM_UNAVAILABLE);
    else
        ask_to_store(request, work->encoded);
}

static void ask_to_store(struct request *request, const char *encoded)
{
    const struct add_form *form = request->state;
    uint8_t bytes[ADMIN_ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const wall_ms now = clock_wall_ms();

    admin_user_add_ask_pack(
        &packer, &(struct admin_user_add_ask){.user_id = uuid_new(now),
                                              .username = slice_of_text(form->username.text),
                                              .username_key = slice_of_text(form->username.key),
                                              .email = slice_of_text(form->email.address),
                                              .email_key = slice_of_text(form->email.key),
                                              .password = slice_of_text(encoded),
                                              .active = form->active,
                                              .email_verified = form->email_verified,
                                              .peer = slice_of_text(request->peer),
                                              .now = now});
    request_ask(&request, STORE_ADMIN_USER_ADD, &packer, on_stored);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void refuse_taken(struct request *request, struct slice payload)
{
    struct admin_user_add_answer taken;
    struct field_problems problems[FORM_PASSWORD] = {{.count = 0}};

    if (!admin_user_add_answer_unpack(payload, &taken)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    if (taken.email_taken != 0)
        field_problem_add(&problems[FORM_EMAIL], EMAIL_TAKEN);
    if (taken.username_taken != 0)
        field_problem_add(&problems[FORM_USERNAME], USERNAME_TAKEN);
    reply_fields(&request, FIELDS, problems, ARRAY_LEN(problems));
}

static void on_stored(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct admin_user_answer user;

    if (status == STORE_DUPLICATE) {
        refuse_taken(request, payload);
        return;
    }
    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!admin_user_answer_unpack(payload, &user)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    struct json_writer *writer = json_writer_new();
    admin_write_user(writer, &user);
    reply_json(&request, 201, &writer);
}

/* A worker that was taken over asks the store whatever it likes: nothing crashes it, a refusal and
 * a lookup change nothing, and who asked can read the answer.
 *
 * Shape of an input: a byte of choices, then requests: number, length (two bytes), ask message. The
 * choices make a sign-up before, and a session for it, so that there is something to find. */
#include <stdlib.h>
#include <unistd.h>

#include "../unit/store/store_rig.h"
#include "store/answers.h"
#include "store/purge.h"
#include "store/requests.h"

static struct env env;
static struct rig rig;

static void clean_up(void)
{
    env_close(&env);
    store_client_free(&rig.client);
    segment_close(&rig.segment);
    nftw(rig.dir, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static void set_up(void)
{
    struct err err = {{0}};

    rig_init(&rig);
    atexit(clean_up);
    if (!env_open(&env, rig.dir, 4, rig.segment, segment_store_slot(rig.segment), &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    env.keep_sent_ms = 7 * 86400000LL;
}

static enum store_status carry_out(struct call *call, uint8_t request, struct slice packed)
{
    static uint8_t answer[LANE_RECORD_MAX_BYTES - 9];

    call->packed = packed;
    call->now = RIG_NOW;
    call->roles = SEAT_WORKER | SEAT_ADMIN | SEAT_MAILER;
    call->answer = packer_over(answer, sizeof(answer));
    enum store_status status = request_carry_out(call, request);
    BUG_ON(call->failure != 0 || call->answer.overflow);
    return status;
}

static void sign_up_first(struct call *call)
{
    uint8_t bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(0);

    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    BUG_ON(carry_out(call, STORE_ACCOUNT_CREATE, packer_slice(&packer)) != STORE_OK);
}

static void open_session_first(struct call *call)
{
    static const uint8_t digest[32] = "the digest of a refresh token's";
    uint8_t bytes[512];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    session_open_ask_pack(&packer,
                          &(struct session_open_ask){.user_id = rig_person(0).user_id,
                                                     .session_id = rig_uuid(4, 0),
                                                     .jti_digest = slice_of(digest, sizeof(digest)),
                                                     .expires = RIG_NOW + 86400000,
                                                     .peer = SLICE_LITERAL("192.0.2.1"),
                                                     .now = RIG_NOW});
    BUG_ON(carry_out(call, STORE_SESSION_OPEN, packer_slice(&packer)) != STORE_OK);
}

static bool is_readable_of_sessions(uint8_t request, struct slice payload)
{
    union {
        struct session_refresh_answer session_refresh;
        struct session_list_answer session_list;
        struct export_account_answer export_account;
        struct export_letters_answer export_letters;
    } answer;

    if (request == STORE_SESSION_REFRESH)
        return session_refresh_answer_unpack(payload, &answer.session_refresh);
    if (request == STORE_SESSION_LIST)
        return session_list_answer_unpack(payload, &answer.session_list);
    if (request == STORE_EXPORT_ACCOUNT)
        return export_account_answer_unpack(payload, &answer.export_account);
    return export_letters_answer_unpack(payload, &answer.export_letters);
}

static bool is_readable_of_admin(uint8_t request, struct slice payload)
{
    struct admin_list_answer list;
    struct admin_user_answer user;
    struct admin_sessions_answer sessions;

    if (request == STORE_ADMIN_LIST)
        return admin_list_answer_unpack(payload, &list);
    if (request == STORE_ADMIN_SESSIONS)
        return admin_sessions_answer_unpack(payload, &sessions);
    return admin_user_answer_unpack(payload, &user);
}

static bool is_readable_of_trail(uint8_t request, struct slice payload)
{
    struct audit_page_answer page;
    struct audit_verify_answer verify;
    struct accounts_import_answer import;
    struct accounts_export_answer export;

    if (request == STORE_AUDIT_PAGE)
        return audit_page_answer_unpack(payload, &page);
    if (request == STORE_AUDIT_VERIFY)
        return audit_verify_answer_unpack(payload, &verify);
    if (request == STORE_ACCOUNTS_IMPORT)
        return accounts_import_answer_unpack(payload, &import);
    return accounts_export_answer_unpack(payload, &export);
}

static bool is_readable_of_mail(uint8_t request, struct slice payload)
{
    struct mail_list_answer list;
    struct mail_show_answer show;
    struct mail_change_answer change;
    struct mail_state_answer state;
    struct suppression_list_answer suppressions;

    if (request == STORE_MAIL_PAUSE || request == STORE_SUPPRESSION_ADD ||
        request == STORE_SUPPRESSION_REMOVE)
        return payload.len == 0;
    if (request == STORE_MAIL_LIST)
        return mail_list_answer_unpack(payload, &list);
    if (request == STORE_MAIL_SHOW)
        return mail_show_answer_unpack(payload, &show);
    if (request == STORE_MAIL_CHANGE)
        return mail_change_answer_unpack(payload, &change);
    if (request == STORE_MAIL_STATE)
        return mail_state_answer_unpack(payload, &state);
    return suppression_list_answer_unpack(payload, &suppressions);
}

static bool has_payload(uint8_t request, enum store_status status)
{
    if (request == STORE_ACCOUNT_CREATE || request == STORE_ACCOUNT_CHANGE)
        return status == STORE_OK || status == STORE_DUPLICATE;
    if (request == STORE_SESSION_REFRESH)
        return status == STORE_OK || status == STORE_SPENT;
    return status == STORE_OK;
}

union first_answer {
    struct name_check_answer name_check;
    struct account_create_answer account_create;
    struct letters_answer letters;
    struct proof_look_answer proof_look;
    struct account_change_answer account_change;
    struct credentials_answer credentials;
    struct user_answer user;
    struct outbox_page_answer outbox_page;
};

/* Every answer with a payload, as those who ask read it. */
static bool is_readable(uint8_t request, enum store_status status, struct slice payload)
{
    union first_answer answer;

    if (!has_payload(request, status))
        return true;
    if (request >= STORE_MAIL_LIST && request <= STORE_SUPPRESSION_REMOVE)
        return is_readable_of_mail(request, payload);
    switch ((enum store_request)request) {
    case STORE_NAME_CHECK:
        return name_check_answer_unpack(payload, &answer.name_check);
    case STORE_ACCOUNT_CREATE:
        return account_create_answer_unpack(payload, &answer.account_create);
    case STORE_PROOF_SPEND:
    case STORE_PROOF_RENEW:
    case STORE_PASSWORD_RESET:
    case STORE_PASSWORD_CHANGE:
    case STORE_ACCOUNT_DELETE:
        return letters_answer_unpack(payload, &answer.letters);
    case STORE_PROOF_LOOK:
        return proof_look_answer_unpack(payload, &answer.proof_look);
    case STORE_ACCOUNT_CHANGE:
        return account_change_answer_unpack(payload, &answer.account_change);
    case STORE_CREDENTIALS:
        return credentials_answer_unpack(payload, &answer.credentials);
    case STORE_USER:
        return user_answer_unpack(payload, &answer.user);
    case STORE_OUTBOX_PAGE:
        return outbox_page_answer_unpack(payload, &answer.outbox_page);
    case STORE_SESSION_REFRESH:
    case STORE_SESSION_LIST:
    case STORE_EXPORT_ACCOUNT:
    case STORE_EXPORT_LETTERS:
        return is_readable_of_sessions(request, payload);
    case STORE_ADMIN_LIST:
    case STORE_ADMIN_USER:
    case STORE_ADMIN_USER_ADD:
    case STORE_ADMIN_USER_CHANGE:
    case STORE_ADMIN_SESSIONS:
        return is_readable_of_admin(request, payload);
    case STORE_AUDIT_PAGE:
    case STORE_AUDIT_VERIFY:
    case STORE_ACCOUNTS_IMPORT:
    case STORE_ACCOUNTS_EXPORT:
        return is_readable_of_trail(request, payload);
    case STORE_ADMIN_USER_DELETE:
    case STORE_ADMIN_SESSION_END:
    case STORE_PING:
    case STORE_SESSION_OPEN:
    case STORE_SESSION_END:
    case STORE_SESSION_LOGOUT:
    case STORE_SESSION_CHECK:
    case STORE_OUTBOX_SETTLE:
    case STORE_BOUNCE_NOTE:
    case STORE_PASSWORD_REHASH:
    case STORE_AUDIT_NOTE:
        break;
    }
    return true;
}

static void try_request(struct call *call, uint8_t request, struct slice ask)
{
    uint8_t *copy;

    if (request_kind(request) == REQUEST_UNKNOWN)
        return;
    copy = malloc(ask.len > 0 ? ask.len : 1); /* a heap block: ASan sees its ends */
    memcpy(copy, ask.at, ask.len);
    call->changed = false;
    enum store_status status = carry_out(call, request, slice_of(copy, ask.len));
    if (status == STORE_REFUSED)
        BUG_ON(call->changed);
    BUG_ON(request_kind(request) == REQUEST_READ && call->changed);
    BUG_ON(!is_readable(request, status, packer_slice(&call->answer)));
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct call call = {.env = &env};
    struct unpacker unpacker = unpacker_over(slice_of(bytes, len));
    struct tally before;

    if (!rig.segment)
        set_up();
    const uint8_t choices = unpack_u8(&unpacker);
    before = env.tally;
    BUG_ON(env.db_env->txn_begin(env.db_env, NULL, &call.txn, DB_TXN_NOSYNC) != 0);
    if (choices & 1)
        sign_up_first(&call);
    if ((choices & 3) == 3)
        open_session_first(&call);
    while (unpacker.len > 0 && !unpacker.bad) {
        const uint8_t request = unpack_u8(&unpacker);
        const size_t wanted = unpack_u16(&unpacker);
        const size_t taken = wanted < unpacker.len ? wanted : unpacker.len;
        try_request(&call, request, slice_of(unpacker.bytes, taken));
        unpacker.bytes += taken;
        unpacker.len -= taken;
    }
    BUG_ON(call.txn->abort(call.txn) != 0);
    env.tally = before;
    return 0;
}

/* Times that no clock shows: every request that carries one, at both ends of what can be written,
 * one after the other on one database, so that what one left is met by the next. Overflows show
 * under UBSan. */
#include "desk.h"

static const wall_ms times[] = {INT64_MIN, 0, RIG_NOW, INT64_MAX - 1, INT64_MAX};

/* ---- asks that are carried out as far as it goes ------------------------------------------------
 * Each field by its name, from the tables of messages; what must be new is made of `fresh`. */

static uint64_t fresh;

static bool makes_account(enum store_request request)
{
    return request == STORE_ACCOUNT_CREATE || request == STORE_ADMIN_USER_ADD;
}

static struct uuid uuid_for(enum store_request request, const char *field)
{
    if (strcmp(field, "user_id") == 0)
        return rig_uuid(1, makes_account(request) ? fresh : 1);
    if (strcmp(field, "proof_id") == 0)
        return request == STORE_PROOF_LOOK || request == STORE_PROOF_SPEND ? rig_uuid(2, 1)
                                                                           : rig_uuid(9, fresh);
    if (strcmp(field, "session_id") == 0)
        return rig_uuid(4, request == STORE_SESSION_OPEN ? fresh : 1);
    if (strcmp(field, "after") == 0 || strcmp(field, "after_job") == 0)
        return (struct uuid){{0}};
    if (request == STORE_OUTBOX_SETTLE)
        return rig_uuid(3, 1);
    return rig_uuid(field[0] == 'n' ? 7 : 5, fresh); /* job_id, notice_job_id */
}

static struct slice text_for(enum store_request request, const char *field, wall_ms now)
{
    static char name[32];
    static uint8_t job[1024];
    static const char digest[33] = "0123456789abcdef0123456789abcdef";
    struct packer packer = packer_over(job, sizeof(job));

    if (strstr(field, "password") != NULL)
        return SLICE_LITERAL(RIG_PASSWORD);
    if (strcmp(field, "peer") == 0)
        return SLICE_LITERAL("192.0.2.1");
    if (strcmp(field, "jti_digest") == 0 || strcmp(field, "old_jti_digest") == 0 ||
        strcmp(field, "idempotency_key") == 0 || strcmp(field, "idempotency_body") == 0)
        return slice_of(digest, 32);
    if (strstr(field, "email") != NULL)
        return request == STORE_ACCOUNT_CHANGE ? SLICE_LITERAL("other@example.com")
                                               : SLICE_LITERAL("person1@example.com");
    if (strstr(field, "username") != NULL && request == STORE_ACCOUNT_CREATE) {
        snprintf(name, sizeof(name), "name%llu", (unsigned long long)fresh);
        return slice_of_text(name);
    }
    if (strcmp(field, "job") == 0) {
        mail_job_pack(&packer, &(struct mail_job){.job_id = rig_uuid(5, fresh),
                                                  .purpose = MAIL_VERIFY,
                                                  .proof_id = rig_uuid(9, fresh),
                                                  .to = SLICE_LITERAL("person1@example.com"),
                                                  .created = now,
                                                  .expires = now});
        return packer_slice(&packer);
    }
    return slice_of(NULL, 0);
}

static uint64_t number_for(enum store_request request, const char *field)
{
    if (strcmp(field, "purpose") == 0)
        return request == STORE_PASSWORD_RESET ? MAIL_RESET_PASSWORD : MAIL_VERIFY;
    if (strcmp(field, "window_s") == 0)
        return UINT32_MAX;
    return 1; /* conceal, letters_max, rows_max, dry_run, ... */
}

#define MESSAGE_BEGIN(name)                                                                        \
    static void name##_fill(struct name *ask, enum store_request request, wall_ms when)            \
    {                                                                                              \
        (void)request;                                                                             \
        (void)when;                                                                                \
        (void)ask;
#define U8(field)         ask->field = (uint8_t)number_for(request, #field);
#define U16(field)        ask->field = (uint16_t)number_for(request, #field);
#define U32(field)        ask->field = (uint32_t)number_for(request, #field);
#define U64(field)        ask->field = number_for(request, #field);
#define WALL(field)       ask->field = when;
#define UUID(field)       ask->field = uuid_for(request, #field);
#define SLICE(field, max) ask->field = text_for(request, #field, when);
#define MESSAGE_END(name) }
#pragma GCC diagnostic ignored "-Wunused-function" /* answers are messages, too */
#include "gatepost/store_messages.def"
#undef MESSAGE_BEGIN
#undef U8
#undef U16
#undef U32
#undef U64
#undef WALL
#undef UUID
#undef SLICE
#undef MESSAGE_END

static enum store_status ask_at(struct desk *desk, enum store_request request, wall_ms when)
{
    struct packer packer = asking(desk);

    fresh++;
    switch (request) {
#define REQUEST(number, NAME, message, access, who)                                                \
    case STORE_##NAME: {                                                                           \
        struct message##_ask ask = {0};                                                            \
        message##_ask_fill(&ask, request, when);                                                   \
        message##_ask_pack(&packer, &ask);                                                         \
        break;                                                                                     \
    }
#include "gatepost/store_requests.def"
#undef REQUEST
    }
    return carry_out(desk, request, &packer);
}

static const enum store_request every[] = {
#define REQUEST(number, NAME, message, access, who) STORE_##NAME,
#include "gatepost/store_requests.def"
#undef REQUEST
};

static bool removes_account(enum store_request request)
{
    return request == STORE_ACCOUNT_DELETE || request == STORE_ADMIN_USER_DELETE;
}

/* All but those after which nobody is left to ask about. Marks what was carried out. */
static void ask_all(struct desk *desk, wall_ms when, bool done[256])
{
    for (size_t i = 0; i < ARRAY_LEN(every); i++) {
        if (!removes_account(every[i]) && ask_at(desk, every[i], when) == STORE_OK)
            done[every[i]] = true;
    }
}

static void test_no_time_is_too_early_or_too_late_for_a_request(void **state)
{
    static const enum store_request wanted[] = {
        STORE_NAME_CHECK,     STORE_ACCOUNT_CREATE, STORE_PROOF_SPEND,    STORE_PROOF_RENEW,
        STORE_CREDENTIALS,    STORE_SESSION_OPEN,   STORE_OUTBOX_PAGE,    STORE_PASSWORD_CHANGE,
        STORE_ACCOUNT_CHANGE, STORE_OUTBOX_SETTLE,  STORE_ACCOUNT_DELETE, STORE_ADMIN_USER_DELETE,
        STORE_AUDIT_PAGE,     STORE_ADMIN_USER,     STORE_EXPORT_LETTERS,
    };
    bool done[256] = {false};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times) * ARRAY_LEN(times); i++) {
        struct desk *desk;

        assert_int_equal(start((void **)&desk), 0);
        fresh = 1;
        assert_int_equal(sign_up(desk, 1), STORE_OK);
        ask_all(desk, times[i / ARRAY_LEN(times)], done);
        ask_all(desk, times[i % ARRAY_LEN(times)], done);
        enum store_request last = i % 2 == 0 ? STORE_ACCOUNT_DELETE : STORE_ADMIN_USER_DELETE;
        done[last] |= ask_at(desk, last, times[i % ARRAY_LEN(times)]) == STORE_OK;
        (void)end((void **)&desk);
    }
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (!done[wanted[i]])
            fail_msg("request %d was never carried out", (int)wanted[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_time_is_too_early_or_too_late_for_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

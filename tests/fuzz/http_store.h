/* A store without a database, at the other end of a worker's lanes, in the same process. What it
 * answers is drawn from a script; with no script left it is kind to everybody. Every ask must be
 * one that the real store would understand. */
#ifndef TESTS_FUZZ_HTTP_STORE_H
#define TESTS_FUZZ_HTTP_STORE_H

#include "canary.h"
#include "gatepost/email.h"
#include "gatepost/lane.h"
#include "gatepost/store_messages.h"
#include "quick_form.h"
#include "script.h"

struct fake_store {
    struct segment *segment;
    struct lane asks;
    struct lane answers;
    struct lane mail;
    struct script script;
    size_t asked; /* since the run began */
};

/* What a script's byte makes of an ask. The others answer with the status of that number. */
enum fake_move {
    FAKE_DIES = 8,   /* another store takes over; the ask must come again */
    FAKE_CONDEMNED,  /* nobody answers any more */
    FAKE_TWICE,      /* the same answer again */
    FAKE_OF_ANOTHER, /* an answer to a question that nobody asked, then ours */
    FAKE_ANY_BYTES,  /* a payload that is none */
    FAKE_MOVES = 16, /* what is left over: STORE_OK */
};

static inline struct uuid fake_uuid(struct script *script)
{
    struct uuid uuid = {{0x01, 0x93, script_u8(script)}};

    return uuid;
}

static inline void fake_pack_credentials(struct packer *packer, struct script *script)
{
    struct credentials_answer answer = {.user_id = fake_uuid(script)};
    const uint8_t flags = script_u8(script);
    struct password_form form;

    answer.active = !(flags & 1);
    answer.email_verified = !(flags & 2);
    answer.known_peer = flags >> 3 & 1;
    answer.password = SLICE_LITERAL(CANARY_HASH);
    if (flags & 4) {
        struct slice drawn = script_text(script, 512, "!");

        if (!password_form_parse(drawn, &form) || is_quick(&form))
            answer.password = drawn;
    }
    answer.subject = script_text(script, 64, "01939393-0000-7000-8000-000000000001");
    credentials_answer_pack(packer, &answer);
}

static inline void fake_pack_user(struct packer *packer, struct script *script)
{
    struct user_answer answer = {.user_id = fake_uuid(script)};
    const uint8_t flags = script_u8(script);

    answer.active = !(flags & 1);
    answer.email_verified = !(flags & 2);
    answer.subject = script_text(script, 64, "01939393-0000-7000-8000-000000000001");
    answer.username = script_text(script, 1024, "anna");
    answer.email = script_text(script, 254, "anna@example.com");
    answer.date_joined = flags & 4 ? (wall_ms)script_u64(script) : 1795445507000;
    answer.last_login = flags & 8 ? (wall_ms)script_u64(script) : 0;
    user_answer_pack(packer, &answer);
}

static inline struct slice fake_job(struct script *script, uint8_t *bytes, size_t max)
{
    struct packer job = packer_over(bytes, max);

    mail_job_pack(&job, &(struct mail_job){.purpose = MAIL_VERIFY,
                                           .proof_id = fake_uuid(script),
                                           .to = SLICE_LITERAL("anna@example.com"),
                                           .username = script_text(script, 1024, "anna")});
    return packer_slice(&job);
}

static inline void fake_pack_letters(struct packer *packer, struct script *script)
{
    uint8_t bytes[2048];

    letters_answer_pack(packer,
                        &(struct letters_answer){.first = fake_job(script, bytes, sizeof(bytes))});
}

static inline void fake_pack_change(struct packer *packer, struct script *script)
{
    const uint8_t drawn = script_u8(script);
    uint8_t bytes[2048];

    account_change_answer_pack(
        packer, &(struct account_change_answer){.username_taken = drawn & 1,
                                                .email_taken = drawn >> 1 & 1,
                                                .letters_wait_s = drawn >> 2 & 1,
                                                .first = fake_job(script, bytes, sizeof(bytes))});
}

static inline void fake_pack_proof(struct packer *packer, struct script *script)
{
    proof_look_answer_pack(
        packer, &(struct proof_look_answer){.user_id = fake_uuid(script),
                                            .username = script_text(script, 1024, "anna"),
                                            .email = script_text(script, 254, "anna@example.com")});
}

static inline void fake_pack_refresh(struct packer *packer, struct script *script,
                                     enum store_status status)
{
    const uint8_t drawn = script_u8(script);
    uint8_t bytes[2048];
    struct session_refresh_answer answer = {.unchanged = drawn & 1};

    answer.issued = drawn & 2 ? (wall_ms)script_u64(script) : clock_wall_ms();
    if (status == STORE_SPENT && !(drawn & 4))
        answer.letter = fake_job(script, bytes, sizeof(bytes));
    session_refresh_answer_pack(packer, &answer);
}

/* Rows of a page: as many as are drawn, each with what a client called itself. */
static inline void fake_pack_sessions(struct packer *packer, struct script *script)
{
    const uint8_t drawn = script_u8(script);
    uint8_t bytes[4096];
    struct packer rows = packer_over(bytes, sizeof(bytes));

    for (unsigned i = 0; i < (drawn >> 1 & 7); i++) {
        uint8_t row_bytes[512];
        struct packer row = packer_over(row_bytes, sizeof(row_bytes));

        session_item_pack(&row, &(struct session_item){.session_id = fake_uuid(script),
                                                       .created = (wall_ms)script_u64(script),
                                                       .used = 1795445507000,
                                                       .expires = (wall_ms)script_u64(script),
                                                       .peer = script_text(script, 64, "192.0.2.1"),
                                                       .user_agent = script_bytes(script, 255)});
        pack_slice(&rows, packer_slice(&row));
    }
    session_list_answer_pack(
        packer, &(struct session_list_answer){.more = drawn & 1, .rows = packer_slice(&rows)});
}

static inline void fake_pack_export(struct packer *packer, struct script *script)
{
    export_account_answer_pack(
        packer, &(struct export_account_answer){.password = SLICE_LITERAL(CANARY_HASH),
                                                .language = script_text(script, 35, "de"),
                                                .password_changed = (wall_ms)script_u64(script),
                                                .letters_asked = script_u8(script),
                                                .extra = script_bytes(script, 255)});
}

static inline void fake_pack_letter_page(struct packer *packer, struct script *script)
{
    const uint8_t drawn = script_u8(script);
    uint8_t bytes[4096];
    struct packer rows = packer_over(bytes, sizeof(bytes));

    for (unsigned i = 0; i < (drawn >> 1 & 3); i++) {
        uint8_t row_bytes[1024];
        struct packer row = packer_over(row_bytes, sizeof(row_bytes));

        export_letter_pack(&row, &(struct export_letter){.job_id = fake_uuid(script),
                                                         .purpose = script_u8(script),
                                                         .to = SLICE_LITERAL("anna@example.com"),
                                                         .created = (wall_ms)script_u64(script),
                                                         .state = drawn >> 3 & 3,
                                                         .ended = (wall_ms)script_u64(script),
                                                         .reply = script_bytes(script, 255)});
        pack_slice(&rows, packer_slice(&row));
    }
    export_letters_answer_pack(
        packer, &(struct export_letters_answer){
                    .more = drawn & 1, .last = fake_uuid(script), .rows = packer_slice(&rows)});
}

static inline void fake_pack_trail(struct packer *packer, struct script *script)
{
    uint8_t entry_bytes[512];
    uint8_t bytes[1024];
    struct packer entry = packer_over(entry_bytes, sizeof(entry_bytes));
    struct packer rows = packer_over(bytes, sizeof(bytes));
    const uint8_t drawn = script_u8(script);

    audit_entry_pack(&entry, &(struct audit_entry){.time = drawn & 1 ? (wall_ms)script_u64(script)
                                                                     : 1795445507000,
                                                   .number = 1,
                                                   .event = drawn >> 2,
                                                   .peer = script_text(script, 64, "192.0.2.1"),
                                                   .detail = script_text(script, 64, "")});
    pack_slice(&rows, packer_slice(&entry));
    audit_page_answer_pack(packer,
                           &(struct audit_page_answer){.more = drawn >> 1 & 1,
                                                       .next = SLICE_LITERAL("0123456789abcdef"),
                                                       .rows = packer_slice(&rows)});
}

/* What the real store sends along with that status, as far as it sends anything. */
static inline void fake_pack_payload(struct packer *packer, struct script *script, uint8_t request,
                                     enum store_status status)
{
    if (request == STORE_NAME_CHECK && status == STORE_OK) {
        const uint8_t drawn = script_u8(script);
        name_check_answer_pack(packer, &(struct name_check_answer){.username_taken = drawn & 1,
                                                                   .email_taken = drawn >> 1 & 1,
                                                                   .replay = (drawn >> 2) % 3});
    } else if (request == STORE_ACCOUNT_CREATE && status <= STORE_DUPLICATE) {
        const uint8_t drawn = status == STORE_OK ? 0 : script_u8(script);
        account_create_answer_pack(packer,
                                   &(struct account_create_answer){.username_taken = drawn & 1,
                                                                   .email_taken = drawn >> 1 & 1,
                                                                   .replay = (drawn >> 2) % 3});
    } else if (request == STORE_CREDENTIALS && status == STORE_OK) {
        fake_pack_credentials(packer, script);
    } else if (request == STORE_USER && status == STORE_OK) {
        fake_pack_user(packer, script);
    } else if ((request == STORE_PROOF_RENEW || request == STORE_PROOF_SPEND ||
                request == STORE_PASSWORD_RESET || request == STORE_PASSWORD_CHANGE ||
                request == STORE_ACCOUNT_DELETE) &&
               status == STORE_OK) {
        fake_pack_letters(packer, script);
    } else if (request == STORE_ACCOUNT_CHANGE && status <= STORE_DUPLICATE) {
        fake_pack_change(packer, script);
    } else if (request == STORE_PROOF_LOOK && status == STORE_OK) {
        fake_pack_proof(packer, script);
    } else if (request == STORE_SESSION_REFRESH && (status == STORE_OK || status == STORE_SPENT)) {
        fake_pack_refresh(packer, script, status);
    } else if (request == STORE_AUDIT_PAGE && status == STORE_OK) {
        fake_pack_trail(packer, script);
    } else if (request == STORE_SESSION_LIST && status == STORE_OK) {
        fake_pack_sessions(packer, script);
    } else if (request == STORE_EXPORT_ACCOUNT && status == STORE_OK) {
        fake_pack_export(packer, script);
    } else if (request == STORE_EXPORT_LETTERS && status == STORE_OK) {
        fake_pack_letter_page(packer, script);
    }
}

/* Would the real store understand it? */
static inline bool fake_understands(uint8_t request, struct slice packed)
{
    switch ((enum store_request)request) {
#define REQUEST(number, NAME, message, access, who)                                                \
    case STORE_##NAME: {                                                                           \
        struct message##_ask ask;                                                                  \
        return message##_ask_unpack(packed, &ask);                                                 \
    }
#include "gatepost/store_requests.def"
#undef REQUEST
    }
    return false;
}

/* The name of a login, and what a client calls itself, go to the store as they came. */
static inline void fake_check_secrecy(uint8_t request, struct slice packed)
{
    const bool holds = canary_armed && canary_find(packed) != NULL;

    if (holds && (request == STORE_CREDENTIALS || request == STORE_SESSION_OPEN))
        canary_armed = false;
    else
        BUG_ON(holds);
}

static inline void fake_push(struct fake_store *store, uint64_t sequence, enum store_status status,
                             struct slice payload)
{
    uint8_t record[LANE_RECORD_MAX_BYTES];
    struct packer packer = packer_over(record, sizeof(record));

    answer_head_pack(&packer, &(struct answer_head){.sequence = sequence, .status = status});
    pack_raw(&packer, payload.at, payload.len);
    BUG_ON(packer.overflow || !lane_push(&store->answers, record, packer.len));
}

static inline void fake_answer(struct fake_store *store, const struct ask_head *head)
{
    uint8_t payload[8192];
    struct packer packer = packer_over(payload, sizeof(payload));
    const uint8_t move = script_u8(&store->script) % FAKE_MOVES;
    const enum store_status status = move < STORE_AWAY ? (enum store_status)move : STORE_OK;

    if (move == FAKE_CONDEMNED) {
        board_set(store->segment, BOARD_STORE_CONDEMNED, 1);
        return;
    }
    if (move == FAKE_DIES) {
        board_set(store->segment, BOARD_STORE_EPOCH, head->epoch + 1);
        return;
    }
    if (move == FAKE_ANY_BYTES) {
        struct slice bytes = script_bytes(&store->script, 255);
        pack_raw(&packer, bytes.at, bytes.len);
    } else {
        fake_pack_payload(&packer, &store->script, head->request, status);
    }
    BUG_ON(packer.overflow);
    if (move == FAKE_OF_ANOTHER)
        fake_push(store, head->sequence + 1, status, packer_slice(&packer));
    fake_push(store, head->sequence, status, packer_slice(&packer));
    if (move == FAKE_TWICE)
        fake_push(store, head->sequence, status, packer_slice(&packer));
}

/* Answers what waits in the ask lane. */
static inline void fake_store_serve(struct fake_store *store)
{
    static uint8_t record[LANE_RECORD_MAX_BYTES];
    enum lane_read read;
    size_t len;

    while ((read = lane_take(&store->asks, record, &len)) == LANE_RECORD) {
        struct unpacker unpacker = unpacker_over(slice_of(record, len));
        struct ask_head head;
        BUG_ON(!ask_head_unpack(&unpacker, &head));
        struct slice packed = slice_of(unpacker.bytes, unpacker.len);
        store->asked++;
        BUG_ON(!fake_understands(head.request, packed));
        fake_check_secrecy(head.request, packed);
        if (head.epoch == board_get(store->segment, BOARD_STORE_EPOCH))
            fake_answer(store, &head);
    }
    BUG_ON(read == LANE_BROKEN);
}

/* Letters that were announced: the mailer must understand each. */
static inline void fake_store_read_mail(struct fake_store *store)
{
    static uint8_t record[LANE_RECORD_MAX_BYTES];
    enum lane_read read;
    size_t len;

    while ((read = lane_take(&store->mail, record, &len)) == LANE_RECORD) {
        struct unpacker unpacker = unpacker_over(slice_of(record, len));
        struct slice request = unpack_slice(&unpacker, REQUEST_ID_BYTES - 1);
        struct mail_job job;
        BUG_ON(unpacker.bad || !request_id_is_safe(request));
        BUG_ON(!mail_job_unpack(slice_of(unpacker.bytes, unpacker.len), &job) ||
               !email_is_canonical(job.to));
        BUG_ON(canary_armed && canary_find(slice_of(record, len)) != NULL);
    }
    BUG_ON(read == LANE_BROKEN);
}

#endif

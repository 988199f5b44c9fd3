/* The words between the store and those who ask it: structs, packers and unpackers, made from
 * store_messages.def. For a message `x`: struct x, x_pack(), x_unpack(). */
#ifndef GATEPOST_STORE_MESSAGES_H
#define GATEPOST_STORE_MESSAGES_H

#include "gatepost/bytes.h"
#include "gatepost/clock.h"
#include "gatepost/mail_purpose.h"
#include "gatepost/uuid.h"

enum store_request {
#define REQUEST(number, NAME, message, access, who) STORE_##NAME = (number),
#include "gatepost/store_requests.def"
#undef REQUEST
};

/* How a request ended. On the answer lane; only STORE_AWAY is said by the asking side. */
enum store_status {
    STORE_OK,
    STORE_DUPLICATE, /* a unique key is taken */
    STORE_NOT_FOUND, /* no such row */
    STORE_SPENT,     /* it was, but has been used, voided or replaced */
    STORE_REFUSED,   /* the request made no sense; reported to the master */
    STORE_BUSY,      /* disk mark or log cap: try later */
    STORE_POISON,    /* it was in work at two deaths of the store */
    STORE_AWAY,      /* no answer in time: it may or may not have happened */
    STORE_STATUS_COUNT
};

enum store_replay {
    STORE_REPLAY_NONE,
    STORE_REPLAY_SAME,    /* this key, this body: answer 201 again */
    STORE_REPLAY_DIFFERS, /* this key with another body: 422 */
};

/* Bits of admin_user_change_ask.changes. */
enum admin_change {
    ADMIN_CHANGE_ACTIVE = 1,
    ADMIN_CHANGE_VERIFIED = 2,
    ADMIN_CHANGE_PASSWORD = 4,
    ADMIN_CHANGE_USERNAME = 8,
};

enum audit_event {
#define AUDIT_EVENT(number, NAME, text) AUDIT_##NAME = (number),
#include "gatepost/audit_events.def"
#undef AUDIT_EVENT
};

/* How it ended. Numbers are stored. */
enum audit_result { AUDIT_DONE = 0, AUDIT_REFUSED = 1 };

enum audit_broken {
    AUDIT_WHOLE,
    AUDIT_CHAIN_BROKEN, /* the row is not what the chain says */
    AUDIT_UNLISTED,     /* it is, but its account's list does not have it */
};

/* What became of a moved account; 0: it was added, or would be. */
enum import_result { /* bits */
                     IMPORT_UNCHANGED = 1,
                     IMPORT_ID_TAKEN = 2,
                     IMPORT_NAME_TAKEN = 4,
                     IMPORT_EMAIL_TAKEN = 8,
};

enum outbox_verdict { OUTBOX_DELIVERED, OUTBOX_RETRY, OUTBOX_REFUSED };

/* Where a letter stands. Numbers are stored. */
enum letter_state { LETTER_PENDING = 0, LETTER_DEAD = 1, LETTER_SENT = 2 };

/* What happened to a letter. Numbers are stored; the first three are the mailer's verdicts. */
enum letter_event {
    LETTER_DELIVERED = OUTBOX_DELIVERED, /* to a relay, which took it */
    LETTER_DEFERRED = OUTBOX_RETRY,
    LETTER_REFUSED = OUTBOX_REFUSED,
    LETTER_BOUNCED = 3,    /* reported later: it never will arrive */
    LETTER_DELAYED = 4,    /* reported later: not yet */
    LETTER_COMPLAINED = 5, /* its reader called it unwanted */
    LETTER_SUPPRESSED = 6, /* not sent: its address is suppressed */
    LETTER_RETRIED = 7,    /* an operator had it sent again */
    LETTER_EVENTS
};

/* What an operator does to letters. */
enum letter_change {
    LETTER_CHANGE_RETRY,  /* one that waits or was given up: due now */
    LETTER_CHANGE_CANCEL, /* the same: gone */
    LETTER_CHANGE_DRAIN,  /* all that wait: due now */
};

/* What a report says of a letter that a relay had taken. */
enum bounce_kind { BOUNCE_HARD, BOUNCE_SOFT, BOUNCE_COMPLAINT };

/* Why an address gets no letters. Numbers are stored. */
enum suppression_reason {
    SUPPRESSION_BOUNCE = 1,
    SUPPRESSION_COMPLAINT = 2,
    SUPPRESSION_OPERATOR = 3,
};

#define MESSAGE_BEGIN(name) struct name {
#define U8(field)           uint8_t field;
#define U16(field)          uint16_t field;
#define U32(field)          uint32_t field;
#define U64(field)          uint64_t field;
#define WALL(field)         wall_ms field;
#define UUID(field)         struct uuid field;
#define SLICE(field, max)   struct slice field;
#define MESSAGE_END(name)                                                                          \
    }                                                                                              \
    ;                                                                                              \
    void name##_pack(struct packer *packer, const struct name *message);                           \
    MUST_USE bool name##_unpack(struct slice packed, struct name *message_out);
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

/* Every lane record between store and asker begins with one of these. */
struct ask_head {
    uint64_t epoch;        /* BOARD_STORE_EPOCH that the asker knew; another store drops the ask */
    uint64_t sequence;     /* of this asker, from 1; with its incarnation it names the request */
    uint64_t acknowledged; /* every answer below this sequence has arrived: forget them */
    uint8_t request;       /* enum store_request */
    uint8_t repeat;        /* 1: sent before, to a store that died; look for a stored answer */
    struct slice about; /* id of the HTTP request that it is asked for, "" for none; for the log */
};
#define ASK_HEAD_BYTES 28U /* packed, without about */
struct answer_head {
    uint64_t sequence;
    uint8_t status; /* enum store_status */
};
#define ANSWER_HEAD_BYTES 9U /* packed */
void ask_head_pack(struct packer *packer, const struct ask_head *head);
MUST_USE bool ask_head_unpack(struct unpacker *unpacker, struct ask_head *head_out);
void answer_head_pack(struct packer *packer, const struct answer_head *head);
MUST_USE bool answer_head_unpack(struct unpacker *unpacker, struct answer_head *head_out);
uint64_t store_messages_layout(void); /* all of this as a number (gatepost/layout.h) */

#endif

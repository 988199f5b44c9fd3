/* What the database holds of a person, looked up in the database itself. */
#ifndef TESTS_STORE_PARTS_H
#define TESTS_STORE_PARTS_H

#include "store/env.h"
#include "store/record.h"
#include "store/rows.h"
#include "store_rig.h"

#define HAS_ACCOUNT 0x0FU
#define HAS_PROOF   0x10U
#define HAS_LETTER  0x20U
#define HAS_ALL     0x3FU

/* Is everything of that person there (HAS_ALL), nothing (0), or a part? row: room to work in. */
static inline unsigned parts_of(struct call *call, uint64_t number, struct row *row)
{
    struct rig_person person = rig_person(number);
    char subject[UUID_TEXT_BYTES];
    unsigned parts = 0;

    uuid_format(&person.user_id, subject);
    parts |= row_get(call, TABLE_USERS, uuid_slice(&person.user_id), row) ? 0x01U : 0;
    parts |= row_get(call, TABLE_USERS_BY_NAME, slice_of_text(person.username), row) ? 0x02U : 0;
    parts |= row_get(call, TABLE_USERS_BY_EMAIL, slice_of_text(person.email), row) ? 0x04U : 0;
    parts |= row_get(call, TABLE_USERS_BY_SUBJECT, slice_of_text(subject), row) ? 0x08U : 0;
    parts |= row_get(call, TABLE_PROOFS, uuid_slice(&person.proof_id), row) ? HAS_PROOF : 0;
    parts |= row_get(call, TABLE_OUTBOX, uuid_slice(&person.job_id), row) ? HAS_LETTER : 0;
    return parts;
}

#endif

/* See check_rows.h: letters and their lists, suppressions, the audit trail and its list. */
#include "check_rows.h"

#include "audit.h"
#include "outbox.h"
#include "record.h"

#define AUDIT_ROW_BYTES 256U /* as audit.c writes them */

/* ---- letters ------------------------------------------------------------------------------------
 */

static struct slice address_key(const struct mail_job *job, const struct uuid *id,
                                uint8_t bytes[EMAIL_MAX_BYTES + 1 + UUID_BYTES])
{
    struct packer packer = packer_over(bytes, EMAIL_MAX_BYTES + 1 + UUID_BYTES);
    char key_bytes[EMAIL_MAX_BYTES];
    const struct slice key = email_key_of(job->to, key_bytes);

    pack_raw(&packer, key.at, key.len);
    pack_u8(&packer, 0);
    pack_uuid(&packer, id);
    return packer_slice(&packer);
}

static void count_letter(struct checking *checking, uint8_t state)
{
    switch ((enum letter_state)state) {
    case LETTER_PENDING:
        checking->tally.pending++;
        break;
    case LETTER_DEAD:
        checking->tally.dead++;
        break;
    case LETTER_SENT:
        checking->tally.sent++;
        break;
    }
}

void check_letter(struct checking *checking)
{
    uint8_t bytes[EMAIL_MAX_BYTES + 1 + UUID_BYTES];
    uint8_t due_bytes[LETTER_DUE_KEY_BYTES];
    struct letter_row letter;
    struct mail_job job;
    struct uuid id;

    if (!check_is_id(walk_key(&checking->walk), &id) ||
        !letter_read(row_slice(&checking->walk.row), &letter) ||
        !mail_job_unpack(letter.job, &job) || job.to.len > EMAIL_MAX_BYTES) {
        check_tell(checking, "cannot be read");
        return;
    }
    count_letter(checking, letter.state);
    if (!row_exists(&checking->call, TABLE_OUTBOX_BY_ADDRESS, address_key(&job, &id, bytes)))
        check_tell(checking, "is missing from its address's list");
    if (letter.state == LETTER_PENDING && !row_exists(&checking->call, TABLE_OUTBOX_BY_DUE,
                                                      letter_due_key(letter.due, &id, due_bytes)))
        check_tell(checking, "waits, and is missing from the list by due time");
}

/* The letter that the last bytes of the key name. */
static bool load_listed(struct checking *checking, struct slice key, struct uuid *id_out,
                        struct letter_row *letter_out)
{
    if (key.len < UUID_BYTES)
        return false;
    memcpy(id_out->bytes, key.at + key.len - UUID_BYTES, UUID_BYTES);
    return row_get(&checking->call, TABLE_OUTBOX, uuid_slice(id_out), &checking->row) &&
           letter_read(row_slice(&checking->row), letter_out);
}

void check_due_entry(struct checking *checking)
{
    const struct slice key = walk_key(&checking->walk);
    uint8_t bytes[LETTER_DUE_KEY_BYTES];
    struct letter_row letter;
    struct uuid id;

    if (!load_listed(checking, key, &id, &letter) || letter.state != LETTER_PENDING ||
        !slice_equal(key, letter_due_key(letter.due, &id, bytes)))
        check_tell(checking, "leads to no letter that is due then");
}

void check_address_entry(struct checking *checking)
{
    const struct slice key = walk_key(&checking->walk);
    uint8_t bytes[EMAIL_MAX_BYTES + 1 + UUID_BYTES];
    struct letter_row letter;
    struct mail_job job;
    struct uuid id;

    if (!load_listed(checking, key, &id, &letter) || !mail_job_unpack(letter.job, &job) ||
        job.to.len > EMAIL_MAX_BYTES || !slice_equal(key, address_key(&job, &id, bytes)))
        check_tell(checking, "leads to no letter to that address");
}

void check_suppression(struct checking *checking)
{
    struct suppression_row suppression;

    checking->tally.suppressed++;
    if (!suppression_row_unpack(row_slice(&checking->walk.row), &suppression))
        check_tell(checking, "cannot be read");
}

/* ---- the audit trail ----------------------------------------------------------------------------
 */

static void hold_against_anchor(struct checking *checking, uint64_t number)
{
    const struct check *check = checking->check;

    if (check->audit_events == 0 || number + 1 != check->audit_events)
        return;
    checking->anchored = memcmp(checking->chain, check->audit_chain, sizeof(checking->chain)) == 0;
}

void check_event(struct checking *checking)
{
    static const struct uuid nobody;
    const struct slice key = walk_key(&checking->walk);
    const struct slice packed = row_slice(&checking->walk.row);
    struct unpacker unpacker = unpacker_over(key);
    struct audit_row row;

    if (key.len != AUDIT_KEY_BYTES || packed.len > AUDIT_ROW_BYTES || !audit_read(packed, &row)) {
        check_tell(checking, "cannot be read");
        return;
    }
    (void)unpack_u64(&unpacker);
    const uint64_t number = unpack_u64(&unpacker);

    audit_chain_step(checking->chain, key, packed);
    if (row.chain.len == 0 ? checking->chained
                           : memcmp(checking->chain, row.chain.at, AUDIT_CHAIN_BYTES) != 0)
        check_tell(checking, "breaks the chain");
    if (row.chain.len > 0) {
        checking->chained = true;
        memcpy(checking->chain, row.chain.at, AUDIT_CHAIN_BYTES); /* a break is told once */
    }
    if (checking->check->rows[TABLE_AUDIT] > 1 && number != checking->audit_next)
        check_tell(checking, "is not the one behind the one before it");
    checking->audit_next = number + 1;
    hold_against_anchor(checking, number);
    if (!uuid_equal(&row.user_id, &nobody) && !audit_is_indexed(&checking->call, &row.user_id, key))
        check_tell(checking, "is missing from its account's list");
}

void check_event_entry(struct checking *checking)
{
    const struct slice key = walk_key(&checking->walk);
    struct audit_row row;

    if (key.len != UUID_BYTES + AUDIT_KEY_BYTES ||
        !row_get(&checking->call, TABLE_AUDIT, slice_of(key.at + UUID_BYTES, AUDIT_KEY_BYTES),
                 &checking->row) ||
        !audit_read(row_slice(&checking->row), &row) ||
        memcmp(row.user_id.bytes, key.at, UUID_BYTES) != 0)
        check_tell(checking, "leads to no event of that account");
}

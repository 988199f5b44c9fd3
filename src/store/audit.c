/* See audit.h. Key: time (the store's own) and number; both only grow, whatever the wall clock
 * does, so the order of the keys is the order of events. Where the trail ends is in env->audit,
 * which batch.c puts back when a transaction comes to nothing. */
#include "audit.h"

#include "gatepost/secret.h"

#define ROW_BYTES 256U

static struct slice index_key(const struct uuid *user_id, struct slice key,
                              uint8_t bytes[UUID_BYTES + AUDIT_KEY_BYTES])
{
    struct packer packer = packer_over(bytes, UUID_BYTES + AUDIT_KEY_BYTES);

    pack_uuid(&packer, user_id);
    pack_raw(&packer, key.at, key.len);
    BUG_ON(packer.overflow);
    return packer_slice(&packer);
}

void audit_index(struct call *call, const struct uuid *user_id, struct slice key)
{
    uint8_t bytes[UUID_BYTES + AUDIT_KEY_BYTES];

    row_put(call, TABLE_AUDIT_BY_USER, index_key(user_id, key, bytes), (struct slice){0});
}

bool audit_is_indexed(struct call *call, const struct uuid *user_id, struct slice key)
{
    uint8_t bytes[UUID_BYTES + AUDIT_KEY_BYTES];

    return row_exists(call, TABLE_AUDIT_BY_USER, index_key(user_id, key, bytes));
}

void audit_chain_step(uint8_t chain[AUDIT_CHAIN_BYTES], struct slice key, struct slice packed)
{
    uint8_t bytes[AUDIT_CHAIN_BYTES + AUDIT_KEY_BYTES + ROW_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct audit_row row;

    /* The row's chain stands at its end, behind all that it vouches for. */
    if (audit_row_unpack(packed, &row))
        packed.len -= row.chain.len;
    pack_raw(&packer, chain, AUDIT_CHAIN_BYTES);
    pack_raw(&packer, key.at, key.len);
    pack_raw(&packer, packed.at, packed.len);
    BUG_ON(packer.overflow);
    digest_sha256(bytes, packer.len, chain);
}

void audit_add_detail(struct call *call, enum audit_event event, const struct uuid *user_id,
                      struct slice peer, enum audit_result result, struct slice detail)
{
    static const struct uuid nobody;
    struct audit_end *end = &call->env->audit;
    struct audit_row record = {.event = (uint8_t)event,
                               .user_id = *user_id,
                               .peer = peer,
                               .result = (uint8_t)result,
                               .detail = detail,
                               .chain = slice_of(end->chain, sizeof(end->chain))};
    uint8_t key_bytes[AUDIT_KEY_BYTES];
    uint8_t bytes[ROW_BYTES];
    struct packer key = packer_over(key_bytes, sizeof(key_bytes));
    struct packer value = packer_over(bytes, sizeof(bytes));

    if (call->now > 0 && (uint64_t)call->now > end->time)
        end->time = (uint64_t)call->now;
    pack_u64(&key, end->time);
    pack_u64(&key, end->next++);
    audit_row_pack(&value, &record); /* with the old chain, whose place the new one takes */
    BUG_ON(value.overflow);
    audit_chain_step(end->chain, packer_slice(&key), packer_slice(&value));
    memcpy(bytes + value.len - sizeof(end->chain), end->chain, sizeof(end->chain));
    row_put(call, TABLE_AUDIT, packer_slice(&key), packer_slice(&value));
    if (!uuid_equal(user_id, &nobody))
        audit_index(call, user_id, packer_slice(&key));
}

void audit_add(struct call *call, enum audit_event event, const struct uuid *user_id,
               struct slice peer)
{
    audit_add_detail(call, event, user_id, peer, AUDIT_DONE, (struct slice){0});
}

bool audit_read(struct slice packed, struct audit_row *row_out)
{
    struct audit_row_1 old;

    if (audit_row_unpack(packed, row_out))
        return row_out->chain.len == AUDIT_CHAIN_BYTES;
    if (!audit_row_1_unpack(packed, &old))
        return false;
    *row_out = (struct audit_row){.event = old.event,
                                  .user_id = old.user_id,
                                  .peer = old.peer,
                                  .result = old.status == STORE_OK ? AUDIT_DONE : AUDIT_REFUSED};
    return true;
}

void audit_find_end(struct call *call)
{
    struct audit_end *end = &call->env->audit;
    struct slice last;
    struct row key_storage;
    struct row storage;
    struct audit_row row;

    if (!row_last_key(call, TABLE_AUDIT, &key_storage, &last))
        return;
    if (!row_get(call, TABLE_AUDIT, last, &storage) || !audit_read(row_slice(&storage), &row)) {
        row_unreadable(call, TABLE_AUDIT, last);
        return;
    }

    struct unpacker unpacker = unpacker_over(last);

    end->time = unpack_u64(&unpacker);
    end->next = unpack_u64(&unpacker) + 1;
    if (row.chain.len > 0)
        memcpy(end->chain, row.chain.at, sizeof(end->chain));
}

/* See audit.h. Key: time (the store's own) and number; both only grow, whatever the wall clock
 * does, so the order of the keys is the order of events. */
#include "audit.h"

#include "record.h"

#define KEY_BYTES 16

void audit_add(struct call *call, enum audit_event event, const struct uuid *user_id,
               struct slice peer)
{
    struct env *env = call->env;
    struct audit_row record = {
        .event = (uint8_t)event, .user_id = *user_id, .peer = peer, .status = STORE_OK};
    uint8_t key_bytes[KEY_BYTES];
    uint8_t bytes[128];
    struct packer key = packer_over(key_bytes, sizeof(key_bytes));
    struct packer value = packer_over(bytes, sizeof(bytes));

    if (call->now > 0 && (uint64_t)call->now > env->audit_time)
        env->audit_time = (uint64_t)call->now;
    pack_u64(&key, env->audit_time);
    pack_u64(&key, env->audit_next++);
    audit_row_pack(&value, &record);
    row_put(call, TABLE_AUDIT, packer_slice(&key), packer_slice(&value));
}

void audit_find_end(struct call *call)
{
    struct slice last;
    struct row storage;

    if (!row_last_key(call, TABLE_AUDIT, &storage, &last))
        return;

    struct unpacker unpacker = unpacker_over(last);

    call->env->audit_time = unpack_u64(&unpacker);
    call->env->audit_next = unpack_u64(&unpacker) + 1;
}

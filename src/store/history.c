/* See history.h. */
#include "history.h"

/* Takes the next entry off. Returns false at the end. */
static bool next_entry(struct unpacker *unpacker, struct slice *packed_out)
{
    if (unpacker->len == 0)
        return false;
    *packed_out = unpack_slice(unpacker, HISTORY_MAX_BYTES);
    return !unpacker->bad;
}

struct slice history_reply(struct slice reply)
{
    size_t len = reply.len < HISTORY_REPLY_BYTES ? reply.len : HISTORY_REPLY_BYTES;

    while (len > 0 && len < reply.len && ((unsigned char)reply.at[len] & 0xc0) == 0x80)
        len--;
    return slice_of(reply.at, len);
}

bool history_last(struct slice history, struct letter_try *entry_out)
{
    struct unpacker unpacker = unpacker_over(history);
    struct slice packed;
    bool any = false;

    while (next_entry(&unpacker, &packed))
        any |= letter_try_unpack(packed, entry_out);
    return any;
}

struct slice history_add(struct slice history, const struct letter_try *entry,
                         uint8_t bytes[HISTORY_MAX_BYTES])
{
    struct unpacker unpacker = unpacker_over(history);
    struct slice kept[HISTORY_ENTRIES_MAX];
    struct letter_try last = *entry;
    struct letter_try old;
    uint8_t last_bytes[256];
    struct packer last_packer = packer_over(last_bytes, sizeof(last_bytes));
    struct packer packer = packer_over(bytes, HISTORY_MAX_BYTES);
    size_t count = 0;
    size_t total = 0;

    last.reply = history_reply(entry->reply);
    letter_try_pack(&last_packer, &last);
    BUG_ON(last_packer.overflow);
    while (count < HISTORY_ENTRIES_MAX && next_entry(&unpacker, &kept[count])) {
        if (!letter_try_unpack(kept[count], &old))
            continue;
        total += 2 + kept[count++].len;
    }
    while (count > 1 &&
           (count == HISTORY_ENTRIES_MAX || total + 2 + last_packer.len > HISTORY_MAX_BYTES)) {
        total -= 2 + kept[1].len;
        count--;
        memmove(kept + 1, kept + 2, (count - 1) * sizeof(kept[0]));
    }
    for (size_t i = 0; i < count; i++)
        pack_slice(&packer, kept[i]);
    pack_slice(&packer, packer_slice(&last_packer));
    BUG_ON(packer.overflow);
    return packer_slice(&packer);
}

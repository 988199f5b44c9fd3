/* See noting.h. `gatepost audit verify` prints the same two: of a trail that was cut behind a noted
 * end, or written anew, it prints fewer events, or others under that number. */
#include "noting.h"

#include "gatepost/encoding.h"
#include "gatepost/log.h"

#define EVERY_NS (24 * 3600 * NS_PER_S)

void noting_tell(const struct audit_end *end)
{
    char chain[HEX_TEXT_BYTES(AUDIT_CHAIN_BYTES)];

    hex_encode(end->chain, sizeof(end->chain), chain);
    log_info("audit.noted", "events=%llu chain=%s", (unsigned long long)end->next, chain);
}

void noting_look(struct noting *noting, const struct audit_end *end, uint64_t committed,
                 uint64_t flushed, mono_ns now)
{
    if (!noting->waits && now - noting->noted >= EVERY_NS) {
        noting->noted = now;
        noting->waits = true;
        noting->commit = committed;
        noting->end = *end;
    }
    if (noting->waits && flushed >= noting->commit) {
        noting->waits = false;
        noting_tell(&noting->end);
    }
}

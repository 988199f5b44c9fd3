/* See seen.h. Not the texts are kept but 64 bits of their SHA-256: of a million accounts two that
 * differ look alike once in some million files. */
#include "seen.h"

#include <stdlib.h>

#include "gatepost/email.h"
#include "gatepost/secret.h"
#include "gatepost/username.h"

#define SLOTS_FIRST 4096U

/* Open addressing; 0 is an empty slot. At most half full. */
struct seen {
    uint64_t *slots;
    size_t size; /* a power of two */
    size_t count;
};

struct seen *seen_new(void)
{
    struct seen *seen = xcalloc(1, sizeof(*seen));

    seen->size = SLOTS_FIRST;
    seen->slots = xcalloc(seen->size, sizeof(*seen->slots));
    return seen;
}

void seen_free(struct seen **seen)
{
    if (*seen == NULL)
        return;
    free((*seen)->slots);
    free(*seen);
    *seen = NULL;
}

/* kind: 'i', 'n' or 'e'. */
static uint64_t mark_of(char kind, struct slice text)
{
    char bytes[USERNAME_MAX_BYTES + 2];
    uint8_t digest[32];
    uint64_t mark;
    size_t len = text.len < USERNAME_MAX_BYTES ? text.len : USERNAME_MAX_BYTES;

    bytes[0] = kind;
    memcpy(bytes + 1, text.at, len);
    digest_sha256(bytes, len + 1, digest);
    memcpy(&mark, digest, sizeof(mark));
    return mark == 0 ? 1 : mark;
}

static uint64_t *slot_of(uint64_t *slots, size_t size, uint64_t mark)
{
    size_t at = (size_t)mark & (size - 1);

    while (slots[at] != 0 && slots[at] != mark)
        at = (at + 1) & (size - 1);
    return &slots[at];
}

static void grow(struct seen *seen)
{
    uint64_t *larger = xcalloc(seen->size * 2, sizeof(*larger));

    for (size_t i = 0; i < seen->size; i++) {
        if (seen->slots[i] != 0)
            *slot_of(larger, seen->size * 2, seen->slots[i]) = seen->slots[i];
    }
    free(seen->slots);
    seen->slots = larger;
    seen->size *= 2;
}

static bool has(const struct seen *seen, uint64_t mark)
{
    return mark != 0 && *slot_of(seen->slots, seen->size, mark) == mark;
}

static void add(struct seen *seen, uint64_t mark)
{
    if (mark == 0)
        return;
    if (seen->count * 2 >= seen->size)
        grow(seen);
    *slot_of(seen->slots, seen->size, mark) = mark;
    seen->count++;
}

const char *seen_before(struct seen *seen, const struct moved_user *user)
{
    char key[USERNAME_MAX_BYTES + 1];
    struct email email;
    uint64_t id = user->id.text.len > 0 ? mark_of('i', user->id.text) : 0;
    uint64_t name = user->username.text.len > 0 && username_key(user->username.text, key)
                        ? mark_of('n', slice_of_text(key))
                        : 0;
    uint64_t address = user->email.text.len > 0 && email_parse(user->email.text, &email)
                           ? mark_of('e', slice_of_text(email.key))
                           : 0;

    if (has(seen, id))
        return "id: an account before it in this file has it";
    if (has(seen, name))
        return "username: an account before it in this file has it, or one that looks like it";
    if (has(seen, address))
        return "email: an account before it in this file has it";
    add(seen, id);
    add(seen, name);
    add(seen, address);
    return NULL;
}

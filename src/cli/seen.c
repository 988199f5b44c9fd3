/* See seen.h. Names and addresses are of one kind, as in the server: no name may be another's
 * address. Not the texts are kept but 64 bits of their SHA-256: of a million accounts two that
 * differ look alike once in some million files. */
#include "seen.h"

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/email.h"
#include "gatepost/encoding.h"
#include "gatepost/secret.h"
#include "gatepost/username.h"

#define SLOTS_FIRST 4096U

struct slot {
    uint64_t mark; /* of an id, a name or an address; 0: empty */
    uint64_t both; /* of the account that has it */
};

/* Open addressing. At most half full. */
struct seen {
    struct slot *slots;
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

/* kind: 'i' of an id, 'n' of a name or an address, 'b' of both. */
static uint64_t mark_of(char kind, struct slice text)
{
    char bytes[USERNAME_MAX_BYTES + EMAIL_MAX_BYTES + 3];
    uint8_t digest[32];
    uint64_t mark;
    size_t len = text.len < sizeof(bytes) - 1 ? text.len : sizeof(bytes) - 1;

    if (len == 0)
        return 0;
    bytes[0] = kind;
    memcpy(bytes + 1, text.at, len);
    digest_sha256(bytes, len + 1, digest);
    memcpy(&mark, digest, sizeof(mark));
    return mark == 0 ? 1 : mark;
}

/* What is no text, or none that can be a name, has no key: the server will refuse it. */
static struct slice trimmed(const struct json_member *member)
{
    if (member->type != JSON_STRING || !utf8_valid(member->text))
        return slice_of(NULL, 0);
    return text_trimmed(member->text);
}

struct seen_keys seen_keys_of(const struct moved_user *user)
{
    char both[USERNAME_MAX_BYTES + EMAIL_MAX_BYTES + 2];
    char name[USERNAME_MAX_BYTES + 1] = "";
    struct email email = {.key = ""};
    const struct slice username = trimmed(&user->username);
    const struct slice address = trimmed(&user->email);

    if (username.len == 0 || !username_key(username, name))
        name[0] = '\0';
    if (address.len == 0 || !email_parse(address, &email))
        email.key[0] = '\0';
    int len = snprintf(both, sizeof(both), "%s %s", name, email.key); /* no key has a blank */
    return (struct seen_keys){
        .id = mark_of('i', user->id.text),
        .name = mark_of('n', slice_of_text(name)),
        .address = mark_of('n', slice_of_text(email.key)),
        .both = mark_of('b', slice_of(both, (size_t)len)),
    };
}

static struct slot *slot_of(struct slot *slots, size_t size, uint64_t mark)
{
    size_t at = (size_t)mark & (size - 1);

    while (slots[at].mark != 0 && slots[at].mark != mark)
        at = (at + 1) & (size - 1);
    return &slots[at];
}

static void grow(struct seen *seen)
{
    struct slot *larger = xcalloc(seen->size * 2, sizeof(*larger));

    for (size_t i = 0; i < seen->size; i++) {
        if (seen->slots[i].mark != 0)
            *slot_of(larger, seen->size * 2, seen->slots[i].mark) = seen->slots[i];
    }
    free(seen->slots);
    seen->slots = larger;
    seen->size *= 2;
}

/* Who has it, or NULL. */
static const struct slot *find(const struct seen *seen, uint64_t mark)
{
    const struct slot *slot = mark != 0 ? slot_of(seen->slots, seen->size, mark) : NULL;

    return slot != NULL && slot->mark != 0 ? slot : NULL;
}

static void add(struct seen *seen, uint64_t mark, uint64_t both)
{
    if (mark == 0 || find(seen, mark) != NULL)
        return;
    if (seen->count * 2 >= seen->size)
        grow(seen);
    *slot_of(seen->slots, seen->size, mark) = (struct slot){.mark = mark, .both = both};
    seen->count++;
}

/* The order of the store's look_for (src/store/moving.c). */
enum seen_result seen_look(struct seen *seen, const struct seen_keys *keys)
{
    const struct slot *id = find(seen, keys->id);
    const struct slot *name = find(seen, keys->name);
    const struct slot *same = keys->id != 0 ? id : name;

    if (same != NULL && same->both == keys->both)
        return SEEN_UNCHANGED;
    if (id != NULL)
        return SEEN_ID;
    if (name != NULL)
        return SEEN_NAME;
    if (find(seen, keys->address) != NULL)
        return SEEN_ADDRESS;
    add(seen, keys->id, keys->both);
    add(seen, keys->name, keys->both);
    add(seen, keys->address, keys->both);
    return SEEN_NEW;
}

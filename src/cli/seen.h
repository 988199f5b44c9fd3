/* The accounts that a file has had before, in a dry run. Private to this folder. */
#ifndef GATEPOST_CLI_SEEN_H
#define GATEPOST_CLI_SEEN_H

#include "moved_user.h"

struct seen;

struct seen *seen_new(void);
void seen_free(struct seen **seen);

/* What an account is known by, as the server compares it; 0: it has none. */
struct seen_keys {
    uint64_t id;
    uint64_t name;
    uint64_t address;
    uint64_t both; /* name and address together */
};

struct seen_keys seen_keys_of(const struct moved_user *user);

enum seen_result {
    SEEN_NEW,       /* remembered now */
    SEEN_UNCHANGED, /* the same account stood there before */
    SEEN_ID,        /* an account before it has its id */
    SEEN_NAME,
    SEEN_ADDRESS,
};

/* What the real import would say after all that was remembered. To be asked about accounts alone
 * that the server would add. Cost: up to 200 bytes an account. */
enum seen_result seen_look(struct seen *seen, const struct seen_keys *keys);

#endif

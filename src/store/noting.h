/* Where the audit trail ends, told outside of the database: a line in the log that nobody who can
 * write the database's files can take back, if the log goes elsewhere. */
#ifndef GATEPOST_STORE_NOTING_H
#define GATEPOST_STORE_NOTING_H

#include "env.h"
#include "gatepost/clock.h"

struct noting {
    mono_ns noted;        /* when the last one was taken down; 0: never */
    bool waits;           /* it is not told yet: a crash could still take the end back */
    uint64_t commit;      /* told when that one is on disk */
    struct audit_end end; /* as it was then */
};

/* At the start and at the end: what is on disk. */
void noting_tell(const struct audit_end *end);

/* Once a day. committed, flushed: batches. */
void noting_look(struct noting *noting, const struct audit_end *end, uint64_t committed,
                 uint64_t flushed, mono_ns now);

#endif

/* Room on the disk: below the first mark no new accounts and letters, below the second no writes.
 *
 * One exception: settling a letter is let through down to half of the second mark. It frees the
 * letter's row and stops the mailer from sending it again, and there are no more of them than
 * letters; refusing it would turn a full disk into letters sent twice. Both marks end by
 * themselves. */
#include <sys/statvfs.h>

#include "archive.h"
#include "gatepost/log.h"
#include "room.h"
#include "store.h"

#define LOOK_EVERY_NS (200 * NS_PER_MS)
#define OVERDUE_NS    (10 * NS_PER_S)
#define MIB           (1ULL << 20)

static bool is_overdue(mono_ns since, mono_ns now)
{
    return now > since && now - since > OVERDUE_NS;
}

/* Nothing reaches the disk: it refuses, it is full; or for longer than a request waits a flush has
 * not come back, or no checkpoint has made the log any shorter. */
static bool takes_nothing(const struct store *store, mono_ns now)
{
    return store->flush.failure != 0 || room_is_lacking() ||
           (store->flush.busy && is_overdue(store->flush.since, now)) ||
           (store->log_full_since != 0 && is_overdue(store->log_full_since, now));
}

static void look_at_the_log(struct store *store, mono_ns now)
{
    if (!checkpointer_log_is_full(store->checkpointer))
        store->log_full_since = 0;
    else if (store->log_full_since == 0)
        store->log_full_since = now;
}

/* On the board each time: a predecessor, or a wait for room, may have left another mark. */
static void set_mark(struct store *store, enum disk_mark mark)
{
    board_set(store->segment, BOARD_DISK, (uint64_t)mark);
    if (mark == store->disk)
        return;
    store->disk = mark;
    log_warning("disk.mark_passed", "mark=%d free_mib=%llu", (int)mark,
                (unsigned long long)(store->free_bytes / MIB));
}

/* Log files that wait for a backup use the room that is short: said once, until there is enough. */
static void look_at_the_archive(struct store *store, enum disk_mark mark)
{
    const struct archive_view view = archive_look(store->env.archive);

    board_set(store->segment, BOARD_LOGS_KEPT, view.kept);
    board_set(store->segment, BOARD_BACKED_UP, (uint64_t)(view.when / 1000));
    if (mark != DISK_ENOUGH && view.kept > 0 && !store->logs_told)
        log_warning(
            "store.logs_kept",
            "files=%llu note=\"the disk is short and they wait for a backup: gatepost backup "
            "DIR --logs\"",
            (unsigned long long)view.kept);
    store->logs_told = mark != DISK_ENOUGH && view.kept > 0;
}

void disk_look(struct store *store, mono_ns now)
{
    const struct config *config = store->heritage->config;
    struct statvfs vfs;
    enum disk_mark mark = DISK_ENOUGH;

    if (store->disk_looked != 0 && now - store->disk_looked < LOOK_EVERY_NS)
        return;
    store->disk_looked = now;
    look_at_the_log(store, now);
    if (statvfs(config->store_dir, &vfs) != 0)
        return;
    store->free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    board_set(store->segment, BOARD_DISK_FREE_BYTES, store->free_bytes);
    if (store->free_bytes < (uint64_t)config->store_signup_free_mib * MIB)
        mark = DISK_NO_SIGNUPS;
    if (store->free_bytes < (uint64_t)config->store_write_free_mib * MIB ||
        takes_nothing(store, now))
        mark = DISK_NO_WRITES;
    set_mark(store, mark);
    look_at_the_archive(store, mark);
}

bool disk_allows(const struct store *store, uint8_t request)
{
    const struct config *config = store->heritage->config;

    if (takes_nothing(store, clock_mono_ns()))
        return false;
    if (store->disk == DISK_ENOUGH)
        return true;
    if (request == STORE_OUTBOX_SETTLE || request == STORE_OUTBOX_CLAIM)
        return store->free_bytes >= (uint64_t)config->store_write_free_mib * MIB / 2;
    return store->disk == DISK_NO_SIGNUPS && request != STORE_ACCOUNT_CREATE &&
           request != STORE_ADMIN_USER_ADD && request != STORE_ACCOUNTS_IMPORT &&
           request != STORE_PROOF_RENEW && request != STORE_PASSWORD_REHASH &&
           request != STORE_AUDIT_NOTE;
}

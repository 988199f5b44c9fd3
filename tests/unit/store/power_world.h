/* What a disk may hold after a power cut at a place of a trace, made as a directory.
 *
 * The model. A sync of a file puts the bytes on disk that were written before it began. Of later
 * writes each may be there or not, whatever their order, and of a log's each sector of 512 bytes by
 * itself; a sector is never half written. Names and sizes (create, rename, unlink, truncate) go
 * through the file system's journal: they are there in order up to some place, which is not before
 * the last journal commit. A sync commits when its file has grown or shrunk since the last one, and
 * so does a sync of the directory: that is ext4's and xfs's fdatasync. It does not for a rename.
 * A file's size follows its bytes (data=ordered): it never holds what nobody wrote but zeros.
 * Pages of a database are atomic in this model at 4096 bytes (the file system's block), unless the
 * world is told to tear them.
 * Source: ALICE (Pillai and others, OSDI 2014); SQLite's crash tests (test6.c); fs/ext4/fsync.c. */
#ifndef TESTS_STORE_POWER_WORLD_H
#define TESTS_STORE_POWER_WORLD_H

#include "trace.h"

#define SECTOR_BYTES    512U
#define BLOCK_BYTES     4096U
#define WORLD_FILES_MAX 512U
#define NEVER           UINT64_MAX

/* Which syncs the disk means. The last two are controls: such a disk loses what was acknowledged.
 */
enum honesty { HONEST, HONEST_FOR_LOGS, LYING };

struct dice {
    uint64_t state;
};

/* Steele and others, "Fast splittable pseudorandom number generators", 2014. */
static inline uint64_t dice_next(struct dice *dice)
{
    uint64_t z = (dice->state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static inline uint64_t dice_below(struct dice *dice, uint64_t end)
{
    return dice_next(dice) % end;
}

/* What happens to a file's writes that no sync covers. */
enum fate { FATE_KEPT, FATE_DROPPED, FATE_EACH, FATE_SO_FAR, FATES };

struct world_file {
    uint64_t inode;
    uint64_t born;   /* its place in the trace: inodes are used again */
    uint64_t synced; /* writes before this place are on disk */
    uint64_t size;
    uint64_t grown; /* place of the first change of size that no sync covers, or NEVER */
    bool is_log;
    enum fate fate;
    uint64_t so_far; /* place of the last write that is kept, with FATE_SO_FAR */
    uint64_t unit;   /* kept or dropped as a whole */
    int fd;          /* -1: the file is not in this world */
};

struct world {
    const struct trace *trace;
    const char *base; /* where files lie that were there before */
    const char *dir;
    uint64_t cut; /* place of the first record that did not happen any more */
    enum honesty honesty;
    bool tears_pages;
    uint64_t seed;
    struct dice dice; /* thrown from the seed */
    uint64_t names;   /* changes of names before this place are on disk */
    struct world_file files[WORLD_FILES_MAX];
    size_t file_count;
};

static inline struct world_file *world_file(struct world *world, uint64_t inode, uint64_t at)
{
    for (size_t i = world->file_count; i-- > 0;) {
        if (world->files[i].inode == inode && world->files[i].born <= at)
            return &world->files[i];
    }
    BUG_ON(true);
    return NULL;
}

static inline void path_in(char *path, size_t size, const char *dir, const char *name)
{
    BUG_ON((size_t)snprintf(path, size, "%s/%s", dir, name) >= size);
}

static inline void add_file(struct world *world, uint64_t at, const struct trace_record *record)
{
    struct world_file *file = &world->files[world->file_count++];
    const char *name = (const char *)record->bytes;
    char path[256];
    struct stat stat_of_it;

    BUG_ON(world->file_count > WORLD_FILES_MAX);
    *file = (struct world_file){.inode = record->inode,
                                .born = at,
                                .grown = NEVER,
                                .is_log = strncmp(name, "log.", 4) == 0,
                                .fate = (enum fate)dice_below(&world->dice, FATES),
                                .so_far = dice_below(&world->dice, world->cut + 1),
                                .fd = -1};
    bool tears = (file->is_log || world->tears_pages) && dice_below(&world->dice, 2) == 0;
    file->unit = tears ? SECTOR_BYTES : BLOCK_BYTES;
    if (record->kind == TRACE_EXISTS) {
        path_in(path, sizeof(path), world->base, name);
        BUG_ON(stat(path, &stat_of_it) != 0);
        file->size = (uint64_t)stat_of_it.st_size;
    }
}

static inline void note_size(struct world_file *file, uint64_t at, uint64_t size)
{
    if (file->size != size && file->grown == NEVER)
        file->grown = at;
    file->size = size;
}

static inline void note_sync(struct world *world, struct world_file *file, uint64_t covered)
{
    if (world->honesty == LYING || (world->honesty == HONEST_FOR_LOGS && !file->is_log))
        return;
    if (covered > file->synced)
        file->synced = covered;
    if (file->grown < covered) {
        file->grown = NEVER;
        if (covered > world->names)
            world->names = covered;
    }
}

static inline void pick_how_far_the_journal_came(struct world *world)
{
    uint64_t luck = dice_below(&world->dice, 3);

    if (luck == 0)
        world->names = world->cut;
    if (luck == 1)
        world->names += dice_below(&world->dice, world->cut - world->names + 1);
}

/* What is on disk for certain, and then how far the journal came. */
static inline void find_what_is_safe(struct world *world)
{
    const struct trace *trace = world->trace;

    for (uint64_t at = 0; at < world->cut; at = trace_next(trace, at)) {
        const struct trace_record *record = trace_at(trace, at);
        struct world_file *file;

        if (record->kind == TRACE_EXISTS || record->kind == TRACE_CREATE) {
            add_file(world, at, record);
        } else if (record->kind == TRACE_WRITE) {
            file = world_file(world, record->inode, at);
            if (record->number + record->len > file->size)
                note_size(file, at, record->number + record->len);
        } else if (record->kind == TRACE_TRUNCATE) {
            note_size(world_file(world, record->inode, at), at, record->number);
        } else if (record->kind == TRACE_SYNC) {
            note_sync(world, world_file(world, record->inode, at), record->number);
        } else if (record->kind == TRACE_SYNC_DIR && world->honesty == HONEST &&
                   record->number > world->names) {
            world->names = record->number;
        }
    }
    pick_how_far_the_journal_came(world);
}

static inline bool survives(struct world *world, const struct world_file *file, uint64_t at)
{
    switch (file->fate) {
    case FATE_KEPT:
        return true;
    case FATE_EACH:
        return dice_below(&world->dice, 2) == 0;
    case FATE_SO_FAR:
        return at < file->so_far;
    case FATE_DROPPED:
    case FATES:
        break;
    }
    return false;
}

/* Torn: which sectors of a write come first is the drive's choice, so each is on its own. */
static inline void write_in_world(struct world *world, struct world_file *file, uint64_t at,
                                  const struct trace_record *record)
{
    uint64_t end = record->number + record->len;
    uint64_t next;

    if (file->fd < 0) {
        BUG_ON(at < file->synced);
        return;
    }
    bool is_whole = at < file->synced || file->fate == FATE_KEPT;
    for (uint64_t from = record->number; from < end; from = next) {
        next = is_whole ? end : (from / file->unit + 1) * file->unit;
        if (next > end)
            next = end;
        if (is_whole || survives(world, file, at))
            BUG_ON(pwrite(file->fd, record->bytes + (from - record->number), next - from,
                          (off_t)from) != (ssize_t)(next - from));
    }
}

static inline void copy_bytes(int to, const char *from_path)
{
    char bytes[65536];
    int from = open(from_path, O_RDONLY | O_CLOEXEC);
    ssize_t len;

    BUG_ON(from < 0);
    while ((len = read(from, bytes, sizeof(bytes))) > 0)
        BUG_ON(write(to, bytes, (size_t)len) != len);
    BUG_ON(len != 0);
    close(from);
}

static inline void make_file(struct world *world, struct world_file *file,
                             const struct trace_record *record)
{
    char path[256];
    char old[256];

    path_in(path, sizeof(path), world->dir, (const char *)record->bytes);
    file->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    BUG_ON(file->fd < 0);
    if (record->kind == TRACE_EXISTS) {
        path_in(old, sizeof(old), world->base, (const char *)record->bytes);
        copy_bytes(file->fd, old);
    }
}

static inline void change_name(struct world *world, const struct trace_record *record)
{
    const char *name = (const char *)record->bytes;
    char from[256];
    char to[256];

    path_in(from, sizeof(from), world->dir, name);
    if (record->kind == TRACE_UNLINK) {
        BUG_ON(unlink(from) != 0);
        return;
    }
    path_in(to, sizeof(to), world->dir, name + strlen(name) + 1);
    BUG_ON(rename(from, to) != 0);
}

static inline void happen(struct world *world, uint64_t at, const struct trace_record *record)
{
    bool in_journal = at < world->names;
    struct world_file *file;

    switch ((enum trace_kind)record->kind) {
    case TRACE_EXISTS:
    case TRACE_CREATE:
        if (in_journal || record->kind == TRACE_EXISTS)
            make_file(world, world_file(world, record->inode, at), record);
        break;
    case TRACE_WRITE:
        write_in_world(world, world_file(world, record->inode, at), at, record);
        break;
    case TRACE_TRUNCATE:
        file = world_file(world, record->inode, at);
        if (file->fd >= 0 && (in_journal || at < file->synced))
            BUG_ON(ftruncate(file->fd, (off_t)record->number) != 0);
        break;
    case TRACE_RENAME:
    case TRACE_UNLINK:
        if (in_journal)
            change_name(world, record);
        break;
    case TRACE_SYNC:
    case TRACE_SYNC_DIR:
    case TRACE_TOLD:
        break;
    }
}

/* dir: empty. Everything in the world follows from the trace, the cut and the seed. */
static inline void world_make(struct world *world)
{
    const struct trace *trace = world->trace;

    world->dice.state = world->seed;
    world->file_count = 0;
    world->names = 0;
    find_what_is_safe(world);
    for (uint64_t at = 0; at < world->cut; at = trace_next(trace, at))
        happen(world, at, trace_at(trace, at));
    for (size_t i = 0; i < world->file_count; i++) {
        if (world->files[i].fd >= 0)
            close(world->files[i].fd);
    }
}

#endif

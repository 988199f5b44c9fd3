/* Makes the segment: room, mapping, wake-up descriptors; and takes it down.
 *
 * Invariant: when segment_create returned, nothing about the segment can fail any more: its pages
 * are there (posix_fallocate; a hole would be a SIGBUS in whoever touches it first), every
 * descriptor a later child needs exists, and no name is left in /dev/shm.
 * Story: a random name, made exclusively; room; unlinked; mapped; header; eventfds. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "ring_layout.h"

#define NAME_TRIES 16

/* An unlinked object of that size. Returns -1 with the sentence. */
static int make_object(size_t bytes, struct err *err)
{
    int fd = -1;

    for (int i = 0; i < NAME_TRIES && fd < 0; i++) {
        uint64_t random;
        char name[40];
        if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
            err_set(err, "shared memory: no random bytes: %s", strerror(errno));
            return -1;
        }
        snprintf(name, sizeof(name), "/gatepost-%016" PRIx64, random);
        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0)
            shm_unlink(name);
        else if (errno != EEXIST)
            break;
    }
    if (fd < 0) {
        err_set(err, "shared memory: cannot create an object in /dev/shm: %s", strerror(errno));
        return -1;
    }
    /* Its result is the error number; errno is not set. */
    int error;
    do {
        error = posix_fallocate(fd, 0, (off_t)bytes);
    } while (error == EINTR);
    if (error != 0) {
        err_set(err, "shared memory: no room for %zu KiB in /dev/shm: %s", bytes / 1024,
                strerror(error));
        close(fd);
        return -1;
    }
    return fd;
}

static bool make_wake_fds(struct segment *segment, struct err *err)
{
    for (uint32_t slot = 0; slot < segment->slots; slot++) {
        segment->wake_fds[slot] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (segment->wake_fds[slot] < 0) {
            err_set(err,
                    "shared memory: cannot make wake-up descriptor %" PRIu32 " of %" PRIu32 ": %s",
                    slot + 1, segment->slots, strerror(errno));
            return false;
        }
    }
    return true;
}

struct segment_header segment_header_of(const struct segment *segment)
{
    return (struct segment_header){
        .magic = SEGMENT_MAGIC,
        .layout_version = SEGMENT_LAYOUT_VERSION,
        .header_bytes = sizeof(struct segment_header),
        .board_words = BOARD_WORDS,
        .slot_bytes = sizeof(struct slot_shared),
        .counters = SEGMENT_COUNTERS,
        .lane_bytes = sizeof(struct lane_shared),
        .seats = segment->seats,
        .slots = segment->slots,
        .bytes = segment->bytes,
        .faults_at =
            segment->fault_rows > 0 ? (uint64_t)((uint8_t *)segment->faults - segment->base) : 0,
        .faults = segment->fault_rows,
        .limit_bytes = SEGMENT_LIMIT_BYTES,
        .limits_at = (uint64_t)(segment->limits - segment->base),
    };
}

/* Fresh pages are zero: empty lanes, nobody asleep, all seats FREE. */
static void write_contents(struct segment *segment)
{
    *(struct segment_header *)(void *)segment->base = segment_header_of(segment);
    fault_attach(segment->faults, segment->fault_rows);
    for (uint32_t slot = 0; slot < segment->seats; slot++) {
        segment->records[slot] = (struct seat_record){SEAT_FREE, 1};
        atomic_init(&segment->slot[slot].seat.tenancy, (1ULL << 2) | SEAT_FREE);
    }
}

bool segment_map(struct segment *segment, struct err *err)
{
    segment->base = mmap(NULL, segment->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, 0);
    if (segment->base == MAP_FAILED) {
        segment->base = NULL;
        err_set(err, "shared memory: cannot map %zu KiB: %s", segment->bytes / 1024,
                strerror(errno));
        return false;
    }
    /* Password hashes and addresses pass through here; a core file is no place for them. */
    (void)madvise(segment->base, segment->bytes, MADV_DONTDUMP);

    uint8_t *at = segment->base + sizeof(struct segment_header);
    segment->board = (struct board_cell *)(void *)at;
    at += sizeof(struct board_cell) * BOARD_WORDS;
    at += (APART - (size_t)(at - segment->base) % APART) % APART;
    segment->slot = (struct slot_shared *)(void *)at;
    at += sizeof(struct slot_shared) * segment->slots;
    segment->lane = (struct lane_shared *)(void *)at;
    at += sizeof(struct lane_shared) * segment->lanes;
    segment->limits = at;
    at += SEGMENT_LIMIT_BYTES;
    segment->epochs = (_Atomic uint64_t *)(void *)at;
    at += sizeof(*segment->epochs) * EPOCH_CELLS;
    at += (APART - (size_t)(at - segment->base) % APART) % APART;
    segment->notes = (struct notes_shared *)(void *)at;
    at += sizeof(struct notes_shared);
    segment->faults = (struct fault_shared *)(void *)at;
    return true;
}

static size_t bytes_needed(const struct segment *segment)
{
    return sizeof(struct segment_header) + sizeof(struct board_cell) * BOARD_WORDS + APART +
           sizeof(struct slot_shared) * segment->slots +
           sizeof(struct lane_shared) * segment->lanes + SEGMENT_LIMIT_BYTES +
           sizeof(*segment->epochs) * EPOCH_CELLS + APART + sizeof(struct notes_shared) +
           sizeof(struct fault_shared) * segment->fault_rows;
}

struct segment *segment_plan(uint32_t worker_seats)
{
    BUG_ON(worker_seats == 0 || worker_seats > SEGMENT_SEATS_MAX);
    struct segment *segment = xcalloc(1, sizeof(*segment));

    segment->seats = worker_seats + 1;
    segment->slots = segment->seats + 2;
    segment->lanes = worker_seats * LANE_KINDS + (LANE_KINDS - 1);
    segment->fault_rows = fault_rows_needed();
    segment->bytes = bytes_needed(segment);
    segment->records = xcalloc(segment->seats, sizeof(*segment->records));
    segment->checksum = checksum_choose();
    segment->owed = xcalloc(segment->lanes, sizeof(*segment->owed));
    segment->owes = xcalloc(segment->slots, sizeof(*segment->owes));
    segment->wake_fds = xcalloc(segment->slots, sizeof(*segment->wake_fds));
    for (uint32_t slot = 0; slot < segment->slots; slot++)
        segment->wake_fds[slot] = -1;
    segment->fd = -1;
    return segment;
}

struct segment *segment_create(uint32_t worker_seats, struct err *err)
{
    struct segment *segment = segment_plan(worker_seats);

    segment->fd = make_object(segment->bytes, err);
    if (segment->fd < 0 || !segment_map(segment, err) || !make_wake_fds(segment, err)) {
        segment_close(&segment);
        return NULL;
    }
    write_contents(segment);
    return segment;
}

void segment_close(struct segment **segment_io)
{
    struct segment *segment = *segment_io;
    if (!segment)
        return;
    for (uint32_t slot = 0; slot < segment->slots; slot++) {
        if (segment->wake_fds[slot] >= 0)
            close(segment->wake_fds[slot]);
    }
    fault_detach(segment->faults);
    if (segment->base)
        munmap(segment->base, segment->bytes);
    if (segment->fd >= 0)
        close(segment->fd);
    free(segment->wake_fds);
    free(segment->records);
    free(segment->owed);
    free(segment->owes);
    free(segment);
    *segment_io = NULL;
}

int segment_fd(const struct segment *segment)
{
    return segment->fd;
}

uint32_t segment_seats(const struct segment *segment)
{
    return segment->seats;
}

uint32_t segment_store_slot(const struct segment *segment)
{
    return segment->seats;
}

uint32_t segment_master_slot(const struct segment *segment)
{
    return segment->seats + 1;
}

uint32_t segment_slots(const struct segment *segment)
{
    return segment->slots;
}

void *segment_limits(const struct segment *segment)
{
    return segment->limits;
}

struct lane_shared *segment_lane(const struct segment *segment, uint32_t slot, enum lane_kind kind)
{
    BUG_ON(slot >= segment->seats || kind >= LANE_KINDS);
    if (slot != SLOT_MAILER)
        return &segment->lane[(LANE_KINDS - 1) + (slot - 1) * LANE_KINDS + kind];
    return kind == LANE_MAIL ? NULL : &segment->lane[kind - LANE_ASK];
}

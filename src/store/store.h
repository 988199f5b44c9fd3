/* The store's own state, shared by the files that make up its loop. One thread, the main one,
 * touches it; the flusher and the checkpointer have locks of their own. */
#ifndef GATEPOST_STORE_STORE_H
#define GATEPOST_STORE_STORE_H

#include "answers.h"
#include "checkpoint.h"
#include "env.h"
#include "flusher.h"
#include "gatepost/lane.h"
#include "gatepost/proc.h"
#include "meta.h"
#include "noting.h"
#include "purge.h"

/* A write on its way in, or an answer on its way out. */
struct parcel {
    struct parcel *next;
    uint32_t slot;
    uint64_t generation;
    uint64_t commit;      /* of an answer: leaves when this commit is on disk */
    struct ask_head head; /* of a write */
    mono_ns came;         /* of a write: when it was put in line */
    char *about;          /* of a write: head.about as a text, behind the bytes */
    size_t len;
    uint8_t bytes[];
};

struct parcel_queue {
    struct parcel *first;
    struct parcel *last;
    size_t count;
    size_t bytes;
};

void parcel_append(struct parcel_queue *queue, struct parcel *parcel);
struct parcel *parcel_take(struct parcel_queue *queue); /* NULL when empty */
void parcel_drop_all(struct parcel_queue *queue);

/* One tenant of a seat, as long as it lives. */
struct seat {
    bool open;
    bool deaf;     /* its lane made no sense: not read any more */
    bool reported; /* the master knows */
    uint8_t roles; /* bits of enum seat_role, as they were when it was opened */
    uint64_t generation;
    uint64_t parted; /* generation whose last words were taken from its lane */
    uint64_t closed; /* generation that was closed last */
    uint64_t acknowledged;
    size_t waiting; /* its writes in the line */
    struct lane asks;
    struct lane answers;
    struct parcel_queue backlog; /* answers that found the lane full */
    struct shelf shelf;
    struct shelf_draft draft; /* of the open transaction */
};

enum disk_mark { DISK_ENOUGH, DISK_NO_SIGNUPS, DISK_NO_WRITES };

struct store {
    struct heritage *heritage;
    struct segment *segment;
    struct env env;
    struct flusher *flusher;
    struct checkpointer *checkpointer;
    struct flusher_view flush; /* as of the last look */
    struct seat *seats;
    uint32_t seat_count;
    struct parcel_queue line; /* writes that wait for a batch */
    struct parcel_queue held; /* answers that wait for a flush, oldest first */
    uint64_t commits;         /* batches committed */
    struct shelf *doomed;     /* of tenants that are gone; deleted by the next batch */
    size_t doomed_count;
    struct purge purge;
    struct noting noting;
    bool is_called; /* the master has said something, or is gone */
    mono_ns disk_looked;
    mono_ns log_full_since; /* 0: it is not at its cap */
    uint64_t free_bytes;
    enum disk_mark disk;
    bool logs_told;               /* that kept log files use the room that is short */
    uint64_t suspect_incarnation; /* 0: none; else a write that must not be carried out */
    uint64_t suspect_sequence;
    uint8_t record[LANE_RECORD_MAX_BYTES]; /* the ask at hand */
    uint8_t answer[LANE_RECORD_MAX_BYTES]; /* its answer, head and message */
};

/* seats.c: who is there. Returns true when somebody came or went. line_append puts a write in line,
 * copied. */
bool seats_look(struct store *store);
bool seats_push_backlogs(struct store *store);
void seats_free(struct store *store);
void line_append(struct store *store, uint32_t slot, uint64_t generation,
                 const struct ask_head *head, struct slice packed);
struct seat *seat_of(struct store *store, uint32_t slot, uint64_t generation); /* NULL: gone */
void seat_report(struct store *store, uint32_t slot, const char *why);
void seat_answer(struct store *store, uint32_t slot, const void *record, size_t len);

/* intake.c: reads the ask lanes; answers lookups, puts writes in line. True: read something. */
bool intake(struct store *store);
void answer_plain(struct store *store, uint32_t slot, uint64_t sequence, enum store_status status,
                  struct slice payload);

/* batch.c: carries writes out; lets answers go whose commits are on disk. */
bool batch_run(struct store *store);
bool batch_release(struct store *store);

/* disk.c: looks at the free space now and then, and at what it allows. */
void disk_look(struct store *store, mono_ns now);
bool disk_allows(const struct store *store, uint8_t request);

#endif

/* What a master leaves to the binary that takes its place, as text in an anonymous file.
 *
 * Shape, a line each, the order as below:
 *     gatepost handover 1
 *     version TEXT           of who writes
 *     layout N               of the segment
 *     number NAME N          counters, flags, times (monotonic: the machine's, so they stay good)
 *     descriptor NAME FD
 *     text NAME TEXT
 *     backoff ROLE N...
 *     listener FD IS-UNIX INHERITED, listener-name TEXT, listener-text TEXT, listener-fd-name TEXT
 *     spare ...              the same of a socket of the service manager that is not in use
 *     segment FD WORKER-SEATS, wake SLOT FD, seat SLOT STATE GENERATION
 *     child PID ROLE SLOT NUMBER EDITION GENERATION FD READY LEAVING STUCK STARTED KILL
 *     configuration          then what config_print prints, and a last line
 * Never a struct as it lies in memory, which two versions could read differently. Lines of an
 * unknown kind and names that are not known are passed over: a later version may say more. One
 * that an earlier version must not pass over raises the number in the first line. Without
 * "segment" there is neither segment nor child: the layouts differ, and everybody has gone.
 * The mail password is not in it: it comes from where it came from before. */
#ifndef GATEPOST_HANDOVER_H
#define GATEPOST_HANDOVER_H

#include "gatepost/segment_parts.h"
#include "master.h"

#define HANDOVER_MAX_BYTES (1024 * 1024)

struct handover {
    struct master master;       /* what is handed over of it; children: a place for each slot */
    struct segment_parts parts; /* worker_seats 0: none */
    uint64_t layout;
    char version[32];
    char *config_file;
    char *config; /* as config_print wrote it */
};

/* An anonymous file with everything, close-on-exec. Returns -1 with the sentence. */
MUST_USE int handover_write(const struct master *master, bool with_children, struct err *err);

/* The file's whole content. Gives: heap. */
MUST_USE bool handover_load(int fd, char **text_out, size_t *len_out, struct err *err);

/* Takes nothing that does not make sense in itself: no descriptor twice, no child without its seat,
 * no slot that is not there. Whether the descriptors are open is not looked at: a trial has few of
 * them. Owner: the caller; handover_fini. */
MUST_USE bool handover_read(struct slice text, struct handover *handover_out, struct err *err);
void handover_fini(struct handover *handover); /* memory alone */

/* Every descriptor that is handed over. fds_out has room for handover_descriptors_max. */
size_t handover_descriptors_max(const struct master *master, const struct segment_parts *parts);
size_t handover_descriptors(const struct master *master, const struct segment_parts *parts,
                            int *fds_out);

/* Private to the two files of it: what both sides read from one table. */
enum handover_kind { HANDOVER_U32, HANDOVER_U64, HANDOVER_FLAG };
struct handover_number {
    const char *name;
    enum handover_kind kind;
    size_t offset; /* in struct master */
};
struct handover_descriptor {
    const char *name;
    size_t offset;
    bool optional;
};
struct handover_text {
    const char *name;
    size_t offset;
    size_t bytes;
};
extern const struct handover_number handover_numbers[];
extern const size_t handover_number_count;
extern const struct handover_descriptor handover_fds[];
extern const size_t handover_fd_count;
extern const struct handover_text handover_texts[];
extern const size_t handover_text_count;
#define HANDOVER_TITLE "gatepost handover 1"
#define HANDOVER_LAST  "# end of handover\n"
const char *handover_role_name(enum proc_role role);
/* No descriptor twice; every child the tenant of its own seat, every such seat with its child. */
MUST_USE bool handover_makes_sense(const struct handover *handover, struct err *err);

#endif

/* The contract between the master and its children: what they inherit, how they start, what they
 * say to one another. Source: Postfix's master_proto.h, Varnish's heritage.h. */
#ifndef GATEPOST_PROC_H
#define GATEPOST_PROC_H

#include <sys/types.h>

#include "gatepost/config.h"
#include "gatepost/segment.h"

enum exit_reason {
#define EXIT_REASON(name, code, sentence) EXIT_##name = (code),
#include "gatepost/exit_reasons.def"
#undef EXIT_REASON
};

/* "the database asked for recovery"; NULL for a code that is not ours. */
const char *exit_reason_sentence(int code);

struct letter_set;

enum proc_role { ROLE_MASTER, ROLE_WORKER, ROLE_STORE, ROLE_MAILER, ROLE_ADMIN, ROLE_COUNT };

#define LISTENERS_MAX 16

struct listener {
    int fd;         /* listening, non-blocking */
    bool is_unix;   /* no TLS there, and the peer has no address */
    char name[128]; /* "127.0.0.1:8000", with the real port */
};

/* Everything a child has from the master; whatever is not in it is closed by proc_enter. */
struct heritage {
    enum proc_role role;
    uint32_t slot;                    /* its place in the segment */
    uint64_t generation;              /* of its seat; for the store, its epoch */
    uint32_t number;                  /* of a worker: 0, 1, ...; what its title shows */
    struct config *config;            /* its own copy, by fork */
    const struct letter_set *letters; /* the same; of the mailer */
    struct segment *segment;
    int control_fd; /* SOCK_SEQPACKET to the master, non-blocking */
    int alive_fd;   /* read end of a pipe that ends when the master does */
    int lock_fd;    /* the pid file's lock (pidlock.h), kept open and left alone; or -1 */
    pid_t master_pid;
    struct listener listeners[LISTENERS_MAX]; /* of a worker; of admin and mailer their socket */
    size_t listener_count;
};

/* The roles. Each returns an exit reason; called in the forked child. worker_main is also what runs
 * as ROLE_ADMIN: the same HTTP, with the routes of administration. */
int worker_main(struct heritage *heritage);
int store_main(struct heritage *heritage);
int mailer_main(struct heritage *heritage);

/* Workers count by their tables of routes in their slots of the segment: these, as a number
 * (layout.h). */
uint64_t worker_layout(void);

/* The form of the database that this store writes, and brings older ones up to. */
uint32_t store_data_format(void);

/* The start that all children share (docs/design.md section 7), in this order:
 * proc_enter: closes what is not inherited, ignores the signals that are the master's to
 * interpret (TERM INT QUIT HUP USR1 USR2 PIPE), sets title, log name, PR_SET_PDEATHSIG;
 * then the role loads its secrets; proc_drop_privileges: to master.user, proves that there is no
 * way back, no_new_privs, no core, looks at the parent once more; then the role opens what it owns;
 * proc_ready: enters LIFE_SERVING and reports to the master. Failures die with a named reason. */
void proc_enter(struct heritage *heritage);
void proc_drop_privileges(const struct heritage *heritage);
void proc_ready(const struct heritage *heritage);

/* log_init with the level that log.level names, and the form of log.format. name: borrowed for the
 * life of the process. */
void proc_log_init(const char *name, const struct config *config);

/* "worker.0", "store": what log lines and the status page call a process. Returns name_out. */
#define PROC_NAME_BYTES 32
const char *proc_name(enum proc_role role, uint32_t number, char name_out[PROC_NAME_BYTES]);

/* No core file of this process and its children, and nobody but root may look into its memory. */
MUST_USE bool proc_forbid_core(struct err *err);

/* Becomes master.user for good, if this process is root and user is not ""; drops all capabilities;
 * proves that there is no way back. For a child of the master that is no role. */
MUST_USE bool proc_become_user(const char *user, struct err *err);

/* Tells the operating system and `ps` what this process is. Who calls it: main, once, first. */
void proc_title_init(int argc, char **argv);
void proc_title_set(const char *title);

/* Messages over the control socket, either way. */
enum proc_message_kind {
    MESSAGE_READY = 1,   /* child: serving; value is its generation */
    MESSAGE_SEAT_BROKEN, /* store, mailer: slot's tenant wrote nonsense; value is its generation */
    MESSAGE_CONDEMNED,   /* store: a flush failed, do not start a successor */
    MESSAGE_DRAINED,     /* worker: no connection left, about to exit */
    ORDER_STOP,          /* master: finish what is in flight, exit within value ms */
    ORDER_DRAIN,         /* master to worker: stop accepting, exit when the last connection closed,
                            after value ms at the latest */
    ORDER_LOG,           /* master: a new log descriptor comes with this message; value: what
                            log.level is now, an enum config_log_level */
    ORDER_SWEEP,         /* master to mailer: read the outbox now (a worker died) */
    PROC_MESSAGE_KINDS   /* one above the last: what two binaries compare */
};

struct proc_message {
    uint32_t kind;
    uint32_t slot;
    uint64_t value;
};

/* Never blocks; a message to a master or child that is gone is dropped. fd: one descriptor to pass
 * along, or -1. */
void proc_send(int control_fd, enum proc_message_kind kind, uint32_t slot, uint64_t value, int fd);

/* Next message, if any. ORDER_LOG is dealt with inside (the descriptor becomes number 2) and not
 * returned. Exits with ORPHANED when the master is gone. */
MUST_USE bool proc_receive(const struct heritage *heritage, struct proc_message *message_out);

/* The same for the master's end; *gone_out tells that the child closed it. */
MUST_USE bool proc_receive_from_child(int control_fd, struct proc_message *message_out,
                                      bool *gone_out);

/* Milliseconds without a life sign after which the master takes a process for stuck. */
uint32_t life_limit_ms(enum life_phase phase);

#endif

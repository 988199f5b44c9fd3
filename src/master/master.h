/* What the files of src/master share: one master, its children, the two configurations that a
 * reload has at the same time. Private to this folder. One process, one thread. */
#ifndef GATEPOST_MASTER_H
#define GATEPOST_MASTER_H

#include "backoff.h"
#include "gatepost/clock.h"
#include "gatepost/config.h"
#include "gatepost/letter.h"
#include "gatepost/pidlock.h"
#include "gatepost/proc.h"
#include "listen.h"
#include "watch.h"

/* What each role runs; a table, so that a test can put its own in. ROLE_MASTER is not used. */
struct role_mains {
    int (*main[ROLE_COUNT])(struct heritage *heritage);
    uint32_t data_format; /* that the store writes: one that knows less must not follow it */
};

/* The server's whole life. Returns the exit code. Who calls it: main.c. */
int master_run(const struct config_source *source, const struct role_mains *mains);

/* One of them; fd -1: there is none. Its name is that of the path it is reached by. */
struct own_socket {
    struct listener listener;
    mode_t mode;
    bool beside; /* bound beside its path, which is another's until the commit */
};

/* What an edition has besides http.listen. */
struct own_sockets {
    struct own_socket admin;   /* admin.socket, for the child of that name */
    struct own_socket bounces; /* mail.bounce_socket, for the mailer */
};

/* The status page's. next: at another path, from the begin of a reload on; of one that was refused
 * it stays until the next reload, for those who wait there to hear of it. */
struct status_pages {
    struct own_socket current;
    struct own_socket next;
};

/* A configuration in force, with its sockets. Children carry the number of the edition that they
 * were started with; a reload is a change from one edition to the next. */
struct edition {
    uint32_t number; /* 1, 2, ...; 0: there is none */
    struct config *config;
    struct letter_set *letters; /* read with it: the mailer's, and its successors' */
    struct listen_set listeners;
    struct own_sockets own;
};

struct child {
    pid_t pid; /* 0: this place is free */
    enum proc_role role;
    uint32_t slot;
    uint32_t number; /* of a worker */
    uint32_t edition;
    uint64_t generation; /* of its seat; of the store, its epoch */
    int control_fd;
    bool ready;
    bool leaving; /* told to go: its end is no surprise and nobody replaces it because of it */
    bool stuck;   /* the watchdog aborted it */
    mono_ns started_ns;
    mono_ns kill_ns; /* SIGKILL then; 0: not planned */
    uint64_t sign;   /* its last life sign */
    mono_ns still_ns;
};

enum stop_stage { STOP_NONE, STOP_WORKERS, STOP_MAILER, STOP_STORE, STOP_DONE };

struct stop {
    enum stop_stage stage;
    bool graceful;
    mono_ns hard_ns; /* all that is left is killed then */
    int signals;     /* TERM and INT so far */
};

#define RELOAD_REPORT_BYTES 8192

enum reload_step { RELOAD_IDLE, RELOAD_WORKERS, RELOAD_MAILER, RELOAD_STORE };

struct reload {
    enum reload_step step;
    bool waiting;        /* one more HUP came; those after it are folded into it */
    bool upgrading;      /* this one is an upgrade's: everything is replaced */
    unsigned difference; /* enum config_reload */
    uint64_t begun;      /* counts all; what `gatepost reload` waits for */
    uint64_t done;
    bool ok; /* the last one that is done */
    wall_ms done_ms;
    struct err outcome; /* why it was refused */
    int log_fd;         /* the next edition's log, already open; -1 outside a reload */
    mono_ns begun_ns;   /* of the one that runs, or ran last */
    uint64_t took_ms;   /* of the last one that is done */
    char report[RELOAD_REPORT_BYTES]; /* changes.c: lines of the last one that was carried out */
    size_t report_len;
    size_t unreported; /* lines that had no room there */
    size_t changed;    /* keys */
};

enum upgrade_step {
    UPGRADE_IDLE,
    UPGRADE_TRIAL, /* a child executes the new file and says whether it could go on */
    UPGRADE_DRAIN, /* another layout: everybody finishes and goes before the execve */
    UPGRADE_ROLL,  /* after the execve: children are replaced, one kind after the other */
    UPGRADE_ANEW,  /* after it, with another layout: all are started, nobody was left */
};

#define TRIAL_ANSWER_BYTES 640

struct trial {
    pid_t pid;    /* 0: none runs */
    int fd;       /* where its answer comes; -1 when closed */
    bool stopped; /* it was killed for its silence, or because nobody waits for it any more */
    mono_ns deadline_ns;
    char answer[TRIAL_ANSWER_BYTES]; /* what it said first; NUL-terminated */
    uint64_t device;                 /* the file that it executes: nothing else will be */
    uint64_t inode;
    uint64_t changed_ns; /* its ctime */
};

struct upgrade {
    enum upgrade_step step;
    bool waiting;    /* USR2 came: folded into one, begun when nothing else runs */
    bool taken_over; /* this image came by execve: the server was ready long before */
    bool pressed;    /* of a drain: idle connections have had their time */
    uint64_t begun;  /* counts all; what `gatepost upgrade` waits for */
    uint64_t done;
    bool ok; /* the last one that is done */
    wall_ms done_ms;
    struct err outcome; /* why it was refused */
    mono_ns press_ns;
    struct trial trial;
};

struct master {
    const struct config_source *source;
    const struct role_mains *mains;
    struct edition current;
    struct edition next; /* number 0 outside a reload */
    uint32_t editions;
    uint32_t store_edition; /* the last one that changed a store key */
    struct segment *segment;
    struct pidlock lock;
    int alive_read_fd; /* inherited by children; ends with the master */
    int alive_write_fd;
    int signal_fd;
    struct status_pages pages;
    struct listen_set inherited; /* from the service manager, which holds them too */
    int stderr_fd;               /* the standard error that the server was started with */
    struct child *children;
    size_t places;
    struct backoff backoff[ROLE_COUNT];
    uint64_t store_epoch;
    uint32_t data_format; /* of role_mains; of a predecessor while one is read about */
    uint64_t generation;  /* of the configuration, as the board has it */
    bool condemned;       /* no store may start again */
    bool served;          /* everything was READY once */
    int exit_code;
    struct stop stop;
    struct reload reload;
    struct upgrade upgrade;
    mono_ns started_ns;
    mono_ns looked_ns;       /* the watchdog's last look */
    struct watch *watch;     /* rates of the last minute */
    int64_t clock_offset_ms; /* wall less monotonic, as of the last look */
};

/* child.c: mechanism. child_start forks into a free place; false: not now (no memory, no
 * processes), the back-off says when next. */
MUST_USE bool child_start(struct master *master, enum proc_role role, uint32_t slot,
                          uint32_t number, const struct edition *edition);
struct child *child_find(struct master *master, enum proc_role role);
size_t child_count(const struct master *master, enum proc_role role);
const char *child_name(const struct child *child, char name_out[PROC_NAME_BYTES]);
void child_tell(const struct child *child, enum proc_message_kind kind, uint64_t value);
/* Orders it to go within limit_ms and plans SIGKILL for grace_ms later; one that is not READY
 * hears no order and is killed at once. */
void child_dismiss(struct child *child, enum proc_message_kind order, uint64_t limit_ms,
                   uint64_t grace_ms);
/* Has a worker finish what it has, within master.drain_s. */
void child_drain(const struct master *master, struct child *child);
void child_read_messages(struct master *master, struct child *child);

/* reap.c: every child that died: why, and what follows. */
void reap_all(struct master *master);

/* supervise.c: policy. Starts what should run and does not, dismisses what is out of date, shoots
 * what stands still or overstays. supervise_wait_ns: until it must be called again. */
void supervise(struct master *master, mono_ns now);
mono_ns supervise_wait_ns(const struct master *master, mono_ns now);
void supervise_on_ready(struct master *master, struct child *child);

/* reload.c */
void reload_request(struct master *master);
void reload_advance(struct master *master);
void reload_refuse(struct master *master, const char *format, ...) PRINTF_LIKE(2, 3);
/* Are its workers READY, all of them? And its admin process? */
bool reload_workers_ready(const struct master *master, const struct edition *edition);
bool reload_admin_ready(const struct master *master, const struct edition *edition);
/* The last part of an upgrade: what is configured now, with this binary's processes. */
void reload_for_upgrade(struct master *master);

/* changes.c: what the reload from old to new changes, for log and page. */
void changes_note(struct reload *reload, const struct edition *old, const struct edition *new);
void changes_forget(struct reload *reload);

/* upgrade.c: USR2, from request to outcome; trial.c, takeover.c and handover.c are its parts. */
void upgrade_request(struct master *master);
void upgrade_advance(struct master *master, mono_ns now);
void upgrade_on_trial_end(struct master *master, int status);
void upgrade_refuse(struct master *master, const char *format, ...) PRINTF_LIKE(2, 3);
void upgrade_finish(struct master *master);
/* Everybody has gone for another layout. Returns when the execve failed: then as it was before. */
void upgrade_after_drain(struct master *master);
/* The server is to stop. Returns true when an upgrade's drain was under way. */
bool upgrade_give_way(struct master *master);
mono_ns
upgrade_due_ns(const struct master *master); /* 0: upgrade_advance has nothing to wait for */

/* trial.c. trial_run is the new binary's side and returns its exit code. */
MUST_USE bool trial_start(struct master *master, struct err *err);
void trial_read(struct master *master);
void trial_stop(struct master *master);
struct stat;
void trial_note_file(struct trial *trial, const struct stat *file);
int trial_run(const struct config_source *source, const struct role_mains *mains);

/* takeover.c: takeover_exec returns when it failed, with everything as it was before.
 * takeover_enter is the new image's: the master as its predecessor left it. */
void takeover_exec(struct master *master, bool with_children, struct err *err);
void takeover_enter(struct master *master);

/* master.c, for a takeover without a segment; and what is logged of a wrong configuration. */
void master_make_segment(struct master *master);
void master_log_problem(void *context, const char *where, const char *sentence);

/* clock_watch.c: replaces the workers after the wall clock was set. */
void clock_watch(struct master *master);

/* stop.c */
void stop_request(struct master *master, bool graceful);
/* A graceful stop that ends in upgrade_after_drain; what its workers have that is idle goes too. */
void stop_for_upgrade(struct master *master);
void stop_press(struct master *master);
void stop_advance(struct master *master, mono_ns now);

/* signals.c: the signals of docs/design.md section 8, by a descriptor. */
MUST_USE int signals_open(void);
void signals_take(struct master *master);

/* places.c: what does not exist yet: directories; at the first start key files, with the
 * directories they lie in. Errors: a sentence. */
MUST_USE bool places_make_page_directory(const struct config *config, struct err *err);
MUST_USE bool places_make_directories(const struct config *config, struct err *err);
MUST_USE bool places_make_keys(const struct config *config, struct err *err);

/* logfile.c: master.c points descriptor 2 at log.file; logfile_use gives it to all children, with
 * log.level, for those that a reload leaves running. */
MUST_USE int logfile_open(const struct master *master, const struct config *config,
                          struct err *err);
void logfile_use(struct master *master, int *log_fd);
void logfile_reopen(struct master *master);

/* admin.c: the status page, to those who wait at one of its sockets. */
void admin_answer(struct master *master, int fd);

/* own_sockets.c. own_sockets_open: with what of `current` stays as it is; errors name the key, and
 * then nothing is open that was not. own_sockets_close_others: what is in set and not in kept. */
extern const struct own_sockets OWN_SOCKETS_NONE;
MUST_USE bool own_sockets_open(const struct config *config, const struct own_sockets *current,
                               struct own_sockets *set_out, struct err *err);
void own_sockets_take_over(struct own_sockets *set);
void own_sockets_close_others(struct own_sockets *set, const struct own_sockets *kept);
/* status_pages_open: fills `next` where the path is another one. */
extern const struct status_pages STATUS_PAGES_NONE;
MUST_USE bool status_pages_open(const struct config *config, struct status_pages *pages,
                                struct err *err);
void status_pages_commit(struct status_pages *pages);
void status_pages_close(struct status_pages *pages);

/* notify.c: what systemd hears (sd_notify(3)); nothing where it does not ask. */
void notify_init(void);
void notify_send(const char *state);
void notify_reloading(void);
/* Once a turn of the loop; and how long that may wait. */
void notify_turn(struct master *master, mono_ns now);
mono_ns notify_wait_ns(mono_ns now);

#endif

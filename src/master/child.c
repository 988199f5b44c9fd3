/* One child: forking it with its heritage, talking to it, sending it away. Mechanism only; when
 * and why is supervise.c's and reap.c's. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "master.h"

#define FORK_RETRY_NS  NS_PER_S
#define DRAIN_GRACE_MS 1000

struct child *child_find(struct master *master, enum proc_role role)
{
    for (size_t i = 0; i < master->places; i++) {
        if (master->children[i].pid != 0 && master->children[i].role == role)
            return &master->children[i];
    }
    return NULL;
}

size_t child_count(const struct master *master, enum proc_role role)
{
    size_t count = 0;
    for (size_t i = 0; i < master->places; i++)
        count += master->children[i].pid != 0 && master->children[i].role == role;
    return count;
}

const char *child_name(const struct child *child, char name_out[PROC_NAME_BYTES])
{
    return proc_name(child->role, child->number, name_out);
}

static struct child *free_place(struct master *master)
{
    for (size_t i = 0; i < master->places; i++) {
        if (master->children[i].pid == 0)
            return &master->children[i];
    }
    BUG_ON("more children than slots in the segment");
    return NULL;
}

/* The child's side of the fork. The SMTP password stays with the mailer alone. */
_Noreturn static void become_child(struct master *master, struct heritage *heritage)
{
    if (heritage->role != ROLE_MAILER) {
        config_forget_secrets(master->current.config);
        if (master->next.config != NULL)
            config_forget_secrets(master->next.config);
    }
    exit(master->mains->main[heritage->role](heritage));
}

static struct heritage heritage_of(const struct master *master, const struct child *child,
                                   const struct edition *edition, int control_fd)
{
    struct heritage heritage = {
        .role = child->role,
        .slot = child->slot,
        .generation = child->generation,
        .number = child->number,
        .config = edition->config,
        .letters = edition->letters,
        .segment = master->segment,
        .control_fd = control_fd,
        .alive_fd = master->alive_read_fd,
        .lock_fd = master->lock.lock_fd,
        .master_pid = getpid(),
    };
    if (child->role == ROLE_WORKER) {
        heritage.listener_count = edition->listeners.count;
        for (size_t i = 0; i < edition->listeners.count; i++)
            heritage.listeners[i] = edition->listeners.sockets[i].listener;
    } else if (child->role == ROLE_ADMIN) {
        heritage.listener_count = 1;
        heritage.listeners[0] = edition->own.admin.listener;
    } else if (child->role == ROLE_MAILER && edition->own.bounces.listener.fd >= 0) {
        heritage.listener_count = 1;
        heritage.listeners[0] = edition->own.bounces.listener;
    }
    return heritage;
}

bool child_start(struct master *master, enum proc_role role, uint32_t slot, uint32_t number,
                 const struct edition *edition)
{
    struct child *child = free_place(master);
    char name[PROC_NAME_BYTES];
    int pair[2] = {-1, -1};
    mono_ns now = clock_mono_ns();
    *child = (struct child){
        .role = role,
        .slot = slot,
        .number = number,
        .edition = edition->number,
        .generation = role == ROLE_STORE ? master->store_epoch + 1
                                         : seat_look(master->segment, slot).generation,
        .control_fd = -1,
        .started_ns = now,
    };
    life_enter(master->segment, slot, LIFE_STARTING); /* not the phase its predecessor died in */
    pid_t pid = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0) {
        struct heritage heritage = heritage_of(master, child, edition, pair[1]);
        FAULT("k.before_fork");
        errno = FAULT_ERRNO("k.fork");
        pid = errno != 0 ? -1 : fork();
        if (pid == 0)
            become_child(master, &heritage);
    }
    if (pid < 0) {
        log_error("child.unborn", "role=%s error=%s", child_name(child, name), strerror(errno));
        master->backoff[role].not_before_ns = now + FORK_RETRY_NS;
        if (pair[0] >= 0) {
            close(pair[0]);
            close(pair[1]);
        }
        return false;
    }
    close(pair[1]);
    child->pid = pid;
    child->control_fd = pair[0];
    if (role == ROLE_STORE)
        master->store_epoch++;
    log_info("child.started", "role=%s child=%d slot=%" PRIu32 " generation=%" PRIu64,
             child_name(child, name), (int)pid, slot, child->generation);
    return true;
}

void child_tell(const struct child *child, enum proc_message_kind kind, uint64_t value)
{
    proc_send(child->control_fd, kind, child->slot, value, -1);
}

void child_dismiss(struct child *child, enum proc_message_kind order, uint64_t limit_ms,
                   uint64_t grace_ms)
{
    mono_ns kill_ns = clock_mono_ns() + (limit_ms + grace_ms) * NS_PER_MS;
    child->leaving = true;
    if (!child->ready) {
        kill(child->pid, SIGKILL); /* nothing is in flight there */
        return;
    }
    if (child->kill_ns == 0 || kill_ns < child->kill_ns)
        child->kill_ns = kill_ns;
    child_tell(child, order, limit_ms);
}

void child_drain(const struct master *master, struct child *child)
{
    child_dismiss(child, ORDER_DRAIN, (uint64_t)master->current.config->master_drain_s * 1000,
                  DRAIN_GRACE_MS);
}

/* A tenant wrote nonsense into its lane, say store or mailer: it was taken over, or its memory is
 * broken. Nothing that it does from here on is wanted. */
static void on_seat_broken(struct master *master, const struct proc_message *message)
{
    for (size_t i = 0; i < master->places; i++) {
        struct child *child = &master->children[i];
        if (child->pid == 0 || child->role == ROLE_STORE || child->slot != message->slot ||
            child->generation != message->value)
            continue;
        char name[PROC_NAME_BYTES];
        log_error("child.mad", "role=%s child=%d", child_name(child, name), (int)child->pid);
        child->stuck = true;
        kill(child->pid, SIGKILL);
    }
}

void child_read_messages(struct master *master, struct child *child)
{
    struct proc_message message;
    bool gone = false;
    while (child->control_fd >= 0 && proc_receive_from_child(child->control_fd, &message, &gone)) {
        if (message.kind == MESSAGE_READY && message.value == child->generation && !child->ready) {
            child->ready = true;
            supervise_on_ready(master, child);
        } else if (message.kind == MESSAGE_SEAT_BROKEN &&
                   (child->role == ROLE_STORE || child->role == ROLE_MAILER)) {
            on_seat_broken(master, &message);
        } else if (message.kind == MESSAGE_CONDEMNED && child->role == ROLE_STORE) {
            master->condemned = true;
        } else if (message.kind == MESSAGE_DRAINED) {
            char name[PROC_NAME_BYTES];
            log_debug("child.drained", "role=%s child=%d", child_name(child, name),
                      (int)child->pid);
        }
    }
    if (gone) {
        close(child->control_fd);
        child->control_fd = -1; /* its death is heard from waitpid */
    }
}

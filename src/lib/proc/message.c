/* Messages between master and children over a SOCK_SEQPACKET pair.
 *
 * Nobody waits for a message to go out: what does not fit is dropped, and whoever needed it has
 * another way (a deadline, a board word, a death). The master takes no descriptors from a child:
 * it receives without room for them, and the kernel closes what was sent. */
#include "gatepost/proc.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gatepost/log.h"
#include "gatepost/secret.h"
#include "log_level.h"

/* Room for one descriptor, aligned as the kernel wants it. */
union passed_fd {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

void proc_send(int control_fd, enum proc_message_kind kind, uint32_t slot, uint64_t value, int fd)
{
    if (control_fd < 0)
        return;
    struct proc_message message = {.kind = kind, .slot = slot, .value = value};
    struct iovec part = {.iov_base = &message, .iov_len = sizeof message};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    union passed_fd passed = {0};
    if (fd >= 0) {
        packet.msg_control = passed.room;
        packet.msg_controllen = sizeof passed.room;
        struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    ssize_t sent;
    do {
        sent = sendmsg(control_fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EPIPE && errno != ECONNRESET)
        log_warning("message.dropped", "kind=%u slot=%u error=%d", (unsigned)kind, (unsigned)slot,
                    errno);
}

enum receipt { RECEIPT_MESSAGE, RECEIPT_NOTHING, RECEIPT_GONE };

/* fd_out: NULL to refuse descriptors; else the one that came along, or -1. */
static enum receipt receive(int control_fd, struct proc_message *message_out, int *fd_out)
{
    struct proc_message message;
    for (;;) {
        struct iovec part = {.iov_base = &message, .iov_len = sizeof message};
        struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
        union passed_fd passed = {0};
        if (fd_out != NULL) {
            packet.msg_control = passed.room;
            packet.msg_controllen = sizeof passed.room;
        }
        ssize_t len = recvmsg(control_fd, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return errno == EAGAIN ? RECEIPT_NOTHING : RECEIPT_GONE;
        if (len == 0)
            return RECEIPT_GONE;
        if (fd_out != NULL) {
            *fd_out = -1;
            struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
            if (header != NULL && header->cmsg_type == SCM_RIGHTS)
                memcpy(fd_out, CMSG_DATA(header), sizeof *fd_out);
        }
        if (len == (ssize_t)sizeof message) {
            *message_out = message;
            return RECEIPT_MESSAGE;
        }
        /* A packet of another length is none of ours: looked past. */
        if (fd_out != NULL && *fd_out >= 0)
            close(*fd_out);
    }
}

bool proc_receive(const struct heritage *heritage, struct proc_message *message_out)
{
    for (;;) {
        struct proc_message message;
        int fd = -1;
        switch (receive(heritage->control_fd, &message, &fd)) {
        case RECEIPT_NOTHING:
            return false;
        case RECEIPT_GONE:
            log_warning("master.gone", "pid=%d", (int)heritage->master_pid);
            _exit(EXIT_ORPHANED); /* without draining: a successor waits for the lock */
        case RECEIPT_MESSAGE:
            break;
        }
        if (message.kind == ORDER_LOG && fd >= 0) {
            dup2(fd, STDERR_FILENO);
            log_set_level(proc_log_level((int64_t)message.value));
        }
        if (fd >= 0)
            close(fd);
        if (message.kind == ORDER_LOG)
            continue;
        *message_out = message;
        return true;
    }
}

bool proc_receive_from_child(int control_fd, struct proc_message *message_out, bool *gone_out)
{
    enum receipt receipt = receive(control_fd, message_out, NULL);
    *gone_out = receipt == RECEIPT_GONE;
    return receipt == RECEIPT_MESSAGE;
}

void proc_ready(const struct heritage *heritage)
{
    if (secret_is_unlocked())
        log_warning("secret.unlocked",
                    "because=\"RLIMIT_MEMLOCK is too small: keys may be swapped\"");
    life_enter(heritage->segment, heritage->slot, LIFE_SERVING);
    proc_send(heritage->control_fd, MESSAGE_READY, heritage->slot, heritage->generation, -1);
}

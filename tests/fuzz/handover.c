/* What a predecessor of any version may leave a master: refused, or sound in itself. */
#include "master/handover.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void look_at_children(const struct handover *handover)
{
    const struct master *master = &handover->master;
    for (size_t i = 0; i < master->places; i++) {
        const struct child *child = &master->children[i];
        if (child->pid == 0)
            continue;
        BUG_ON(child->pid < 2 || child->slot >= master->places ||
               handover_role_name(child->role) == NULL);
        BUG_ON(child->role != ROLE_STORE && handover->parts.seats[child->slot].state != SEAT_LIVE);
        BUG_ON(child->control_fd >= 0 && child->control_fd < 3);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct handover handover;
    struct err err = {{0}};

    if (len > HANDOVER_MAX_BYTES)
        return 0;
    if (!handover_read(slice_of(bytes, len), &handover, &err)) {
        BUG_ON(err.text[0] == '\0');
        return 0;
    }
    const struct listen_set *listeners = &handover.master.current.listeners;
    BUG_ON(listeners->count == 0 || listeners->count > LISTENERS_MAX);
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listen_socket *socket = &listeners->sockets[i];
        BUG_ON(socket->listener.fd < 3);
        BUG_ON(memchr(socket->text, '\0', sizeof(socket->text)) == NULL);
    }
    for (enum proc_role role = ROLE_WORKER; role < ROLE_COUNT; role++)
        BUG_ON(handover.master.backoff[role].next >= BACKOFF_DEATHS);
    BUG_ON(handover.parts.worker_seats > 1024);
    BUG_ON((handover.parts.worker_seats == 0) != (handover.master.children == NULL));
    look_at_children(&handover);
    handover_fini(&handover);
    return 0;
}

/* Writing down what a master leaves; handover.h has the shape, handover_read.c the other half. */
#include "handover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layout.h"

#define AT(field)    offsetof(struct master, field)
#define BYTES(field) sizeof(((struct master *)0)->field)
#define TEXT(name, field)                                                                          \
    {                                                                                              \
        name, AT(field), BYTES(field)                                                              \
    }

const struct handover_number handover_numbers[] = {
    {"editions", HANDOVER_U32, AT(editions)},
    {"edition", HANDOVER_U32, AT(current.number)},
    {"store_edition", HANDOVER_U32, AT(store_edition)},
    {"store_epoch", HANDOVER_U64, AT(store_epoch)},
    {"data_format", HANDOVER_U32, AT(data_format)},
    {"generation", HANDOVER_U64, AT(generation)},
    {"condemned", HANDOVER_FLAG, AT(condemned)},
    {"served", HANDOVER_FLAG, AT(served)},
    {"started_ns", HANDOVER_U64, AT(started_ns)},
    {"reload_waiting", HANDOVER_FLAG, AT(reload.waiting)},
    {"reload_begun", HANDOVER_U64, AT(reload.begun)},
    {"reload_done", HANDOVER_U64, AT(reload.done)},
    {"reload_ok", HANDOVER_FLAG, AT(reload.ok)},
    {"reload_done_ms", HANDOVER_U64, AT(reload.done_ms)},
    {"reload_took_ms", HANDOVER_U64, AT(reload.took_ms)},
    {"upgrade_waiting", HANDOVER_FLAG, AT(upgrade.waiting)},
    {"upgrade_begun", HANDOVER_U64, AT(upgrade.begun)},
    {"upgrade_done", HANDOVER_U64, AT(upgrade.done)},
    {"upgrade_ok", HANDOVER_FLAG, AT(upgrade.ok)},
    {"upgrade_done_ms", HANDOVER_U64, AT(upgrade.done_ms)},
    {"admin_mode", HANDOVER_U32, AT(current.own.admin.mode)},
    {"bounces_mode", HANDOVER_U32, AT(current.own.bounces.mode)},
    {"status_page_mode", HANDOVER_U32, AT(pages.current.mode)},
    {"next_status_page_mode", HANDOVER_U32, AT(pages.next.mode)},
};
const size_t handover_number_count = ARRAY_LEN(handover_numbers);

const struct handover_descriptor handover_fds[] = {
    {"lock", AT(lock.lock_fd), false},
    {"pid_file", AT(lock.write_fd), false},
    {"alive_read", AT(alive_read_fd), false},
    {"alive_write", AT(alive_write_fd), false},
    {"standard_error", AT(stderr_fd), false},
    {"status_page", AT(pages.current.listener.fd), false},
    {"next_status_page", AT(pages.next.listener.fd), true},
    {"admin", AT(current.own.admin.listener.fd), false},
    {"bounces", AT(current.own.bounces.listener.fd), true},
};
const size_t handover_fd_count = ARRAY_LEN(handover_fds);

const struct handover_text handover_texts[] = {
    TEXT("status_page", pages.current.listener.name),
    TEXT("next_status_page", pages.next.listener.name),
    TEXT("admin", current.own.admin.listener.name),
    TEXT("bounces", current.own.bounces.listener.name),
    TEXT("reload_outcome", reload.outcome.text),
    TEXT("upgrade_outcome", upgrade.outcome.text),
};
const size_t handover_text_count = ARRAY_LEN(handover_texts);

const char *handover_role_name(enum proc_role role)
{
    static const char *const names[ROLE_COUNT] = {[ROLE_WORKER] = "worker",
                                                  [ROLE_STORE] = "store",
                                                  [ROLE_MAILER] = "mailer",
                                                  [ROLE_ADMIN] = "admin"};
    return names[role];
}

static const void *at(const struct master *master, size_t offset)
{
    return (const char *)master + offset;
}

/* A text that comes from elsewhere must not make a line of its own. */
static void print_text(FILE *paper, const char *kind, const char *text)
{
    (void)fprintf(paper, "%s ", kind);
    for (; *text != '\0'; text++)
        (void)fputc((unsigned char)*text < 0x20 ? ' ' : *text, paper);
    (void)fputc('\n', paper);
}

static void print_tables(FILE *paper, const struct master *master)
{
    for (size_t i = 0; i < handover_number_count; i++) {
        const struct handover_number *row = &handover_numbers[i];
        uint64_t value = 0;
        switch (row->kind) {
        case HANDOVER_U32:
            value = *(const uint32_t *)at(master, row->offset);
            break;
        case HANDOVER_U64:
            value = *(const uint64_t *)at(master, row->offset);
            break;
        case HANDOVER_FLAG:
            value = *(const bool *)at(master, row->offset);
            break;
        }
        (void)fprintf(paper, "number %s %" PRIu64 "\n", row->name, value);
    }
    for (size_t i = 0; i < handover_fd_count; i++) {
        int fd = *(const int *)at(master, handover_fds[i].offset);
        if (fd >= 0)
            (void)fprintf(paper, "descriptor %s %d\n", handover_fds[i].name, fd);
    }
    for (size_t i = 0; i < handover_text_count; i++) {
        char kind[64];
        snprintf(kind, sizeof kind, "text %s", handover_texts[i].name);
        print_text(paper, kind, at(master, handover_texts[i].offset));
    }
}

static void print_backoffs(FILE *paper, const struct master *master)
{
    for (enum proc_role role = ROLE_WORKER; role < ROLE_COUNT; role++) {
        const struct backoff *backoff = &master->backoff[role];
        (void)fprintf(paper, "backoff %s %" PRIu32 " %" PRIu64 " %" PRIu64,
                      handover_role_name(role), backoff->next, backoff->delay_ns,
                      backoff->not_before_ns);
        for (size_t i = 0; i < BACKOFF_DEATHS; i++)
            (void)fprintf(paper, " %" PRIu64, backoff->deaths[i]);
        (void)fputc('\n', paper);
    }
}

/* kept: those that are in it are in another list. */
static void print_listeners(FILE *paper, const char *kind, const struct listen_set *set,
                            const struct listen_set *kept)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct listen_socket *socket = &set->sockets[i];
        if (kept != NULL && listen_has(kept, socket->listener.fd))
            continue;
        (void)fprintf(paper, "%s %d %d %d\n", kind, socket->listener.fd, socket->listener.is_unix,
                      socket->inherited);
        print_text(paper, "listener-name", socket->listener.name);
        print_text(paper, "listener-text", socket->text);
        print_text(paper, "listener-fd-name", socket->fd_name);
    }
}

static void print_segment(FILE *paper, const struct segment_parts *parts)
{
    (void)fprintf(paper, "segment %d %" PRIu32 "\n", parts->fd, parts->worker_seats);
    for (uint32_t slot = 0; slot < parts->worker_seats + 3; slot++)
        (void)fprintf(paper, "wake %" PRIu32 " %d\n", slot, parts->wake_fds[slot]);
    for (uint32_t slot = 0; slot < parts->worker_seats + 1; slot++)
        (void)fprintf(paper, "seat %" PRIu32 " %d %" PRIu64 "\n", slot,
                      (int)parts->seats[slot].state, parts->seats[slot].generation);
}

static void print_children(FILE *paper, const struct master *master)
{
    for (size_t i = 0; i < master->places; i++) {
        const struct child *child = &master->children[i];
        if (child->pid == 0)
            continue;
        (void)fprintf(paper,
                      "child %d %s %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64
                      " %d %d %d %d %" PRIu64 " %" PRIu64 "\n",
                      (int)child->pid, handover_role_name(child->role), child->slot, child->number,
                      child->edition, child->generation,
                      child->control_fd >= 0 ? child->control_fd : 0, child->ready, child->leaving,
                      child->stuck, child->started_ns, child->kill_ns);
    }
}

static bool write_all(int fd, const struct master *master, bool with_children)
{
    char *text = NULL;
    size_t len = 0;
    FILE *paper = open_memstream(&text, &len);
    BUG_ON(paper == NULL);
    (void)fprintf(paper, "%s\n", HANDOVER_TITLE);
    (void)fprintf(paper, "version %s\nlayout %" PRIu64 "\n", GATEPOST_VERSION,
                  layout_of_this_binary());
    print_tables(paper, master);
    print_backoffs(paper, master);
    print_listeners(paper, "listener", &master->current.listeners, NULL);
    print_listeners(paper, "spare", &master->inherited, &master->current.listeners);
    if (with_children) {
        struct segment_parts parts;
        segment_give(master->segment, &parts);
        print_segment(paper, &parts);
        print_children(paper, master);
        segment_parts_fini(&parts);
    }
    print_text(paper, "text config_file", master->current.config->file);
    (void)fprintf(paper, "configuration\n");
    BUG_ON(fclose(paper) != 0);
    bool written = fd_write_all(fd, text, len) && config_print(master->current.config, fd) &&
                   fd_write_all(fd, HANDOVER_LAST, strlen(HANDOVER_LAST));
    free(text);
    return written;
}

int handover_write(const struct master *master, bool with_children, struct err *err)
{
    int fd = memfd_create("gatepost-handover", MFD_CLOEXEC);
    if (fd >= 0 && write_all(fd, master, with_children))
        return fd;
    err_set(err, "what is to be handed over cannot be written: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool handover_load(int fd, char **text_out, size_t *len_out, struct err *err)
{
    struct stat file;
    if (fstat(fd, &file) != 0 || file.st_size <= 0 || file.st_size > HANDOVER_MAX_BYTES) {
        err_set(err, "what is handed over cannot be read, or has an odd size");
        return false;
    }
    size_t len = 0;
    char *text = xcalloc((size_t)file.st_size, 1);
    while (len < (size_t)file.st_size) {
        ssize_t got = pread(fd, text + len, (size_t)file.st_size - len, (off_t)len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            err_set(err, "what is handed over cannot be read: %s", strerror(errno));
            free(text);
            return false;
        }
        len += (size_t)got;
    }
    *text_out = text;
    *len_out = len;
    return true;
}

size_t handover_descriptors_max(const struct master *master, const struct segment_parts *parts)
{
    return handover_fd_count + 2 * (size_t)LISTENERS_MAX + master->places + parts->worker_seats + 4;
}

size_t handover_descriptors(const struct master *master, const struct segment_parts *parts,
                            int *fds_out)
{
    size_t count = 0;
    for (size_t i = 0; i < handover_fd_count; i++) {
        int fd = *(const int *)at(master, handover_fds[i].offset);
        if (fd >= 0)
            fds_out[count++] = fd;
    }
    for (size_t i = 0; i < master->current.listeners.count; i++)
        fds_out[count++] = master->current.listeners.sockets[i].listener.fd;
    for (size_t i = 0; i < master->inherited.count; i++) {
        int fd = master->inherited.sockets[i].listener.fd;
        if (!listen_has(&master->current.listeners, fd))
            fds_out[count++] = fd;
    }
    if (parts->worker_seats == 0)
        return count;
    fds_out[count++] = parts->fd;
    for (uint32_t slot = 0; slot < parts->worker_seats + 3; slot++)
        fds_out[count++] = parts->wake_fds[slot];
    for (size_t i = 0; i < master->places; i++) {
        if (master->children[i].pid != 0 && master->children[i].control_fd >= 0)
            fds_out[count++] = master->children[i].control_fd;
    }
    return count;
}

/* ---- sense --------------------------------------------------------------------------------- */

static int compare_ints(const void *a, const void *b)
{
    int left = *(const int *)a;
    int right = *(const int *)b;
    return (left > right) - (left < right);
}

static bool descriptors_differ(const struct handover *handover)
{
    int *fds = xcalloc(handover_descriptors_max(&handover->master, &handover->parts), sizeof *fds);
    size_t count = handover_descriptors(&handover->master, &handover->parts, fds);
    bool differ = true;
    qsort(fds, count, sizeof *fds, compare_ints);
    for (size_t i = 1; i < count; i++)
        differ &= fds[i] != fds[i - 1];
    free(fds);
    return differ;
}

/* Has a slot of its own, which is one of its role, and is that seat's tenant. */
static bool child_fits(const struct handover *handover, const struct child *child)
{
    const struct segment_parts *parts = &handover->parts;
    for (size_t i = 0; i < handover->master.places; i++) {
        const struct child *other = &handover->master.children[i];
        if (other != child && other->pid != 0 &&
            (other->pid == child->pid || other->slot == child->slot))
            return false;
    }
    if (child->role == ROLE_STORE)
        return child->slot == parts->worker_seats + 1;
    if (child->slot > parts->worker_seats || (child->role == ROLE_MAILER) != (child->slot == 0))
        return false;
    return parts->seats[child->slot].state == SEAT_LIVE &&
           parts->seats[child->slot].generation == child->generation;
}

/* A seat that lives has a tenant: nobody would ever bury one who is not known. */
static bool every_tenant_is_there(const struct handover *handover)
{
    size_t live = 0;
    size_t tenants = 0;
    for (size_t slot = 0; handover->parts.worker_seats > 0 && slot <= handover->parts.worker_seats;
         slot++)
        live += handover->parts.seats[slot].state == SEAT_LIVE;
    for (size_t i = 0; i < handover->master.places; i++)
        tenants += handover->master.children[i].pid != 0 &&
                   handover->master.children[i].role != ROLE_STORE;
    return live == tenants;
}

bool handover_makes_sense(const struct handover *handover, struct err *err)
{
    if (!descriptors_differ(handover)) {
        err_set(err, "a descriptor is handed over twice");
        return false;
    }
    for (size_t i = 0; i < handover->master.places; i++) {
        const struct child *child = &handover->master.children[i];
        if (child->pid != 0 && !child_fits(handover, child)) {
            err_set(err, "a child that is handed over has no seat");
            return false;
        }
    }
    if (!every_tenant_is_there(handover)) {
        err_set(err, "a seat is handed over without its child");
        return false;
    }
    return true;
}

/* Reading what a predecessor left, as if it were hostile: it was written by another version, which
 * nobody here has ever seen. handover.h has the shape.
 *
 * Invariant: what is given out is sound in itself; else nothing is. */
#include "handover.h"
#include "handover_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What has been read so far. */
struct reading {
    struct handover *handover;
    size_t children;
    size_t wakes;
    size_t seats;
    uint64_t numbers; /* which rows were there, as bits */
    uint64_t fds;
    struct listen_socket *socket; /* the one that lines of its parts belong to; NULL before */
};

/* ---- lines --------------------------------------------------------------------------------- */

static void *at(struct reading *reading, size_t offset)
{
    return (char *)&reading->handover->master + offset;
}

static bool read_version(struct reading *reading, struct slice rest)
{
    return slice_to_text(rest, reading->handover->version, sizeof reading->handover->version);
}

static bool read_layout(struct reading *reading, struct slice rest)
{
    return take_number(&rest, UINT64_MAX, &reading->handover->layout);
}

static bool read_number(struct reading *reading, struct slice rest)
{
    struct slice name = take_word(&rest);
    for (size_t i = 0; i < handover_number_count; i++) {
        const struct handover_number *row = &handover_numbers[i];
        if (!slice_equal(name, slice_of_text(row->name)))
            continue;
        reading->numbers |= 1ULL << i;
        switch (row->kind) {
        case HANDOVER_U32:
            return take_u32(&rest, at(reading, row->offset));
        case HANDOVER_U64:
            return take_number(&rest, UINT64_MAX, at(reading, row->offset));
        case HANDOVER_FLAG:
            return take_flag(&rest, at(reading, row->offset));
        }
    }
    return true;
}

static bool read_descriptor(struct reading *reading, struct slice rest)
{
    struct slice name = take_word(&rest);
    for (size_t i = 0; i < handover_fd_count; i++) {
        if (!slice_equal(name, slice_of_text(handover_fds[i].name)))
            continue;
        reading->fds |= 1ULL << i;
        return take_fd(&rest, at(reading, handover_fds[i].offset));
    }
    return true;
}

static bool read_text(struct reading *reading, struct slice rest)
{
    struct slice name = take_word(&rest);
    if (slice_equal(name, SLICE_LITERAL("config_file"))) {
        free(reading->handover->config_file);
        reading->handover->config_file = xcalloc(rest.len + 1, 1);
        return slice_to_text(rest, reading->handover->config_file, rest.len + 1);
    }
    for (size_t i = 0; i < handover_text_count; i++) {
        const struct handover_text *row = &handover_texts[i];
        if (slice_equal(name, slice_of_text(row->name)))
            return slice_to_text(rest, at(reading, row->offset), row->bytes);
    }
    return true;
}

static bool read_backoff(struct reading *reading, struct slice rest)
{
    enum proc_role role;
    if (!take_role(&rest, &role))
        return false;
    struct backoff *backoff = &reading->handover->master.backoff[role];
    if (!take_u32(&rest, &backoff->next) || backoff->next >= BACKOFF_DEATHS ||
        !take_number(&rest, UINT64_MAX, &backoff->delay_ns) ||
        !take_number(&rest, UINT64_MAX, &backoff->not_before_ns))
        return false;
    for (size_t i = 0; i < BACKOFF_DEATHS; i++) {
        if (!take_number(&rest, UINT64_MAX, &backoff->deaths[i]))
            return false;
    }
    return true;
}

static bool read_socket(struct reading *reading, struct listen_set *set, struct slice rest)
{
    if (set->count == LISTENERS_MAX)
        return false;
    struct listen_socket *socket = reading->socket = &set->sockets[set->count++];
    return take_fd(&rest, &socket->listener.fd) && take_flag(&rest, &socket->listener.is_unix) &&
           take_flag(&rest, &socket->inherited);
}

static bool read_listener(struct reading *reading, struct slice rest)
{
    return read_socket(reading, &reading->handover->master.current.listeners, rest);
}

static bool read_spare(struct reading *reading, struct slice rest)
{
    return read_socket(reading, &reading->handover->master.inherited, rest);
}

static bool read_listener_name(struct reading *reading, struct slice rest)
{
    struct listen_socket *socket = reading->socket;
    return socket != NULL &&
           slice_to_text(rest, socket->listener.name, sizeof socket->listener.name);
}

static bool read_listener_text(struct reading *reading, struct slice rest)
{
    struct listen_socket *socket = reading->socket;
    return socket != NULL && slice_to_text(rest, socket->text, sizeof socket->text);
}

static bool read_listener_fd_name(struct reading *reading, struct slice rest)
{
    struct listen_socket *socket = reading->socket;
    return socket != NULL && slice_to_text(rest, socket->fd_name, sizeof socket->fd_name);
}

#define SEATS_MOST 1024U

static bool read_segment(struct reading *reading, struct slice rest)
{
    struct segment_parts *parts = &reading->handover->parts;
    struct master *master = &reading->handover->master;
    if (parts->worker_seats != 0 || !take_fd(&rest, &parts->fd) ||
        !take_u32(&rest, &parts->worker_seats) || parts->worker_seats == 0 ||
        parts->worker_seats > SEATS_MOST) {
        parts->worker_seats = 0;
        return false;
    }
    master->places = parts->worker_seats + 3;
    parts->wake_fds = xcalloc(master->places, sizeof *parts->wake_fds);
    parts->seats = xcalloc(parts->worker_seats + 1, sizeof *parts->seats);
    master->children = xcalloc(master->places, sizeof *master->children);
    return true;
}

/* In order, each once. */
static bool read_wake(struct reading *reading, struct slice rest)
{
    struct segment_parts *parts = &reading->handover->parts;
    uint64_t slot = 0;
    return parts->worker_seats != 0 && reading->wakes < parts->worker_seats + 3U &&
           take_number(&rest, parts->worker_seats + 2U, &slot) && slot == reading->wakes &&
           take_fd(&rest, &parts->wake_fds[reading->wakes++]);
}

static bool read_seat(struct reading *reading, struct slice rest)
{
    struct segment_parts *parts = &reading->handover->parts;
    uint64_t slot = 0;
    uint64_t state = 0;
    if (parts->worker_seats == 0 || reading->seats > parts->worker_seats ||
        !take_number(&rest, parts->worker_seats, &slot) || slot != reading->seats ||
        !take_number(&rest, SEAT_DEAD, &state))
        return false;
    struct seat_part *seat = &parts->seats[reading->seats++];
    seat->state = (enum seat_state)state;
    return take_number(&rest, UINT64_MAX >> 2, &seat->generation);
}

static bool read_child(struct reading *reading, struct slice rest)
{
    struct master *master = &reading->handover->master;
    if (reading->children >= master->places)
        return false;
    struct child *child = &master->children[reading->children++];
    uint64_t pid = 0;
    uint64_t fd = 0;
    if (!take_number(&rest, INT32_MAX, &pid) || pid < 2 || !take_role(&rest, &child->role) ||
        !take_u32(&rest, &child->slot) || !take_u32(&rest, &child->number) ||
        !take_u32(&rest, &child->edition) || !take_number(&rest, UINT64_MAX, &child->generation) ||
        !take_number(&rest, INT32_MAX, &fd) || !take_flag(&rest, &child->ready) ||
        !take_flag(&rest, &child->leaving) || !take_flag(&rest, &child->stuck) ||
        !take_number(&rest, UINT64_MAX, &child->started_ns) ||
        !take_number(&rest, UINT64_MAX, &child->kill_ns))
        return false;
    child->pid = (pid_t)pid;
    child->control_fd = fd > 0 ? (int)fd : -1; /* 0: it had closed its end */
    return fd == 0 || fd > STDERR_FILENO;
}

static bool read_line(struct reading *reading, struct slice line)
{
    static const struct {
        const char *kind;
        bool (*read)(struct reading *reading, struct slice rest);
    } kinds[] = {
        {"version", read_version},
        {"layout", read_layout},
        {"number", read_number},
        {"descriptor", read_descriptor},
        {"text", read_text},
        {"backoff", read_backoff},
        {"listener", read_listener},
        {"spare", read_spare},
        {"listener-name", read_listener_name},
        {"listener-text", read_listener_text},
        {"listener-fd-name", read_listener_fd_name},
        {"segment", read_segment},
        {"wake", read_wake},
        {"seat", read_seat},
        {"child", read_child},
    };
    struct slice kind = take_word(&line);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (slice_equal(kind, slice_of_text(kinds[i].kind)))
            return kinds[i].read(reading, line);
    }
    return true;
}

/* ---- sense --------------------------------------------------------------------------------- */

static bool is_sound(const struct reading *reading, struct err *err)
{
    const struct handover *handover = reading->handover;
    const struct segment_parts *parts = &handover->parts;
    uint64_t fds = reading->fds;
    for (size_t i = 0; i < handover_fd_count; i++)
        fds |= handover_fds[i].optional ? 1ULL << i : 0;
    if (handover->version[0] == '\0' || handover->layout == 0 || handover->config_file == NULL ||
        reading->numbers != (1ULL << handover_number_count) - 1 ||
        fds != (1ULL << handover_fd_count) - 1 || handover->master.current.listeners.count == 0) {
        err_set(err, "something is missing in what is handed over");
        return false;
    }
    if (parts->worker_seats != 0 &&
        (reading->wakes != handover->master.places || reading->seats != parts->worker_seats + 1)) {
        err_set(err, "seats are missing in what is handed over");
        return false;
    }
    return handover_makes_sense(handover, err);
}

/* ---- all ----------------------------------------------------------------------------------- */

static bool take_line(struct slice *rest, struct slice *line_out)
{
    const char *newline = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
    if (newline == NULL)
        return false;
    size_t len = (size_t)(newline - rest->at);
    *line_out = slice_of(rest->at, len);
    *rest = slice_of(rest->at + len + 1, rest->len - len - 1);
    return true;
}

/* The configuration, up to the last line of the whole, by which one knows that it is whole. */
static bool take_config(struct reading *reading, struct slice rest)
{
    const size_t last = strlen(HANDOVER_LAST);
    if (rest.len < last || memcmp(rest.at + rest.len - last, HANDOVER_LAST, last) != 0)
        return false;
    rest.len -= last;
    reading->handover->config = xcalloc(rest.len + 1, 1);
    return slice_to_text(rest, reading->handover->config, rest.len + 1);
}

/* What goes without saying: these are unix sockets; a socket of the service manager that is in use
 * stands in both lists. */
static void name_kinds(struct master *master)
{
    master->current.own.admin.listener.is_unix = true;
    master->current.own.bounces.listener.is_unix = true;
    master->pages.current.listener.is_unix = true;
    master->pages.next.listener.is_unix = true;
    for (size_t i = 0; i < master->current.listeners.count; i++) {
        const struct listen_socket *socket = &master->current.listeners.sockets[i];
        if (socket->inherited && master->inherited.count < LISTENERS_MAX)
            master->inherited.sockets[master->inherited.count++] = *socket;
    }
}

bool handover_read(struct slice text, struct handover *handover_out, struct err *err)
{
    struct handover handover = {
        .parts.fd = -1,
        .master.current.own = OWN_SOCKETS_NONE,
        .master.next.own = OWN_SOCKETS_NONE,
        .master.pages = STATUS_PAGES_NONE,
    };
    struct reading reading = {.handover = &handover};
    struct slice line = {0};
    bool ok = take_line(&text, &line) && slice_equal(line, SLICE_LITERAL(HANDOVER_TITLE));
    if (!ok)
        err_set(err, "what is handed over is not of a form that this version knows");
    while (ok) {
        ok = take_line(&text, &line);
        if (ok && slice_equal(line, SLICE_LITERAL("configuration")))
            break;
        ok = ok && read_line(&reading, line);
        if (!ok)
            err_set(err, "what is handed over makes no sense at \"%.*s\"",
                    line.len < 60 ? (int)line.len : 60, line.at != NULL ? line.at : "");
    }
    if (ok && !take_config(&reading, text)) {
        err_set(err, "what is handed over ends too early");
        ok = false;
    }
    ok = ok && is_sound(&reading, err);
    if (!ok) {
        handover_fini(&handover);
        return false;
    }
    name_kinds(&handover.master);
    *handover_out = handover;
    return true;
}

void handover_fini(struct handover *handover)
{
    segment_parts_fini(&handover->parts);
    free(handover->master.children);
    handover->master.children = NULL;
    free(handover->config_file);
    free(handover->config);
    handover->config_file = handover->config = NULL;
}

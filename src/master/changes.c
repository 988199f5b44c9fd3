/* What a reload changed, in words: a line in the log and on the status page for each key and each
 * socket, which `gatepost reload` prints.
 *
 * Shape, on the page: "reload_change: http.workers: 2 -> 3", "reload_did: opened 127.0.0.1:8001",
 * and what runs anew. Values that may be secret never come this far (config_changes). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "gatepost/log.h"
#include "master.h"

#define SHOWN_BYTES 160 /* of one value on the page; the log has more of it */

static void add(struct reload *reload, const char *format, ...) PRINTF_LIKE(2, 3);

/* A line that does not fit whole is left out, and counted. */
static void add(struct reload *reload, const char *format, ...)
{
    va_list args;
    char *end = reload->report + reload->report_len;
    size_t room = sizeof reload->report - reload->report_len;
    va_start(args, format);
    int len = vsnprintf(end, room, format, args);
    va_end(args);
    if (len > 0 && (size_t)len < room) {
        reload->report_len += (size_t)len;
        return;
    }
    *end = '\0';
    reload->unreported++;
}

/* The beginning of a value, cut between two characters; "none" for an empty one. */
static const char *shown(const char *value, char text_out[SHOWN_BYTES + 4])
{
    size_t len = strlen(value);
    if (len == 0)
        return "none";
    if (len <= SHOWN_BYTES)
        return value;
    for (len = SHOWN_BYTES; len > 0 && ((unsigned char)value[len] & 0xc0) == 0x80;)
        len--;
    memcpy(text_out, value, len);
    memcpy(text_out + len, "...", 4);
    return text_out;
}

static void on_change(void *context, const char *key, const char *from, const char *to)
{
    struct reload *reload = context;
    char from_text[LOG_LINE_MAX_BYTES / 3], to_text[LOG_LINE_MAX_BYTES / 3];
    char from_shown[SHOWN_BYTES + 4], to_shown[SHOWN_BYTES + 4];
    log_info("reload.changed", "key=%s from=%s to=%s", key,
             log_quoted(slice_of_text(from), from_text, sizeof from_text),
             log_quoted(slice_of_text(to), to_text, sizeof to_text));
    add(reload, "reload_change: %s: %s -> %s\n", key, shown(from, from_shown), shown(to, to_shown));
    reload->changed++;
}

static void note_listeners(struct reload *reload, const struct listen_set *old,
                           const struct listen_set *new)
{
    for (size_t i = 0; i < new->count; i++) {
        const struct listener *listener = &new->sockets[i].listener;
        if (listen_has(old, listener->fd))
            continue;
        log_info("listener.opened", "address=%s", listener->name);
        add(reload, "reload_did: opened %s\n", listener->name);
    }
    for (size_t i = 0; i < old->count; i++) {
        const struct listener *listener = &old->sockets[i].listener;
        if (listen_has(new, listener->fd))
            continue;
        if (old->sockets[i].inherited) {
            log_warning("listener.left",
                        "address=%s because=\"the service manager holds it: who "
                        "connects there waits for nobody\"",
                        listener->name);
            add(reload, "reload_did: left %s to the service manager, which still holds it\n",
                listener->name);
            continue;
        }
        log_info("listener.closed", "address=%s", listener->name);
        add(reload, "reload_did: closed %s\n", listener->name);
    }
}

void changes_forget(struct reload *reload)
{
    reload->report[0] = '\0';
    reload->report_len = 0;
    reload->unreported = 0;
    reload->changed = 0;
}

void changes_note(struct reload *reload, const struct edition *old, const struct edition *new)
{
    changes_forget(reload);
    config_changes(old->config, new->config, on_change, reload);
    note_listeners(reload, &old->listeners, &new->listeners);
    if (reload->changed == 0)
        add(reload, "reload_did: no key changed; keys, certificates, templates and lists were read "
                    "again\n");
    add(reload, "reload_did: replaced %" PRId64 " workers by %" PRId64 ", mailer, admin%s\n",
        old->config->http_workers, new->config->http_workers,
        (reload->difference & CONFIG_RELOAD_STORE) != 0 ? ", store" : "; the store stayed");
}

/* One line an event, one write(2) a line, to descriptor 2 (the master points it at log.file).
 *
 * Shape: 2026-11-23T14:51:47.123Z info worker.0 4711 mail.delivered job=... tries=1
 * or, with log_use_json, an object with the same: {"time":...,"level":"info","process":"worker.0",
 * "pid":4711,"event":"mail.delivered","job":"...","tries":1}
 * C0, DEL, C1 and invalid UTF-8 in a line are escaped, so input cannot forge a line. A value that
 * comes from outside goes through log_quoted, so it cannot forge a field either. A line that
 * cannot be written at once is dropped and counted, never waited for. */
#ifndef GATEPOST_LOG_H
#define GATEPOST_LOG_H

#include "gatepost/base.h"

enum log_level {
    LOG_LEVEL_ERROR, /* somebody must act */
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

#define LOG_LINE_MAX_BYTES 2048 /* longer lines are cut and marked */

/* name: "master", "worker.0"; borrowed for the life of the process. Call again after fork. */
void log_init(const char *name, enum log_level level);

/* Of a process that a reload leaves running. */
void log_set_level(enum log_level level);

/* From here on lines are JSON, or text. Kept over log_init. */
void log_use_json(bool json);

/* Lines of this thread are about that request from now on: " request=ID" stands at their end. ""
 * ends it. id: borrowed until then; safe by request_id_is_safe. */
void log_about(const char *request_id);

/* Who hears of every line of level warning or error, as text without its end; NULL: nobody. Called
 * on the thread that logs; must not log. */
void log_watch(void (*on_line)(enum log_level level, struct slice line));

/* Any thread. event: noun.past ("child.died"); format: "key=value key=value"; keys of
 * lower case letters, digits and _, and behind them at most a sentence. JSON has the same fields:
 * those printed by %d, %u or %f as numbers, others as strings. */
void log_event(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_error(event, ...)   log_event(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warning(event, ...) log_event(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_info(event, ...)    log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)   log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

/* Text from outside as one field: in double quotes, quote and backslash escaped, cut at the
 * array's size. Returns text_out. */
const char *log_quoted(struct slice value, char *text_out, size_t text_bytes);

/* Lines that could not be written since the process began. */
uint64_t log_dropped(void);

/* A start-up failure: logs process.failed with the sentence, exits. Before READY only. */
_Noreturn void die(int exit_code, const char *format, ...) PRINTF_LIKE(2, 3);

#endif

/* The two forms of a log line. Private to lib/log. */
#ifndef LOG_LINE_H
#define LOG_LINE_H

#include "gatepost/log.h"

/* What both are made of. */
struct log_parts {
    const char *when; /* RFC 3339, UTC */
    const char *level;
    const char *process;
    long pid;
    const char *event;
    const char *about;   /* log_about's request, or "" */
    const char *format;  /* of log_event: which fields there are, and which of them are numbers */
    struct slice fields; /* as it printed them; not escaped */
    bool is_cut;         /* there was more */
};

#define LOG_JSON_MAX_BYTES 4096 /* what a pipe takes as a whole (PIPE_BUF) */

/* An object (RFC 8259) and a newline. Returns its length, at most LOG_JSON_MAX_BYTES. */
size_t log_json_line(const struct log_parts *parts, char line_out[LOG_JSON_MAX_BYTES]);

/* Bytes of the character at the begin of text that may stand in a line as they are; 0: the first
 * byte is to be escaped: control characters, what is no UTF-8, what turns text round. */
size_t log_plain_len(struct slice text);

#endif

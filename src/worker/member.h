/* One member of a JSON object: its name and its value. */
#ifndef WORKER_MEMBER_H
#define WORKER_MEMBER_H

#include "gatepost/clock.h"
#include "gatepost/json.h"

void member_text(struct json_writer *writer, const char *name, struct slice text);
void member_flag(struct json_writer *writer, const char *name, bool value);
void member_number(struct json_writer *writer, const char *name, int64_t value);

/* Bytes from outside: what is not UTF-8 is shown as U+FFFD. At most MEMBER_BYTES_MAX of them. */
#define MEMBER_BYTES_MAX 2048
void member_bytes(struct json_writer *writer, const char *name, struct slice bytes);

/* "2026-11-23T14:51:47.123Z"; 0 is null. */
void member_time(struct json_writer *writer, const char *name, wall_ms when);

#endif

/* Comma-separated values (RFC 4180), as they come. Private to this folder. */
#ifndef GATEPOST_CLI_CSV_H
#define GATEPOST_CLI_CSV_H

#include "gatepost/base.h"
#include "gatepost/err.h"

#define CSV_FIELDS_MAX 32

struct csv;

/* Fields are borrowed for the call. line: where the record begins, from 1. Returns false to end it.
 */
typedef bool (*csv_record_fn)(void *context, const struct slice *fields, size_t count,
                              uint64_t line);

struct csv *csv_new(size_t record_max_bytes, csv_record_fn on_record, void *context);
void csv_free(struct csv **csv);

/* The next bytes of the file, cut anywhere. Returns false when a record is too long, has too many
 * fields or a quote that is out of place (err: a sentence with the line), or on_record ended it. */
MUST_USE bool csv_feed(struct csv *csv, struct slice bytes, struct err *err);

/* The file has ended: its last line may have no end. */
MUST_USE bool csv_end(struct csv *csv, struct err *err);

#endif

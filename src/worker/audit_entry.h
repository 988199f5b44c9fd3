/* An entry of the audit trail, as people are shown it. */
#ifndef WORKER_AUDIT_ENTRY_H
#define WORKER_AUDIT_ENTRY_H

#include "gatepost/json.h"
#include "gatepost/store_messages.h"

/* The members time, event, result, address and detail of an object that is open. */
void audit_entry_write(struct json_writer *writer, const struct audit_entry *entry);

#endif

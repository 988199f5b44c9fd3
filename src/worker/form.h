/* application/x-www-form-urlencoded, of bodies and of query strings. */
#ifndef WORKER_FORM_H
#define WORKER_FORM_H

#include "gatepost/json.h"

/* Reads name=value pairs into the shape that a JSON object has, every value a JSON_STRING, so that
 * one set of field tables serves both. Of a repeated name the last value wins, as in Django's
 * QueryDict; a broken % stands for itself, as in Python's parse_qsl.
 * text: at most 64 KiB, borrowed. Call json_object_fini, whatever the outcome.
 * Errors: not UTF-8 once decoded, more than JSON_MEMBERS_MAX names. */
MUST_USE bool form_read(struct slice text, struct json_object *object_out);

#endif

/* JSON numbers where a text is wanted: DRF's CharField takes them as Python's str() shows them. */
#ifndef WORKER_NUMBER_H
#define WORKER_NUMBER_H

#include "gatepost/json.h"

#define NUMBER_TEXT_BYTES 32

/* number: JSON_INTEGER or JSON_FLOAT, text as it was written. Integers keep their digits (-0 is 0);
 * floats become the shortest text that reads back as the same double: 1.50 is "1.5", 1e5 is
 * "100000.0", 1e16 is "1e+16", 1e999 is "inf".
 * Returns a slice of the number's own text or of storage.
 * Source: CPython's float_repr_style 'short', Python/pystrtod.c. */
struct slice number_text(const struct json_member *number, char storage[NUMBER_TEXT_BYTES]);

#endif

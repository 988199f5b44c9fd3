/* One sentence for the operator, handed up by the function that knows what went wrong. */
#ifndef GATEPOST_ERR_H
#define GATEPOST_ERR_H

#include "gatepost/base.h"

struct err {
    char text[512]; /* NUL-terminated; "" when nothing failed */
};

/* Replaces the sentence. The function that fails sets it; nobody above rewrites it but to add
 * what it was doing ("smtp.password_file: ..."). err may be NULL: then nothing is kept. */
void err_set(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

#endif

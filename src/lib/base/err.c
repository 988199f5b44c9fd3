/* See err.h. */
#include "gatepost/err.h"

#include <stdarg.h>
#include <stdio.h>

void err_set(struct err *err, const char *format, ...)
{
    struct err sentence; /* the arguments may point into err itself */
    va_list args;

    if (err == NULL)
        return;
    va_start(args, format);
    vsnprintf(sentence.text, sizeof(sentence.text), format, args);
    va_end(args);
    *err = sentence;
}

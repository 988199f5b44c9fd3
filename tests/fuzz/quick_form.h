/* Whether a stored form is computed in a millisecond or so: a fuzzer finds those that take seconds
 * again and again. */
#ifndef TESTS_FUZZ_QUICK_FORM_H
#define TESTS_FUZZ_QUICK_FORM_H

#include "lib/password/formats.h"

static inline bool is_quick(const struct password_form *form)
{
    return form->iterations <= 1000 && form->log2_cost <= 4 && form->memory_kib <= 1024 &&
           form->work_kib <= 1024;
}

#endif

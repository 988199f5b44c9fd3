/* What a stored form may ask of the machine. */
#ifndef GATEPOST_PASSWORD_BOUNDS_H
#define GATEPOST_PASSWORD_BOUNDS_H

#include "formats.h"

/* Works out memory_kib of scrypt and yescrypt, and work_kib. */
void password_form_measure(struct password_form *form);

/* Every parameter within the table; after password_form_measure. */
MUST_USE bool password_form_bounded(const struct password_form *form);

#endif

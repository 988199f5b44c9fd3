/* Who else may read a secret's file. Private to lib/base. */
#ifndef GATEPOST_BASE_SECRET_MODE_H
#define GATEPOST_BASE_SECRET_MODE_H

#include <sys/stat.h>

#include "gatepost/err.h"

/* Is it its owner's alone? A credential of systemd's (LoadCredential=) is, too: for a service with
 * User= it is root's, and an access list lets that user read it, whose mask shows as a group that
 * may read. Errors: the mode, and what to do. */
MUST_USE bool secret_mode_fits(const char *path, const struct stat *status, struct err *err);

#endif

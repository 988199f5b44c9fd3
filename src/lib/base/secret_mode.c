/* secret_mode.h says what for. Only root can make a file in the directory of credentials, which
 * the service manager names; the file's own name must stand right in it. */
#include "secret_mode.h"

#include <stdlib.h>
#include <string.h>

static bool is_credential(const char *path)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    size_t len = directory != NULL ? strlen(directory) : 0;
    return len > 0 && directory[0] == '/' && strncmp(path, directory, len) == 0 &&
           path[len] == '/' && strchr(path + len + 1, '/') == NULL;
}

bool secret_mode_fits(const char *path, const struct stat *status, struct err *err)
{
    unsigned others = status->st_mode & 077;
    if (others == 0 || (others == 040 && status->st_uid == 0 && is_credential(path)))
        return true;
    err_set(err, "%s: mode %04o lets others at it; chmod 600 it", path,
            (unsigned)(status->st_mode & 07777));
    return false;
}

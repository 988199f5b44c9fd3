/* Entering, and knowing when to enter anew.
 *
 * Order: no_new_privs, without which neither is to be had; Landlock, whose calls the filter does
 * not let through; the filter. What libraries open at their first use is opened before. */
#include "gatepost/sandbox.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter.h"
#include "gatepost/log.h"
#include "gatepost/secret.h"
#include "reach.h"

#define PLACES_MAX 48

/* What stood at a path when the sandbox was entered. */
struct place {
    char *path;
    enum reach_use use;
    mode_t kind; /* 0: nothing */
    dev_t device;
    ino_t inode;
};

static struct {
    struct place places[PLACES_MAX];
    size_t count;
} known;

static struct place look(const char *path)
{
    struct stat status;
    struct place place = {.kind = 0};

    if (stat(path, &status) == 0) {
        place.kind = status.st_mode & S_IFMT;
        place.device = status.st_dev;
        place.inode = status.st_ino;
    }
    return place;
}

/* One that is read and gone is waited for. One that is kept and gone is made by the successor; but
 * of something else in its place, nothing can be made. */
static bool is_outdated(const struct place *then, const struct place *now)
{
    if (now->kind == 0)
        return then->use == REACH_KEEP;
    if (then->use == REACH_KEEP && now->kind != then->kind)
        return false;
    return now->kind != then->kind || now->device != then->device || now->inode != then->inode;
}

static bool remember(void *context, const char *path, enum reach_use use, struct err *err)
{
    (void)context;
    (void)err;
    BUG_ON(known.count == PLACES_MAX);
    known.places[known.count] = look(path);
    known.places[known.count].use = use;
    known.places[known.count++].path = xstrdup(path);
    return true;
}

bool sandbox_is_outdated(void)
{
    for (size_t i = 0; i < known.count; i++) {
        const struct place *then = &known.places[i];
        const struct place now = look(then->path);
        if (is_outdated(then, &now)) {
            log_info("sandbox.outdated", "path=\"%s\"", then->path);
            return true;
        }
    }
    return false;
}

/* libcrypto reads its configuration, and draws from the kernel's generator, at its first use. */
static void wake_libraries(void)
{
    uint8_t byte;

    random_bytes(&byte, sizeof(byte));
}

bool sandbox_close(enum proc_role role, const struct config *config, int *landlock_out,
                   struct err *err)
{
    *landlock_out = 0;
    wake_libraries();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        err_set(err, "new privileges cannot be switched off");
        return false;
    }
    return landlock_enter(role, config, landlock_out, err) && filter_enter(role, config, err);
}

/* The store tells it for all: there is one, and it is the first. */
static void tell(enum proc_role role, int landlock)
{
    if (role != ROLE_STORE)
        return;
    if (landlock == 0)
        log_warning("sandbox.partial", "because=\"this kernel has no Landlock: what a process may "
                                       "open is left to the owners of files\"");
    log_info("sandbox.entered", "landlock=%d", landlock);
}

void sandbox_enter(const struct heritage *heritage)
{
    const struct config *config = heritage->config;
    struct err err = {0};
    int landlock;

    if (!config->master_sandbox) {
        if (heritage->role == ROLE_STORE)
            log_warning("sandbox.off", "because=\"master.sandbox = no\"");
        return;
    }
    if (!sandbox_close(heritage->role, config, &landlock, &err)) {
        log_error("process.failed", "exit=%d %s; master.sandbox = no goes without", EXIT_SANDBOX,
                  err.text);
        _exit(EXIT_SANDBOX); /* at once: half of a sandbox may stand, and nothing was served */
    }
    if (landlock > 0 && !reach_each(heritage->role, config, remember, NULL, &err))
        BUG_ON("remembering never fails");
    tell(heritage->role, landlock);
}

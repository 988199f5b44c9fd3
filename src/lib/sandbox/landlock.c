/* Landlock, by its system calls: Debian 12 has no library for it, and headers of version 2.
 *
 * Each version of the kernel's knows more: 1 files, 2 renames across directories, 3 truncation,
 * 4 TCP ports, 5 ioctl of devices, 6 signals and abstract sockets. What is not known is left out.
 * Source: the kernel's Documentation/userspace-api/landlock.rst. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "reach.h"

/* Bits of versions that the header may not have. */
#define FS_REFER     (1ULL << 13)
#define FS_TRUNCATE  (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define NET_BIND     (1ULL << 0)
#define NET_CONNECT  (1ULL << 1)
#define SCOPE_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

#define FS_OF_VERSION_1 ((1ULL << 13) - 1)
#define FS_READ         (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_KEEP                                                                                    \
    (FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                       \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                                \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | FS_REFER | FS_TRUNCATE)
/* Of a rule whose object is no directory. */
#define FS_OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

/* struct landlock_ruleset_attr as of version 6. */
struct ruleset {
    uint64_t fs, net, scoped;
};

static int landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return version > 0 ? (int)version : 0;
}

/* What is forbidden, but for the rules that follow. */
static struct ruleset handled(enum proc_role role, int version)
{
    struct ruleset set = {.fs = FS_OF_VERSION_1};

    if (version >= 2)
        set.fs |= FS_REFER;
    if (version >= 3)
        set.fs |= FS_TRUNCATE;
    if (version >= 4)
        set.net = role == ROLE_MAILER ? NET_BIND : NET_BIND | NET_CONNECT;
    if (version >= 5)
        set.fs |= FS_IOCTL_DEV;
    if (version >= 6)
        set.scoped = SCOPE_SOCKET | SCOPE_SIGNAL;
    return set;
}

/* The kernel refuses a structure that is longer than its own, unless the rest is zero; one that is
 * shorter is fine. */
static size_t ruleset_bytes(int version)
{
    if (version >= 6)
        return sizeof(struct ruleset);
    return version >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

struct rules {
    int fd;
    uint64_t known; /* bits of fs */
};

static bool add_rule(void *context, const char *path, enum reach_use use, struct err *err)
{
    const struct rules *rules = context;
    struct stat status;
    int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0) /* not there: nobody reaches it */
        return true;
    struct landlock_path_beneath_attr beneath = {
        .allowed_access = rules->known & (use == REACH_KEEP ? FS_KEEP : FS_READ),
        .parent_fd = fd,
    };
    if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode))
        beneath.allowed_access &= FS_OF_FILES;
    bool added =
        syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
    if (!added)
        err_set(err, "Landlock does not take %s: %s", path, strerror(errno));
    close(fd);
    return added;
}

bool landlock_enter(enum proc_role role, const struct config *config, int *abi_out, struct err *err)
{
    const int version = landlock_version();
    const struct ruleset set = handled(role, version);
    struct rules rules = {.known = set.fs};

    *abi_out = version;
    if (version == 0)
        return true;
    rules.fd = (int)syscall(SYS_landlock_create_ruleset, &set, ruleset_bytes(version), 0);
    if (rules.fd < 0) {
        err_set(err, "Landlock takes no rules: %s", strerror(errno));
        return false;
    }
    bool entered = reach_each(role, config, add_rule, &rules, err);
    if (entered && syscall(SYS_landlock_restrict_self, rules.fd, 0) != 0) {
        err_set(err, "Landlock cannot be entered: %s", strerror(errno));
        entered = false;
    }
    close(rules.fd);
    return entered;
}

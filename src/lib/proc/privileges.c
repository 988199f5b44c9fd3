/* Giving up root for good, and keeping memory out of core files.
 *
 * Order: the bounding set of capabilities, which needs one to be lowered; groups, group, user; the
 * capabilities; then prove that none of it can be had back; then no_new_privs; core files and
 * ptrace are switched off last, for a change of identity switches them on again. The filter of
 * system calls, which forbids all of these calls, comes when the role has opened what it needs. A
 * process that stays root, for want of master.user, has no capabilities either: it is the owner of
 * root's files and nobody to those of others. Source: Chen, Wagner, Dean, "Setuid Demystified"
 * (2002); capabilities(7). */
#include "gatepost/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What no execve can bring back. Only who may lower it does; others have nothing to lose by it. */
static void lower_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
         capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

/* Effective, permitted, inheritable; ambient ones go with those. */
static bool drop_capabilities(struct err *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};

    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, sets) != 0 || syscall(SYS_capget, &header, sets) != 0) {
        err_set(err, "capabilities cannot be dropped: %s", strerror(errno));
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        if ((sets[i].effective | sets[i].permitted | sets[i].inheritable) != 0) {
            err_set(err, "capabilities are left after all were dropped");
            return false;
        }
    }
    return true;
}

static bool change_identity(const char *user, struct err *err)
{
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL) {
        err_set(err, "master.user: there is no user %s", user);
        return false;
    }
    uid_t uid = entry->pw_uid;
    gid_t gid = entry->pw_gid;
    if (setgroups(1, &gid) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) {
        err_set(err, "master.user: cannot become %s: %s", user, strerror(errno));
        return false;
    }
    if (uid == 0)
        return true; /* the operator named root: there is nothing to prove */
    uid_t real_uid, effective_uid, saved_uid;
    gid_t real_gid, effective_gid, saved_gid;
    if (getresuid(&real_uid, &effective_uid, &saved_uid) != 0 || real_uid != uid ||
        effective_uid != uid || saved_uid != uid ||
        getresgid(&real_gid, &effective_gid, &saved_gid) != 0 || real_gid != gid ||
        effective_gid != gid || saved_gid != gid || setuid(0) == 0 || seteuid(0) == 0 ||
        (gid != 0 && (setgid(0) == 0 || setegid(0) == 0))) {
        err_set(err, "master.user: there is a way back from %s to root", user);
        return false;
    }
    return true;
}

/* Of a dump that somebody takes all the same nothing is left but headers; a forked process and an
 * executed program inherit that, and not the others. Needs a file that is root's once the process
 * is no longer dumpable. */
static void empty_core_files(void)
{
    int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)!write(fd, "0", 1);
    close(fd);
}

bool proc_forbid_core(struct err *err)
{
    const struct rlimit none = {0, 0};

    empty_core_files();
    /* The limit does not hold for a core_pattern that is a pipe: dumpable does. */
    if (setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0)
        return true;
    err_set(err, "core files cannot be switched off: %s", strerror(errno));
    return false;
}

bool proc_become_user(const char *user, struct err *err)
{
    lower_bounding_set();
    if (user[0] != '\0' && geteuid() == 0 && !change_identity(user, err))
        return false;
    if (!drop_capabilities(err))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        err_set(err, "new privileges cannot be switched off: %s", strerror(errno));
        return false;
    }
    return proc_forbid_core(err);
}

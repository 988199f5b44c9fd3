/* Giving up root for good, and keeping memory out of core files.
 *
 * Order: groups, group, user, then prove that root cannot be had back, then no_new_privs; core
 * files and ptrace are switched off last, for a change of identity switches them on again.
 * Source: Chen, Wagner, Dean, "Setuid Demystified" (2002). */
#include "gatepost/proc.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

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

bool proc_become_user(const char *user, struct err *err)
{
    if (user[0] != '\0' && geteuid() == 0 && !change_identity(user, err))
        return false;
    struct rlimit none = {0, 0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
        prctl(PR_SET_DUMPABLE, 0) != 0) {
        err_set(err, "core files and new privileges cannot be switched off: %s", strerror(errno));
        return false;
    }
    return true;
}

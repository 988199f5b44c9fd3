/* What must be there before a role starts: directories with mode 0700, the two key files, and
 * with an asymmetric token.algorithm the first key of it.
 *
 * Started as root with master.user, what is made here belongs to that user: the roles have given
 * up root when they open it. Keys are made by a child that has become that user, so that the
 * master never holds one. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/log.h"
#include "gatepost/token_files.h"
#include "master.h"

struct owner {
    bool given; /* false: whoever this process is */
    uid_t uid;
    gid_t gid;
};

static bool find_owner(const struct config *config, struct owner *owner_out, struct err *err)
{
    *owner_out = (struct owner){0};
    if (config->master_user[0] == '\0' || geteuid() != 0)
        return true;
    const struct passwd *entry = getpwnam(config->master_user);
    if (entry == NULL) {
        err_set(err, "master.user: there is no user %s", config->master_user);
        return false;
    }
    *owner_out = (struct owner){.given = true, .uid = entry->pw_uid, .gid = entry->pw_gid};
    return true;
}

/* As the owner, whose it is then: where that one may, root needs no right to give files away. */
static bool make_as_owner(const char *path, const struct owner *owner)
{
    if (!owner->given)
        return false;
    setfsgid(owner->gid);
    setfsuid(owner->uid);
    bool made = mkdir(path, 0700) == 0;
    setfsuid(geteuid());
    setfsgid(getegid());
    return made;
}

/* Makes one directory if there is none. */
static bool make_one(const char *path, const struct owner *owner, struct err *err)
{
    if (make_as_owner(path, owner))
        return true;
    if (mkdir(path, 0700) == 0) {
        if (!owner->given || chown(path, owner->uid, owner->gid) == 0)
            return true;
    } else if (errno == EEXIST) {
        return true; /* if it is no directory, who opens something in it says so */
    }
    err_set(err, "directory %s cannot be made: %s", path, strerror(errno));
    return false;
}

/* Makes a directory and those above it. whole: the path itself is one, else what it lies in. */
static bool make_path(const char *path, bool whole, const struct owner *owner, struct err *err)
{
    if (path[0] == '\0')
        return true;
    char *copy = xstrdup(path);
    bool ok = true;
    for (char *slash = strchr(copy + 1, '/'); ok && slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = make_one(copy, owner, err);
        *slash = '/';
    }
    if (ok && whole)
        ok = make_one(copy, owner, err);
    free(copy);
    return ok;
}

bool places_make_page_directory(const struct config *config, struct err *err)
{
    struct owner owner;
    return find_owner(config, &owner, err) &&
           make_path(config->master_admin_socket, false, &owner, err);
}

bool places_make_directories(const struct config *config, struct err *err)
{
    struct owner owner;
    return find_owner(config, &owner, err) && make_path(config->log_file, false, &owner, err) &&
           make_path(config->master_pid_file, false, &owner, err) &&
           places_make_page_directory(config, err) &&
           make_path(config->admin_socket, false, &owner, err) &&
           (!config_takes_reports(config) ||
            make_path(config->mail_bounce_socket, false, &owner, err)) &&
           make_path(config->store_dir, true, &owner, err) &&
           make_path(config->mail_dir, true, &owner, err);
}

static bool exists(const char *path)
{
    struct stat file;
    return lstat(path, &file) == 0;
}

/* A key that is there may be where the user cannot look: a credential, or root's own file. Who is
 * root and may not look either leaves it to the user. */
static bool make_key(const char *path, bool is_there, struct err *err)
{
    return is_there || secret_make_file(path, err);
}

/* In the child: its exit code is all that the master learns; the sentence is in the log. */
_Noreturn static void make_keys_and_exit(const struct config *config)
{
    const struct token_rules rules = {
        .dir = config->token_key_dir,
        .algorithm = (enum token_algorithm)config->token_algorithm,
        .life_s = config->token_refresh_s > config->token_access_s ? config->token_refresh_s
                                                                   : config->token_access_s,
    };
    const int64_t now_s = clock_wall_ms() / 1000;
    const bool has_token_key = exists(config->token_secret_file);
    const bool has_mail_key = exists(config->mail_key_file);
    struct token_names names;
    struct token_name name;
    struct err err = {0};
    if (!proc_become_user(config->master_user, &err))
        die(EXIT_PRIVILEGES, "%s", err.text);
    if (!make_key(config->token_secret_file, has_token_key, &err))
        die(EXIT_SECRET, "token.secret_file: %s", err.text);
    if (!make_key(config->mail_key_file, has_mail_key, &err))
        die(EXIT_SECRET, "mail.key_file: %s", err.text);
    if (!token_names_read(&rules, &names, &err) ||
        (token_names_signing(&names, now_s) == names.count &&
         !token_key_make(&rules, now_s, &name, &err)))
        die(EXIT_SECRET, "token.key_dir: %s", err.text);
    _exit(EXIT_DONE);
}

bool places_make_keys(const struct config *config, struct err *err)
{
    struct owner owner;
    int status = 0;
    if (!find_owner(config, &owner, err) ||
        !make_path(config->token_secret_file, false, &owner, err) ||
        !make_path(config->mail_key_file, false, &owner, err))
        return false;
    const bool in_directory = config->token_algorithm != TOKEN_HS256;
    if (in_directory && !make_path(config->token_key_dir, true, &owner, err))
        return false;
    if (!in_directory && exists(config->token_secret_file) && exists(config->mail_key_file))
        return true;
    pid_t pid = fork();
    if (pid == 0)
        make_keys_and_exit(config);
    pid_t reaped;
    do {
        reaped = pid < 0 ? -1 : waitpid(pid, &status, 0);
    } while (reaped < 0 && pid > 0 && errno == EINTR);
    if (reaped < 0) {
        err_set(err, "key files cannot be made: %s", strerror(errno));
        return false;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_DONE) {
        err_set(err, "the key files cannot be made; the log says why");
        return false;
    }
    return true;
}

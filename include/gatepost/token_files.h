/* The key files of token.key_dir. A file's name says everything: <kid>.<algorithm>.<since>.<type>,
 * for instance 3f0c51a2b9d84e77.ES256.1764300000.pem (PKCS#8) or ....HS256.1764300000.key (43
 * base64url characters, as token.secret_file). So a person, a script and `gatepost key` see what
 * there is and what it is good for without reading a key.
 *
 * One key signs at a time: the newest one of token.algorithm whose time has come. A key's successor
 * is the next newer one of its own algorithm or of token.algorithm; from then on nothing is signed
 * with it, and when the longest life of what it signed is over it checks nothing more. */
#ifndef GATEPOST_TOKEN_FILES_H
#define GATEPOST_TOKEN_FILES_H

#include "gatepost/base.h"
#include "gatepost/err.h"

#define TOKEN_KID_BYTES 65 /* 64 characters of base64url's alphabet and the NUL */
#define TOKEN_KEYS_MAX  32 /* files, and the one of token.secret_file */
#define TOKEN_NEVER_S   INT64_MAX

/* In the order of token.algorithm's words (config_keys.def). */
enum token_algorithm { TOKEN_HS256, TOKEN_ES256, TOKEN_RS256, TOKEN_EDDSA };
#define TOKEN_ALGORITHMS (TOKEN_EDDSA + 1)
const char *token_algorithm_name(enum token_algorithm algorithm); /* as `alg` has it */

/* What the configuration says of keys. Texts are borrowed. */
struct token_rules {
    const char *secret_file; /* token.secret_file: the HS256 key without kid */
    const char *dir;         /* token.key_dir */
    enum token_algorithm algorithm;
    bool accept_hs256;
    int64_t
        life_s; /* the longest life of what a key signs: of token.access_s and token.refresh_s */
};

struct token_name {
    char kid[TOKEN_KID_BYTES]; /* "": the key of token.secret_file */
    enum token_algorithm algorithm;
    int64_t since_s; /* signs from then on, Unix seconds */
    int64_t until_s; /* checks nothing from then on; TOKEN_NEVER_S: there is no successor */
};

struct token_names {
    enum token_algorithm algorithm; /* that is signed with */
    size_t count;
    struct token_name at[TOKEN_KEYS_MAX]; /* oldest first; [0] is token.secret_file's */
};

enum token_state { TOKEN_PUBLISHED, TOKEN_SIGNING, TOKEN_RETIRING, TOKEN_EXPIRED };
const char *token_state_name(enum token_state state);

/* Lists the directory; one that is not there is an empty one.
 * Errors: others can get at the directory, a name that is none, a kid that stands twice, too many
 * keys. */
MUST_USE bool token_names_read(const struct token_rules *rules, struct token_names *names_out,
                               struct err *err);

/* The one that signs at that time. Where none has come yet (the clock was set back) it is the
 * first of token.algorithm; names->count when there is no key of it at all. */
size_t token_names_signing(const struct token_names *names, int64_t now_s);
enum token_state token_names_state(const struct token_names *names, size_t index, int64_t now_s);

#define TOKEN_PATH_BYTES 4096
MUST_USE bool token_name_path(const char *dir, const struct token_name *name,
                              char path_out[TOKEN_PATH_BYTES], struct err *err);

/* Makes a key of rules->algorithm that signs from since_s on: written to a temporary name, synced,
 * linked. The directory is made when it is not there.
 * Who calls it: a process that has become the user who is to own the file, or who is it. */
MUST_USE bool token_key_make(const struct token_rules *rules, int64_t since_s,
                             struct token_name *name_out, struct err *err);

/* Removes a key's file and syncs the directory. */
MUST_USE bool token_key_remove(const char *dir, const struct token_name *name, struct err *err);

#endif

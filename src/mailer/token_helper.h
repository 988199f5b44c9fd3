/* The process that runs one relay's smtp.token_command for the mailer.
 *
 * The mailer starts no program: its sandbox forbids it. So before it enters that, it forks a
 * helper, which knows the one command that it will ever run, and takes two words: run, kill. What
 * comes back is the end of a command and what it printed. It ends, and kills what runs, when the
 * mailer has. */
#ifndef MAILER_TOKEN_HELPER_H
#define MAILER_TOKEN_HELPER_H

#include "gatepost/base.h"

#define TOKEN_OUTPUT_MAX_BYTES (16 << 10)

enum token_helper_word { TOKEN_HELPER_RUN = 1, TOKEN_HELPER_KILL };

struct token_helper_reply {
    int32_t error;  /* errno of what kept the command from running, or 0 */
    int32_t status; /* as waitpid tells it */
    uint32_t len;
    char output[TOKEN_OUTPUT_MAX_BYTES];
};

/* command: split at spaces; no shell. Returns the mailer's end, non-blocking; -1 with errno. */
MUST_USE int token_helper_start(const char *command);

/* Each RUN gets one reply, of a command that was killed too. */
void token_helper_say(int fd, enum token_helper_word word);

enum token_helper_news { TOKEN_HELPER_NOTHING, TOKEN_HELPER_REPLY, TOKEN_HELPER_GONE };

/* Who calls it wipes *reply_out: a token may be in it. */
MUST_USE enum token_helper_news token_helper_hear(int fd, struct token_helper_reply *reply_out);

#endif

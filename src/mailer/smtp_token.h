/* The token that one relay's logins show (XOAUTH2, OAUTHBEARER): from a file that somebody keeps
 * fresh, or from a command that makes one. Nothing here waits. */
#ifndef MAILER_SMTP_TOKEN_H
#define MAILER_SMTP_TOKEN_H

#include "gatepost/clock.h"
#include "gatepost/err.h"
#include "gatepost/secret.h"

#define SMTP_TOKEN_MAX_BYTES 8192
#define SMTP_TOKEN_COMMAND_S 30 /* then the command is killed */
#define SMTP_TOKEN_PAUSE_S   2  /* after it failed; what asks meanwhile gets the same sentence */

struct smtp_token;

enum smtp_token_state { SMTP_TOKEN_READY, SMTP_TOKEN_COMING, SMTP_TOKEN_MISSING };

/* file or command is set, the other "". command: an absolute path and arguments, split at spaces;
 * no shell. life_s: how long a command's token is shown before the next is made. The texts are
 * borrowed for as long as it lives. */
struct smtp_token *smtp_token_new(const char *file, const char *command, int64_t life_s);
void smtp_token_free(struct smtp_token **token); /* kills the command; never waits for it */

/* What there is now. READY: *text_out is NUL-terminated, borrowed until the next call of this
 * module; *serial_out says which one it is. COMING: a command is running, smtp_token_fd tells when
 * to ask again. MISSING: why, for the operator. A file is read again when it has changed. */
enum smtp_token_state smtp_token_look(struct smtp_token *token, mono_ns now, const char **text_out,
                                      uint64_t *serial_out, struct err *why);

/* The relay did not take the one of that serial: the next look gets another. */
void smtp_token_refused(struct smtp_token *token, uint64_t serial);

/* Readable when the running command has ended; -1 without one. */
int smtp_token_fd(const struct smtp_token *token);

#endif

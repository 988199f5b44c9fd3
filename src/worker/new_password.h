/* The password policy, for every route that takes a new password: sign-up, change and reset. */
#ifndef WORKER_NEW_PASSWORD_H
#define WORKER_NEW_PASSWORD_H

#include "body.h"
#include "worker.h"

/* Says in problems what is wrong with it as a password for that account. username, email: as they
 * are stored or as they will be, "" for none. Nothing is added to a field that has a problem
 * already: its password is none.
 * Returns true when it may be taken. */
MUST_USE bool new_password_judge(const struct worker *worker, struct slice password,
                                 const char *username, const char *email,
                                 struct field_problems *problems);

/* The passwords that are refused by themselves: those built in, where strength is asked for, and
 * those of password.refused_file. Ends the process when the file cannot be read. */
struct password_list *new_password_list(const struct config *config);

#endif

/* How this process was started, so that it can be started again from a new file of that name; and
 * what a predecessor wants of it. */
#ifndef GATEPOST_LAUNCH_H
#define GATEPOST_LAUNCH_H

#include "gatepost/base.h"

enum launch_kind {
    LAUNCH_FRESH,    /* by somebody's command */
    LAUNCH_TRIAL,    /* by a server that wants to know whether it could go on as this binary */
    LAUNCH_TAKEOVER, /* as that server, in its place */
};

struct launch {
    enum launch_kind kind;
    int state_fd;          /* of a trial or takeover: what is handed over (handover.h) */
    int answer_fd;         /* of a trial */
    const char *file;      /* absolute path of the binary as it was executed; "" when unknown */
    char *const *words;    /* argv, without what a predecessor put in; ends with NULL */
    const char *complaint; /* what a predecessor put in makes no sense; else NULL */
};

/* Takes a predecessor's word out of argv. Who calls it: main, once, after proc_title_init, which
 * has put the words on the heap. */
void launch_init(int *argc, char **argv);

/* Before launch_init: a fresh one whose file is unknown. */
const struct launch *launch_get(void);

/* argv for the file, with a word for what it shall be. Gives: a heap array with one heap text, its
 * second. */
char **launch_words(enum launch_kind kind, int state_fd, int answer_fd);
void launch_words_free(char ***words);

#endif

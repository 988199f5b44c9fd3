/* The account as the API shows it to its owner. */
#ifndef WORKER_ME_H
#define WORKER_ME_H

#include "request.h"

/* 200 with request->account, whose user name and language are those by now. */
void me_reply(struct request **request, const char *username, const struct language *language);

#endif

/* The pages behind the links in letters: no script needed, nothing loaded, readable on a phone; a
 * policy says that it stays so. */
#ifndef WORKER_PAGE_H
#define WORKER_PAGE_H

#include "request.h"

/* main: HTML made by us; nothing of it may come from outside unchecked. title: plain text. */
void page_reply(struct request **request, int status, const char *title, const char *main);

/* The member of that name in the request's query, or an empty slice. query_out: what it points
 * into; the caller calls json_object_fini. */
struct slice page_query(const struct request *request, const char *name,
                        struct json_object *query_out);

/* 503 or 500, "That did not work": what a store status other than the page's own means. */
void page_reply_trouble(struct request **request, enum store_status status);

#endif

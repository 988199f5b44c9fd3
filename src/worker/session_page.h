/* An account's sessions, as the store tells them page by page. */
#ifndef WORKER_SESSION_PAGE_H
#define WORKER_SESSION_PAGE_H

#include "request.h"

/* Asks for the page behind after, of the bearer's account. Takes the request. */
void session_page_ask(struct request *request, const struct uuid *after, store_answer_fn on_page);

/* Takes the next session off a page's rows. Returns false at the end. */
MUST_USE bool session_page_next(struct unpacker *rows, struct session_item *item_out);

/* As an object. current: it is the bearer's own. */
void session_write(struct json_writer *writer, const struct session_item *item, bool current);

/* Is it the session of the token that came with the request? */
bool session_is_bearers(const struct request *request, const struct uuid *session_id);

#endif

/* A delivery as a letter. */
#ifndef MAILER_MESSAGE_H
#define MAILER_MESSAGE_H

#include "delivery.h"
#include "gatepost/letter.h"

enum compose_result {
    COMPOSED,
    COMPOSE_EXPIRED,    /* the link would not work any more */
    COMPOSE_IMPOSSIBLE, /* the job's content makes no letter */
};

/* Writes the whole letter, as letter_compose does, and signs it where the head says so. */
MUST_USE enum compose_result message_compose(const struct letter_head *head,
                                             const struct delivery *delivery, wall_ms now,
                                             char *letter_out, size_t letter_bytes,
                                             size_t *len_out);

#endif

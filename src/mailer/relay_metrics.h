/* What is counted of each relay. */
#ifndef MAILER_RELAY_METRICS_H
#define MAILER_RELAY_METRICS_H

#include "delivery.h"
#include "transport.h"

void relay_count_verdict(const struct transport_relay *relay, enum outbox_verdict verdict);

/* It failed with a letter, and that was held against it. */
void relay_count_trouble(const struct transport_relay *relay);

#endif

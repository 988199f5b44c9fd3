/* What is told of the letters in hand: gauges, and an alarm when they are late. */
#ifndef MAILER_WATCH_H
#define MAILER_WATCH_H

#include "mailer.h"

/* Once a second at most, whoever often it is called. */
void watch_turn(struct mailer *mailer, mono_ns now);

#endif

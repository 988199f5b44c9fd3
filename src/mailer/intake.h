/* The fast path: jobs out of the workers' mail lanes. */
#ifndef MAILER_INTAKE_H
#define MAILER_INTAKE_H

#include "mailer.h"

/* Forgets what waits in all lanes: the sweep that follows finds every job in the outbox, and only
 * those that are still pending (a predecessor may have sent what its lane still shows). Then
 * closes the seats whose worker is dead. */
struct intake *intake_open(struct mailer *mailer);
void intake_close(struct intake **intake);

/* Reads every lane to its end; closes dead seats once they are empty. */
void intake_turn(struct intake *intake, mono_ns now);

/* A record waits in a lane that is read: looked at between wake_prepare and the wait. */
bool intake_has_record(const struct intake *intake);

#endif

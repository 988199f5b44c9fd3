/* The sure path: jobs out of the outbox, page by page. */
#ifndef MAILER_SWEEP_H
#define MAILER_SWEEP_H

#include "mailer.h"

/* The first sweep, due at once, takes every pending row. */
struct sweep *sweep_open(struct mailer *mailer);
void sweep_close(struct sweep **sweep);

/* A worker died: what it committed and did not announce is wanted now, however young. */
void sweep_order(struct sweep *sweep);

/* A job from a lane found no room in the hand. */
void sweep_note_full(struct sweep *sweep, mono_ns now);

/* Starts a sweep that is due, or asks for the next page. */
void sweep_turn(struct sweep *sweep, mono_ns now);

#endif

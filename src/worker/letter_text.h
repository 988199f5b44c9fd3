/* The words for what the store has as numbers about letters. */
#ifndef WORKER_LETTER_TEXT_H
#define WORKER_LETTER_TEXT_H

#include "gatepost/store_messages.h"

const char *letter_state_name(uint8_t state);        /* enum letter_state */
const char *letter_event_name(uint8_t event);        /* enum letter_event */
const char *suppression_reason_name(uint8_t reason); /* enum suppression_reason */

#endif

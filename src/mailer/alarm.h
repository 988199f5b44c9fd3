/* Tells once that letters are late, again when it has become twice as bad, and when it is over. */
#ifndef MAILER_ALARM_H
#define MAILER_ALARM_H

#include "gatepost/base.h"

struct alarm {
    uint64_t threshold_s; /* 0: never */
    uint64_t next_s;      /* the age that is told next; 0: nothing was told */
};

enum alarm_news { ALARM_NONE, ALARM_LATE, ALARM_OVER };

/* age_s: of the oldest letter that is due. */
enum alarm_news alarm_look(struct alarm *alarm, uint64_t age_s);

#endif

/* Doubling: an outage of a day is told nine times, not every minute. */
#include "alarm.h"

enum alarm_news alarm_look(struct alarm *alarm, uint64_t age_s)
{
    if (alarm->threshold_s == 0)
        return ALARM_NONE;
    if (age_s < alarm->threshold_s) {
        bool was_told = alarm->next_s != 0;
        alarm->next_s = 0;
        return was_told ? ALARM_OVER : ALARM_NONE;
    }
    if (age_s < alarm->next_s)
        return ALARM_NONE;
    alarm->next_s = alarm->next_s != 0 ? alarm->next_s : alarm->threshold_s;
    while (alarm->next_s <= age_s)
        alarm->next_s *= 2;
    return ALARM_LATE;
}

/* A relay's number is its section's, so it keeps its counters whichever others are configured. */
#include "relay_metrics.h"

#include <string.h>

#include "gatepost/metrics.h"

#define FOLDER RELAYS_MAX /* behind the sections */

static const struct {
    enum metric
        delivered; /* then those of the other verdicts, in the order of enum outbox_verdict */
    enum metric troubles;
} counters[RELAYS_MAX + 1] = {
    {METRIC_RELAY_SMTP_DELIVERED, METRIC_RELAY_SMTP_TROUBLES},
    {METRIC_RELAY_SMTP2_DELIVERED, METRIC_RELAY_SMTP2_TROUBLES},
    {METRIC_RELAY_SMTP3_DELIVERED, METRIC_RELAY_SMTP3_TROUBLES},
    {METRIC_RELAY_SMTP4_DELIVERED, METRIC_RELAY_SMTP4_TROUBLES},
    [FOLDER] = {METRIC_RELAY_FILE_DELIVERED, METRIC_RELAY_FILE_TROUBLES},
};

_Static_assert(METRIC_RELAY_SMTP_RETRY == METRIC_RELAY_SMTP_DELIVERED + OUTBOX_RETRY &&
                   METRIC_RELAY_SMTP_REFUSED == METRIC_RELAY_SMTP_DELIVERED + OUTBOX_REFUSED,
               "the verdicts' counters stand in the order of the verdicts");

static size_t row_of(const struct transport_relay *relay)
{
    return strcmp(relay->name, "file") == 0 ? FOLDER : relay->number;
}

void relay_count_verdict(const struct transport_relay *relay, enum outbox_verdict verdict)
{
    metric_count(counters[row_of(relay)].delivered + (enum metric)verdict);
}

void relay_count_trouble(const struct transport_relay *relay)
{
    metric_count(counters[row_of(relay)].troubles);
}

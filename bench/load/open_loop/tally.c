/* Adding tallies up, and printing them. */
#include "tally.h"

#include <inttypes.h>
#include <stddef.h>

#include "gatepost/base.h"

#define MS(ns) ((double)(ns) / 1e6)

void tally_merge(struct tally *into, const struct tally *from)
{
    histogram_merge(&into->latency, &from->latency);
    into->sent += from->sent;
    into->answered += from->answered;
    into->unanswered += from->unanswered;
    for (size_t i = 0; i < TALLY_ERRORS; i++)
        into->errors[i] += from->errors[i];
    for (size_t i = 0; i < TALLY_STATUSES; i++)
        into->statuses[i] += from->statuses[i];
}

void tally_print(FILE *out, const struct tally *tally)
{
    static const struct {
        const char *name;
        double share;
    } shares[] = {{"p50_ms", 0.5}, {"p90_ms", 0.9}, {"p99_ms", 0.99}, {"p99_9_ms", 0.999}};
    static const char *const errors[TALLY_ERRORS] = {"refused", "closed", "timed_out", "malformed"};
    const struct histogram *latency = &tally->latency;
    const char *comma = "";

    fprintf(out, "\"sent\": %" PRIu64 ", \"answered\": %" PRIu64 ", \"unanswered\": %" PRIu64,
            tally->sent, tally->answered, tally->unanswered);
    fputs(", \"statuses\": {", out);
    for (size_t i = 0; i < TALLY_STATUSES; i++)
        if (tally->statuses[i] != 0) {
            fprintf(out, "%s\"%zu\": %" PRIu64, comma, i, tally->statuses[i]);
            comma = ", ";
        }
    fputs("}, \"errors\": {", out);
    for (size_t i = 0; i < TALLY_ERRORS; i++)
        fprintf(out, "%s\"%s\": %" PRIu64, i == 0 ? "" : ", ", errors[i], tally->errors[i]);
    fputs("}", out);
    for (size_t i = 0; i < ARRAY_LEN(shares); i++)
        fprintf(out, ", \"%s\": %.6g", shares[i].name, MS(histogram_at(latency, shares[i].share)));
    fprintf(out, ", \"max_ms\": %.6g, \"mean_ms\": %.6g", MS(latency->max_ns),
            latency->count == 0 ? 0.0 : MS(latency->sum_ns / (double)latency->count));
}

void tally_print_points(FILE *out, const struct histogram *histogram)
{
    uint64_t before = UINT64_MAX;

    fputs("[", out);
    for (double distance = 1; distance * (double)histogram->count > 0.5; distance /= 2) {
        for (int step = 0; step < 4; step++) {
            double share = 1 - distance * (1 - step / 8.0);
            uint64_t ns = histogram_at(histogram, share);
            if (ns != before)
                fprintf(out, "[%.9g, %.6g], ", share, MS(ns));
            before = ns;
        }
    }
    fprintf(out, "[1, %.6g]]", MS(histogram->max_ns));
}

/* The part of the status page that is about load and health: rates and latencies of the last
 * minute, memory, queues, ends of processes, the last lines that asked for attention.
 *
 * Once a second the counters are noted in a ring of a minute; a rate is the difference of two notes
 * over the time between them. All of it comes from the segment: nobody is asked, and a process that
 * stands still is shown all the same. */
#include "watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gatepost/metrics.h"
#include "gatepost/notes.h"
#include "master.h"

#define SAMPLE_NS   NS_PER_S
#define SAMPLES_MAX 61
#define NOTES_SHOWN 10
#define MIB         (1ULL << 20)
#define DAY_S       86400

enum { COUNT_REQUESTS, COUNT_SIGNUPS, COUNT_LOGINS, COUNT_LETTERS, COUNTS };

static const enum metric_histogram timed[] = {HISTOGRAM_HTTP_READ, HISTOGRAM_HTTP_WRITE,
                                              HISTOGRAM_HTTP_HASH, HISTOGRAM_STORE_WAIT,
                                              HISTOGRAM_STORE_FLUSH};
static const char *const timed_names[ARRAY_LEN(timed)] = {"read", "write", "hash", "store_line",
                                                          "store_flush"};

struct sample {
    mono_ns at;
    uint64_t counts[COUNTS];
    struct metric_buckets buckets[ARRAY_LEN(timed)];
};

struct watch {
    struct sample samples[SAMPLES_MAX];
    size_t count; /* so far; the newest is number count - 1 */
};

struct watch *watch_new(void)
{
    return xcalloc(1, sizeof(struct watch));
}

void watch_free(struct watch **watch)
{
    free(*watch);
    *watch = NULL;
}

static void take_sample(struct sample *sample, const struct segment *segment, mono_ns now)
{
    sample->at = now;
    sample->counts[COUNT_REQUESTS] =
        metric_sum(segment, METRIC_HTTP_2XX) + metric_sum(segment, METRIC_HTTP_3XX) +
        metric_sum(segment, METRIC_HTTP_4XX) + metric_sum(segment, METRIC_HTTP_5XX);
    sample->counts[COUNT_SIGNUPS] = metric_sum(segment, METRIC_SIGNUPS);
    sample->counts[COUNT_LOGINS] = metric_sum(segment, METRIC_LOGINS);
    sample->counts[COUNT_LETTERS] = metric_sum(segment, METRIC_MAIL_DELIVERED);
    for (size_t i = 0; i < ARRAY_LEN(timed); i++)
        metric_buckets_read(segment, timed[i], &sample->buckets[i]);
}

static const struct sample *newest(const struct watch *watch)
{
    return &watch->samples[(watch->count - 1) % SAMPLES_MAX];
}

void watch_look(struct watch *watch, const struct segment *segment, mono_ns now)
{
    if (watch->count > 0 && now - newest(watch)->at < SAMPLE_NS)
        return;
    take_sample(&watch->samples[watch->count % SAMPLES_MAX], segment, now);
    watch->count++;
}

/* The oldest sample that is not older than so many seconds before the newest; or the one before. */
static const struct sample *sample_before(const struct watch *watch, unsigned seconds)
{
    const size_t kept = watch->count < SAMPLES_MAX ? watch->count : SAMPLES_MAX;
    const struct sample *found = newest(watch);

    for (size_t back = 1; back < kept; back++) {
        const struct sample *older = &watch->samples[(watch->count - 1 - back) % SAMPLES_MAX];
        if (newest(watch)->at - older->at > (seconds + 1) * NS_PER_S)
            break;
        found = older;
    }
    return found;
}

/* ---- the page -----------------------------------------------------------------------------------
 */

static void print_rates(FILE *out, const struct watch *watch, unsigned seconds)
{
    static const char *const names[COUNTS] = {"requests", "signups", "logins", "letters"};
    const struct sample *now = newest(watch);
    const struct sample *then = sample_before(watch, seconds);
    const double passed_s = (double)(now->at - then->at) / NS_PER_S;

    fprintf(out, "rates_%us:", seconds);
    for (size_t i = 0; i < COUNTS; i++)
        fprintf(out, " %s=%.1f", names[i],
                passed_s > 0 ? (double)(now->counts[i] - then->counts[i]) / passed_s : 0.0);
    fputc('\n', out);
}

static void print_latencies(FILE *out, const struct watch *watch)
{
    const struct sample *now = newest(watch);
    const struct sample *then = sample_before(watch, SAMPLES_MAX - 1);

    for (size_t i = 0; i < ARRAY_LEN(timed); i++) {
        const struct metric_buckets *from = &then->buckets[i];
        const struct metric_buckets *to = &now->buckets[i];
        fprintf(out, "latency_60s: %s count=%" PRIu64 " p50_ms=%.2f p99_ms=%.2f\n", timed_names[i],
                metric_buckets_total(from, to), metric_quantile(timed[i], from, to, 0.5) * 1e3,
                metric_quantile(timed[i], from, to, 0.99) * 1e3);
    }
}

/* Returns its proportional memory. */
static uint64_t print_memory_of(FILE *out, const struct segment *segment, const char *name,
                                pid_t pid, uint32_t slot)
{
    uint64_t pss_kib, rss_kib, descriptors;

    if (!metric_process(segment, slot, PROCESS_PSS_KIB, &pss_kib) ||
        !metric_process(segment, slot, PROCESS_RSS_KIB, &rss_kib) ||
        !metric_process(segment, slot, PROCESS_DESCRIPTORS, &descriptors))
        return 0;
    fprintf(out, "memory: %s pid=%d pss_kib=%" PRIu64 " rss_kib=%" PRIu64 " fds=%" PRIu64 "\n",
            name, (int)pid, pss_kib, rss_kib, descriptors);
    return pss_kib;
}

static void print_memory(FILE *out, const struct master *master)
{
    const struct segment *segment = master->segment;
    uint64_t sum_kib =
        print_memory_of(out, segment, "master", getpid(), segment_master_slot(segment));

    for (size_t i = 0; i < master->places; i++) {
        const struct child *child = &master->children[i];
        char name[PROC_NAME_BYTES];
        if (child->pid != 0)
            sum_kib +=
                print_memory_of(out, segment, child_name(child, name), child->pid, child->slot);
    }
    fprintf(out, "memory_total: pss_kib=%" PRIu64 "\n", sum_kib);
}

static void print_restarts(FILE *out, const struct segment *segment)
{
    static const struct {
        const char *role;
        enum metric first; /* then those of the other reasons, in this order */
    } roles[] = {{"worker", METRIC_WORKER_ENDS_SIGNAL},
                 {"store", METRIC_STORE_ENDS_SIGNAL},
                 {"mailer", METRIC_MAILER_ENDS_SIGNAL},
                 {"admin", METRIC_ADMIN_ENDS_SIGNAL}};
    static const char *const reasons[] = {"signal", "exit", "stuck", "told"};

    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        fprintf(out, "restarts: %s", roles[i].role);
        for (size_t reason = 0; reason < ARRAY_LEN(reasons); reason++)
            fprintf(out, " %s=%" PRIu64, reasons[reason],
                    metric_sum(segment, roles[i].first + (enum metric)reason));
        fputc('\n', out);
    }
}

static void print_queues(FILE *out, const struct segment *segment)
{
    static const char *const names[LANE_KINDS] = {
        [LANE_MAIL] = "mail", [LANE_ASK] = "ask", [LANE_ANSWER] = "answer"};
    double fullest = 0;

    fprintf(out, "connections: open=%" PRIu64 " unanswered=%" PRIu64 "\n",
            metric_gauge_sum(segment, GAUGE_HTTP_OPEN),
            metric_gauge_sum(segment, GAUGE_HTTP_UNANSWERED));
    fprintf(out, "hash_queue: waiting=%" PRIu64 " computing=%" PRIu64 "\n",
            metric_gauge_sum(segment, GAUGE_HASH_QUEUE),
            metric_gauge_sum(segment, GAUGE_HASH_LANES));
    fprintf(out, "store_line: %" PRIu64 "\n", metric_gauge_sum(segment, GAUGE_STORE_LINE));
    fputs("lanes:", out);
    for (enum lane_kind kind = LANE_MAIL; kind < LANE_KINDS; kind++) {
        const struct metric_lane_fill fill = metric_lane_fill(segment, kind);
        fprintf(out, " %s_bytes=%zu", names[kind], fill.bytes);
        fullest = fill.fullest > fullest ? fill.fullest : fullest;
    }
    fprintf(out, " fullest=%.2f\n", fullest);
    fprintf(out, "letters_due: under_10s=%" PRIu64 " under_1m=%" PRIu64 " under_10m=%" PRIu64,
            metric_gauge_sum(segment, GAUGE_MAIL_DUE_NOW),
            metric_gauge_sum(segment, GAUGE_MAIL_DUE_MINUTE),
            metric_gauge_sum(segment, GAUGE_MAIL_DUE_MINUTES));
    fprintf(out, " under_1h=%" PRIu64 " longer=%" PRIu64 "\n",
            metric_gauge_sum(segment, GAUGE_MAIL_DUE_HOUR),
            metric_gauge_sum(segment, GAUGE_MAIL_DUE_LONG));
}

static void print_certificate(FILE *out, const struct segment *segment)
{
    const uint64_t end_s = board_get(segment, BOARD_TLS_EXPIRES_S);
    const int64_t now_s = clock_wall_ms() / 1000;
    char when[CLOCK_ISO_BYTES];

    if (end_s == 0 || end_s > INT64_MAX / 1000) {
        fputs("certificate: none\n", out);
        return;
    }
    clock_iso((wall_ms)end_s * 1000, when);
    fprintf(out, "certificate: ends=%s days=%" PRId64 "\n", when, ((int64_t)end_s - now_s) / DAY_S);
}

static void print_notes(FILE *out, const struct segment *segment)
{
    char(*lines)[NOTE_MAX_BYTES + 1] = xcalloc(NOTES_MAX, sizeof(*lines));
    const size_t count = notes_read(segment, lines);

    fprintf(out, "attention: errors=%" PRIu64 " warnings=%" PRIu64 "\n",
            metric_sum(segment, METRIC_LOG_ERRORS), metric_sum(segment, METRIC_LOG_WARNINGS));
    for (size_t i = count > NOTES_SHOWN ? count - NOTES_SHOWN : 0; i < count; i++)
        fprintf(out, "last: %s\n", lines[i]);
    free(lines);
}

char *watch_text(const struct master *master)
{
    char config_since[CLOCK_ISO_BYTES];
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    BUG_ON(out == NULL); /* it fails for want of memory alone */
    watch_look(master->watch, master->segment, clock_mono_ns());
    print_rates(out, master->watch, 10);
    print_rates(out, master->watch, 60);
    print_latencies(out, master->watch);
    print_memory(out, master);
    print_restarts(out, master->segment);
    print_queues(out, master->segment);
    fprintf(out, "disk_free_mib: %" PRIu64 "\n",
            (uint64_t)(board_get(master->segment, BOARD_DISK_FREE_BYTES) / MIB));
    print_certificate(out, master->segment);
    clock_iso((wall_ms)(board_get(master->segment, BOARD_CONFIG_MS) & INT64_MAX), config_since);
    fprintf(out, "config_since: %s\n", config_since);
    print_notes(out, master->segment);
    BUG_ON(fclose(out) != 0);
    return text;
}

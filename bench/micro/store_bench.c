/* The store alone, over its lanes: durable sign-ups a second with 1 to 64 in flight, and how long a
 * lookup takes while nothing else happens and while sign-ups run at full speed.
 *
 * One process plays the worker; the store is a child. One JSON object a line on standard output. */
#include "../../tests/unit/store/store_rig.h"
#include "gatepost/metrics.h"

#define SAMPLES_MAX 400000
#define RUN_NS      (2 * NS_PER_S)

struct load {
    struct rig rig;
    uint64_t asked;
    uint64_t answered;
    uint64_t failed;
    size_t samples;
    uint32_t us[SAMPLES_MAX];
};

struct timed {
    struct load *load;
    mono_ns since;
};

static void sample(struct load *load, mono_ns since)
{
    if (load->samples < SAMPLES_MAX)
        load->us[load->samples++] = (uint32_t)((clock_mono_ns() - since) / 1000);
}

static void on_signed_up(void *context, enum store_status status, struct slice payload)
{
    struct load *load = context;

    (void)payload;
    load->answered++;
    load->failed += status != STORE_OK ? 1U : 0U;
}

static void on_looked_up(void *context, enum store_status status, struct slice payload)
{
    struct timed *timed = context;

    (void)payload;
    BUG_ON(status != STORE_OK);
    sample(timed->load, timed->since);
    timed->since = 0;
}

static void keep_asking(struct load *load, uint64_t in_flight)
{
    char bytes[4096];

    while (load->asked - load->answered < in_flight) {
        struct packer packer = packer_over(bytes, sizeof(bytes));
        struct rig_person person = rig_person(load->asked);

        person.user_id = uuid_new(clock_wall_ms());
        person.proof_id = uuid_new(clock_wall_ms());
        person.job_id = uuid_new(clock_wall_ms());
        rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
        if (!store_ask(load->rig.client, STORE_ACCOUNT_CREATE, packer_slice(&packer),
                       clock_mono_ns() + 30 * NS_PER_S, on_signed_up, load))
            return;
        load->asked++;
    }
}

static void look_up_again(struct load *load, struct timed *timed)
{
    char bytes[2048];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(0);

    if (timed->since != 0)
        return;
    credentials_ask_pack(&packer,
                         &(struct credentials_ask){.username_key = slice_of_text(person.username)});
    timed->since = clock_mono_ns();
    BUG_ON(!store_ask(load->rig.client, STORE_CREDENTIALS, packer_slice(&packer),
                      clock_mono_ns() + 30 * NS_PER_S, on_looked_up, timed));
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static uint32_t percentile(struct load *load, size_t per_mille)
{
    if (load->samples == 0)
        return 0;
    qsort(load->us, load->samples, sizeof(load->us[0]), compare);
    return load->us[(load->samples - 1) * per_mille / 1000];
}

/* in_flight sign-ups at a time, and one lookup after another if asked for. */
static void run(struct load *load, const char *name, uint64_t in_flight, bool lookups)
{
    struct timed timed = {.load = load};
    mono_ns began = clock_mono_ns();
    uint64_t before = load->answered;
    struct metric_buckets flushes_before, flushes;
    double seconds;

    load->samples = 0;
    metric_buckets_read(load->rig.segment, HISTOGRAM_STORE_FLUSH, &flushes_before);
    while (clock_mono_ns() - began < RUN_NS) {
        keep_asking(load, in_flight);
        if (lookups)
            look_up_again(load, &timed);
        rig_turn(&load->rig, 100);
    }
    seconds = (double)(clock_mono_ns() - began) / 1e9;
    metric_buckets_read(load->rig.segment, HISTOGRAM_STORE_FLUSH, &flushes);
    printf("{\"bench\":\"store\",\"case\":\"%s\",\"in_flight\":%llu,\"signups_per_s\":%.0f,"
           "\"lookups_per_s\":%.0f,\"lookup_p50_us\":%u,\"lookup_p99_us\":%u,"
           "\"flush_p50_us\":%.0f}\n",
           name, (unsigned long long)in_flight, (double)(load->answered - before) / seconds,
           (double)load->samples / seconds, percentile(load, 500), percentile(load, 990),
           metric_quantile(HISTOGRAM_STORE_FLUSH, &flushes_before, &flushes, 0.5) * 1e6);
    fflush(stdout);
    while (load->answered < load->asked || timed.since != 0)
        rig_turn(&load->rig, 100);
}

int main(void)
{
    static const uint64_t in_flight[] = {1, 4, 16, 64};
    struct load *load = xcalloc(1, sizeof(*load));

    rig_init(&load->rig);
    load->rig.config.store_cache_mib = 256;
    rig_start(&load->rig, NULL);
    for (size_t i = 0; i < ARRAY_LEN(in_flight); i++)
        run(load, "signups", in_flight[i], false);
    run(load, "lookups alone", 0, true);
    run(load, "lookups beside signups", 64, true);
    run(load, "lookups alone again", 0, true);
    BUG_ON(load->failed > 0);
    BUG_ON(rig_stop(&load->rig) != 0);
    rig_fini(&load->rig);
    free(load);
    return 0;
}

/* What a login lookup of a random user costs, in a database of any size: over the store's lanes,
 * the store a process of its own with the cache that is named.
 *
 *     lookup DIR CACHE_MIB USERS SEED SECONDS     DIR: what fill.c made; it is only read
 *
 * First as many lookups as fill the cache over and over, which are not counted; then one at a time,
 * which is how long somebody waits; then so many in flight that the store never sleeps, which is
 * what a lookup takes of its processor. One JSON object on standard output. */
#include "asker.h"
#include "used.h"

#define IN_FLIGHT     32U
#define PAGE_BYTES    4096U
#define WARM_MIN      50000U
#define WARM_A_PAGE   3U /* lookups for each page of the cache: later ones find no more there */
#define WARM_PER_USER 8U

static uint64_t warming(uint64_t users, uint64_t cache_mib)
{
    const uint64_t pages = (cache_mib << 20) / PAGE_BYTES;
    const uint64_t of_cache = WARM_A_PAGE * pages;
    const uint64_t of_users = WARM_PER_USER * users;

    return WARM_MIN + (of_cache < of_users ? of_cache : of_users);
}

static void measure(struct asker *asker, pid_t store, mono_ns seconds)
{
    (void)asker_run(asker, 1, UINT64_MAX, clock_mono_ns() + seconds, ASKER_SAMPLES_MAX);
    printf("\"p50_us\":%.3f,\"p99_us\":%.3f,\"mean_us\":%.3f,", asker_percentile_us(asker, 500),
           asker_percentile_us(asker, 990), asker_mean_us(asker));

    const struct used before = used_by(store);
    const double answered = (double)asker_run(asker, IN_FLIGHT, UINT64_MAX,
                                              clock_mono_ns() + seconds, ASKER_SAMPLES_MAX);
    const struct used after = used_by(store);

    printf("\"lookups_per_second\":%.1f,\"cpu_us\":%.4f,\"pages_read_count\":%.4f}\n",
           answered / ((double)(after.at - before.at) / (double)NS_PER_S),
           (after.cpu_us - before.cpu_us) / answered,
           (after.read_bytes - before.read_bytes) / PAGE_BYTES / answered);
}

int main(int argc, char **argv)
{
    struct rig rig;
    struct asker *asker;

    if (argc != 6) {
        fprintf(stderr, "usage: lookup DIR CACHE_MIB USERS SEED SECONDS\n");
        return 1;
    }
    rig_init(&rig);
    rig.config.store_dir = argv[1];
    rig.config.store_cache_mib = strtol(argv[2], NULL, 10);
    const uint64_t users = strtoull(argv[3], NULL, 10);
    rig_start(&rig, NULL);
    asker = asker_new(rig.segment, rig.slot, users, strtoull(argv[4], NULL, 10));

    const mono_ns began = clock_mono_ns();
    const uint64_t warmed = asker_run(
        asker, IN_FLIGHT, warming(users, (uint64_t)rig.config.store_cache_mib), UINT64_MAX, 0);
    printf("{\"warmed\":%llu,\"warming_s\":%.2f,", (unsigned long long)warmed,
           (double)(clock_mono_ns() - began) / (double)NS_PER_S);
    measure(asker, rig.store, strtoull(argv[5], NULL, 10) * NS_PER_S);
    store_client_free(&asker->client);
    free(asker);
    const int ended = rig_stop(&rig);
    rig_fini(&rig);
    return ended == 0 ? 0 : 1;
}

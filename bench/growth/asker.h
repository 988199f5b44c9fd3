/* One process that asks the store through its lanes, as a worker does: login lookups of random
 * users of the population, or sign-ups of new ones, so many in flight at a time. */
#ifndef BENCH_GROWTH_ASKER_H
#define BENCH_GROWTH_ASKER_H

#include "../../tests/unit/store/store_rig.h"

#include "population.h"

#define ASKER_IN_FLIGHT_MAX 64U
#define ASKER_SAMPLES_MAX   1000000U
#define ASKER_DEADLINE_NS   (60 * NS_PER_S)

struct asker;

/* One ask under way. since: 0 when there is none. */
struct asker_ask {
    struct asker *asker;
    mono_ns since;
};

struct asker {
    struct segment *segment;
    uint32_t slot;
    struct store_client *client;
    uint64_t users; /* of the population */
    uint64_t random;
    bool signs_up; /* else it looks up */
    uint64_t answered;
    size_t samples;
    size_t sample_max;
    struct asker_ask asks[ASKER_IN_FLIGHT_MAX];
    uint32_t ns[ASKER_SAMPLES_MAX]; /* how long the first of them took */
};

/* Owner: the caller, free() after store_client_free. */
static inline struct asker *asker_new(struct segment *segment, uint32_t slot, uint64_t users,
                                      uint64_t seed)
{
    struct asker *asker = xcalloc(1, sizeof(*asker));

    asker->segment = segment;
    asker->slot = slot;
    asker->client = store_client_new(segment, slot);
    asker->users = users;
    asker->random = seed * 2 + 1;
    for (size_t i = 0; i < ASKER_IN_FLIGHT_MAX; i++)
        asker->asks[i].asker = asker;
    return asker;
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators". */
static inline uint64_t asker_random(struct asker *asker)
{
    asker->random ^= asker->random >> 12;
    asker->random ^= asker->random << 25;
    asker->random ^= asker->random >> 27;
    return (asker->random * 0x2545f4914f6cdd1dULL) >> 16;
}

static inline void asker_on_answer(void *context, enum store_status status, struct slice payload)
{
    struct asker_ask *ask = context;
    struct asker *asker = ask->asker;

    (void)payload;
    BUG_ON(status != STORE_OK);
    if (asker->samples < asker->sample_max)
        asker->ns[asker->samples++] = (uint32_t)(clock_mono_ns() - ask->since);
    ask->since = 0;
    asker->answered++;
}

static inline void asker_send(struct asker_ask *ask, enum store_request request,
                              const struct packer *packer)
{
    BUG_ON(packer->overflow);
    ask->since = clock_mono_ns();
    BUG_ON(!store_ask(ask->asker->client, request, packer_slice(packer),
                      ask->since + ASKER_DEADLINE_NS, asker_on_answer, ask));
}

/* As src/worker/login.c asks for one who gave a user name. */
static inline void asker_look_up(struct asker_ask *ask)
{
    const struct person person = population_person(asker_random(ask->asker) % ask->asker->users);
    uint8_t bytes[2048];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    credentials_ask_pack(&packer,
                         &(struct credentials_ask){.username_key = slice_of_text(person.name),
                                                   .peer = SLICE_LITERAL("192.0.2.1"),
                                                   .now = clock_wall_ms()});
    asker_send(ask, STORE_CREDENTIALS, &packer);
}

/* Names of random numbers, so that sign-ups go all over the trees, as people's do. */
static inline void asker_sign_up(struct asker_ask *ask)
{
    char bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(asker_random(ask->asker));

    person.user_id = uuid_new(clock_wall_ms());
    person.proof_id = uuid_new(clock_wall_ms());
    person.job_id = uuid_new(clock_wall_ms());
    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    asker_send(ask, STORE_ACCOUNT_CREATE, &packer);
}

/* One turn of a worker's loop: sleeps until an answer waits, then takes what is there. */
static inline void asker_turn(struct asker *asker)
{
    struct pollfd wait = {.fd = wake_fd(asker->segment, asker->slot), .events = POLLIN};

    wake_prepare(asker->segment, asker->slot);
    if (!store_client_has_work(asker->client))
        (void)poll(&wait, 1, 100);
    wake_done(asker->segment, asker->slot);
    store_client_poll(asker->client, clock_mono_ns());
}

/* Keeps so many in flight until so many were answered, or until that moment, whichever is set; then
 * waits for the last of them. Returns how many were answered; the first times are in ns. */
static inline uint64_t asker_run(struct asker *asker, size_t in_flight, uint64_t count,
                                 mono_ns until, size_t sample_max)
{
    const uint64_t before = asker->answered;

    asker->samples = 0;
    asker->sample_max = sample_max;
    while (asker->answered - before < count && clock_mono_ns() < until) {
        for (size_t i = 0; i < in_flight; i++) {
            if (asker->asks[i].since != 0)
                continue;
            if (asker->signs_up)
                asker_sign_up(&asker->asks[i]);
            else
                asker_look_up(&asker->asks[i]);
        }
        asker_turn(asker);
    }

    const uint64_t answered = asker->answered - before;
    while (store_client_pending(asker->client) > 0)
        asker_turn(asker);
    return answered;
}

static inline int asker_compare(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a;
    const uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static inline double asker_percentile_us(struct asker *asker, size_t per_mille)
{
    BUG_ON(asker->samples == 0);
    qsort(asker->ns, asker->samples, sizeof(asker->ns[0]), asker_compare);
    return asker->ns[(asker->samples - 1) * per_mille / 1000] / 1000.0;
}

static inline double asker_mean_us(const struct asker *asker)
{
    double sum = 0;

    for (size_t i = 0; i < asker->samples; i++)
        sum += asker->ns[i];
    return sum / (double)asker->samples / 1000.0;
}

#endif

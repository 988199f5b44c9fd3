/* The store alone, over its lanes: durable sign-ups a second with 1 to 256 in flight, refreshes,
 * and how long a lookup takes while nothing else happens and while sign-ups run at full speed.
 *
 *     store_bench [MILLISECONDS]      of each; prints one JSON object
 *
 * One process plays the worker; the store is a child. bench/limits/raw_store.c is the limit. */
#include "../../tests/unit/store/store_rig.h"

#define SAMPLES_MAX 400000
#define SESSIONS    1000          /* as in raw_store.c */
#define SIGNUPS_MAX 1000000000ULL /* whose numbers begin behind these has a session */

struct load {
    struct rig rig;
    uint64_t asked;
    uint64_t answered;
    uint64_t failed;
    size_t samples;
    uint32_t us[SAMPLES_MAX];
    mono_ns span;
    bool is_first;                /* nothing is printed yet */
    uint64_t refreshed[SESSIONS]; /* how often: its token's number */
};

/* What is asked again and again; false: no room in the lane. */
typedef bool (*ask_fn)(struct load *load);

struct timed {
    struct load *load;
    mono_ns since;
};

static void sample(struct load *load, mono_ns since)
{
    if (load->samples < SAMPLES_MAX)
        load->us[load->samples++] = (uint32_t)((clock_mono_ns() - since) / 1000);
}

static void on_answered(void *context, enum store_status status, struct slice payload)
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

static bool ask_signup(struct load *load)
{
    char bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(load->asked);

    person.user_id = uuid_new(clock_wall_ms());
    person.proof_id = uuid_new(clock_wall_ms());
    person.job_id = uuid_new(clock_wall_ms());
    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    return store_ask(load->rig.client, STORE_ACCOUNT_CREATE, packer_slice(&packer),
                     clock_mono_ns() + 30 * NS_PER_S, on_answered, load);
}

/* The session's token of that number. */
static struct slice token_digest(uint64_t session, uint64_t number, uint8_t bytes[32])
{
    memset(bytes, 0, 32);
    memcpy(bytes, &number, sizeof(number));
    memcpy(bytes + 8, &session, sizeof(session));
    return slice_of(bytes, 32);
}

static void open_sessions(struct load *load)
{
    const wall_ms now = clock_wall_ms(); /* a refresh goes by the store's clock */

    for (uint64_t i = 0; i < SESSIONS; i++) {
        struct rig_answer answer;
        uint8_t digest[32];
        char bytes[4096];
        struct packer packer = packer_over(bytes, sizeof(bytes));
        struct rig_person person = rig_person(SIGNUPS_MAX + i);

        rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
        BUG_ON(rig_ask(&load->rig, STORE_ACCOUNT_CREATE, &packer, &answer) != STORE_OK);
        packer = packer_over(bytes, sizeof(bytes));
        session_open_ask_pack(&packer,
                              &(struct session_open_ask){.user_id = person.user_id,
                                                         .session_id = rig_uuid(4, i),
                                                         .jti_digest = token_digest(i, 0, digest),
                                                         .expires = now + 86400000,
                                                         .peer = SLICE_LITERAL("192.0.2.1"),
                                                         .user_agent = SLICE_LITERAL("bench"),
                                                         .now = now});
        BUG_ON(rig_ask(&load->rig, STORE_SESSION_OPEN, &packer, &answer) != STORE_OK);
    }
}

/* Each session has one refresh under way at most, so that all of them are rotations: their turn
 * comes round after SESSIONS others. */
static bool ask_refresh(struct load *load)
{
    const uint64_t which = load->asked % SESSIONS;
    const struct rig_person person = rig_person(SIGNUPS_MAX + which);
    const wall_ms now = clock_wall_ms();
    uint8_t old[32], new[32];
    char bytes[1024], subject[UUID_TEXT_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    uuid_format(&person.user_id, subject);
    session_refresh_ask_pack(
        &packer, &(struct session_refresh_ask){
                     .session_id = rig_uuid(4, which),
                     .subject = slice_of_text(subject),
                     .old_jti_digest = token_digest(which, load->refreshed[which], old),
                     .new_jti_digest = token_digest(which, load->refreshed[which] + 1, new),
                     .expires = now + 86400000,
                     .job_id = rig_uuid(5, load->asked),
                     .peer = SLICE_LITERAL("192.0.2.1"),
                     .now = now});
    if (!store_ask(load->rig.client, STORE_SESSION_REFRESH, packer_slice(&packer),
                   clock_mono_ns() + 30 * NS_PER_S, on_answered, load))
        return false;
    load->refreshed[which]++;
    return true;
}

static void keep_asking(struct load *load, ask_fn ask, uint64_t in_flight)
{
    while (load->asked - load->answered < in_flight && ask(load))
        load->asked++;
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

/* in_flight of them at a time (NULL: nothing), and one lookup after another if asked for. Prints
 * what the figure is called, with a comma before it but for the first. */
static void run(struct load *load, const char *name, ask_fn ask, uint64_t in_flight, bool lookups)
{
    struct timed timed = {.load = load};
    mono_ns began = clock_mono_ns();
    uint64_t before = load->answered;

    load->samples = 0;
    while (clock_mono_ns() - began < load->span) {
        if (ask)
            keep_asking(load, ask, in_flight);
        if (lookups)
            look_up_again(load, &timed);
        rig_turn(&load->rig, 100);
    }
    const double seconds = (double)(clock_mono_ns() - began) / 1e9;
    const char *comma = load->is_first ? "" : ", ";
    load->is_first = false;
    if (ask)
        printf("%s\"%s_%llu_per_second\": %.0f", comma, name, (unsigned long long)in_flight,
               (double)(load->answered - before) / seconds);
    if (lookups)
        printf("%s\"%s_p50_us\": %u, \"%s_p99_us\": %u", ask ? ", " : comma, name,
               percentile(load, 500), name, percentile(load, 990));
    while (load->answered < load->asked || timed.since != 0)
        rig_turn(&load->rig, 100);
}

int main(int argc, char **argv)
{
    static const uint64_t in_flight[] = {1, 4, 16, 64, 256};
    struct load *load = xcalloc(1, sizeof(*load));

    load->span = (argc > 1 ? strtoul(argv[1], NULL, 10) : 1000) * NS_PER_MS;
    load->is_first = true;
    rig_init(&load->rig);
    load->rig.config.store_cache_mib = 256;
    rig_start(&load->rig, NULL);
    printf("{");
    for (size_t i = 0; i < ARRAY_LEN(in_flight); i++)
        run(load, "signups", ask_signup, in_flight[i], false);
    open_sessions(load);
    run(load, "refreshes", ask_refresh, 64, false);
    run(load, "refreshes", ask_refresh, 256, false);
    run(load, "lookups_alone", NULL, 0, true);
    run(load, "lookups_beside_signups", ask_signup, 64, true);
    printf("}\n");
    BUG_ON(load->failed > 0);
    BUG_ON(rig_stop(&load->rig) != 0);
    rig_fini(&load->rig);
    free(load);
    return 0;
}

/* How long a key has to wait after failures.
 *
 * A word counts tries that were not right and says until when the next one has to wait. The first
 * few cost nothing; each later one sets a time, twice as far as the one before, up to a maximum;
 * and each such maximum without a try takes one off. So nobody is locked out for good, and an
 * attacker with the defaults has fewer than 50 tries a day at one name.
 *
 * A try is counted when it begins: see limit_try_begin. While a key has to wait nothing changes its
 * word, so waiting always ends. */
#include "limit_layout.h"

#define UNIT_NS    (NS_PER_S / 16)
#define UNITS_IN_S 16ULL
#define COUNT_BITS 8
#define COUNT_MAX  ((1ULL << COUNT_BITS) - 1)
#define TIME_BITS  (64 - TAG_BITS - COUNT_BITS)
#define TIME_MASK  ((1ULL << TIME_BITS) - 1)
#define NO_KIND    0xff /* what the hash of a key begins with: no enum limit_kind */
#define WAIT_MAX   (LIMIT_FAILURE_WAIT_MAX * UNITS_IN_S)
/* Another process may have looked at the clock after we did and written before: a time that is one
 * unit ahead asks nobody to wait. */
#define SKEW 1ULL

_Static_assert((COUNT_MAX + 1) * WAIT_MAX < 1ULL << (TIME_BITS - 1), "the past is longer");

static uint64_t count_of(uint64_t word)
{
    return word >> TIME_BITS & COUNT_MAX;
}

/* Failures that still count, and how long the key has to wait. */
static uint64_t weigh(const struct limit_reading *reading, uint64_t word, uint64_t *wait_out)
{
    const uint64_t until = limit_until(reading, word);
    const uint64_t passed = (0 - until) & TIME_MASK;
    const uint64_t count = count_of(word);

    *wait_out = 0;
    if (until > 0 && until <= WAIT_MAX + SKEW) {
        const uint64_t wait = until - SKEW; /* 0: it was written a moment ahead of our clock */
        *wait_out = wait <= reading->step ? wait : reading->step;
        return count;
    }
    const uint64_t gone = passed / reading->step;
    return count > gone ? count - gone : 0;
}

static uint64_t life(const struct limit_reading *reading, uint64_t word)
{
    uint64_t wait;
    const uint64_t count = weigh(reading, word, &wait);

    if (count == 0)
        return 0;
    if (wait > 0 || limit_until(reading, word) == SKEW)
        return wait + count * reading->step;
    return count_of(word) * reading->step - ((0 - limit_until(reading, word)) & TIME_MASK);
}

static struct limit_reading read_at(const struct limits *limits, mono_ns now)
{
    return (struct limit_reading){.time_bits = TIME_BITS,
                                  .now = now / UNIT_NS & TIME_MASK,
                                  .life = life,
                                  .step = limits->growth.max_s * UNITS_IN_S};
}

uint32_t failures_alive(const struct limits *limits, mono_ns now)
{
    const struct limit_reading reading = read_at(limits, now);

    if (reading.step == 0) /* none are counted */
        return 0;
    return limit_alive(limits->shared->failures, FAILURE_SETS, &reading);
}

static uint64_t delay_after(const struct limit_growth *growth, uint64_t failures)
{
    const uint64_t longest = growth->max_s * UNITS_IN_S;
    uint64_t delay = growth->first_s * UNITS_IN_S;

    if (failures < growth->free)
        return 0;
    for (uint64_t i = growth->free; i < failures && delay < longest; i++)
        delay *= 2;
    return delay < longest ? delay : longest;
}

static uint64_t word_of(const struct limit_reading *reading, uint64_t tag, uint64_t count,
                        uint64_t wait)
{
    if (count > COUNT_MAX)
        count = COUNT_MAX;
    return (tag << COUNT_BITS | count) << TIME_BITS |
           ((reading->now + (wait > 0 ? wait + SKEW : 0)) & TIME_MASK);
}

static bool refuse(uint64_t units, uint32_t *wait_s_out)
{
    const uint64_t wait_s = (units + UNITS_IN_S - 1) / UNITS_IN_S;

    *wait_s_out = wait_s > 0 ? (uint32_t)wait_s : 1;
    return false;
}

/* What the key's words say together. */
static uint64_t weigh_all(const struct limit_reading *reading, const struct limit_look *look,
                          uint64_t *wait_out)
{
    uint64_t count = 0;

    *wait_out = 0;
    for (unsigned i = 0; i < look->owns; i++) {
        uint64_t wait;
        count += weigh(reading, look->word[look->own[i]], &wait);
        if (wait > *wait_out)
            *wait_out = wait;
    }
    return count;
}

bool limit_try_begin(struct limits *limits, struct slice key, mono_ns now,
                     struct limit_try *try_out, uint32_t *wait_s_out)
{
    const struct limit_reading reading = read_at(limits, now);
    const uint64_t hash = limit_hash(limits, NO_KIND, key);
    const uint32_t at = (uint32_t)(hash % FAILURE_SETS);
    struct limit_set *set = &limits->shared->failures[at];
    const uint64_t tag = limit_tag(hash);
    struct limit_look look;

    *try_out = (struct limit_try){0};
    if (limits->growth.free == 0)
        return true;
    for (int i = 0; i < LIMIT_TRIES_MAX; i++) {
        uint64_t wait;
        limit_look(set, tag, &reading, &look);
        const uint64_t failures = weigh_all(&reading, &look, &wait);
        if (wait > 0)
            return refuse(wait, wait_s_out);
        const unsigned way = look.owns > 0 ? look.own[0] : look.room;
        const uint64_t new =
            word_of(&reading, tag, failures + 1, delay_after(&limits->growth, failures + 1));
        if (look.owns > 0 ? limit_swap(set, way, look.word[way], new)
                          : limit_insert(limits, set, tag, &reading, &look, new)) {
            *try_out = (struct limit_try){.set = at,
                                          .way = way,
                                          .tag = tag,
                                          .before = look.owns > 0 ? look.word[way] : 0,
                                          .after = new,
                                          .failures = (uint32_t)failures};
            return true;
        }
    }
    return refuse(0, wait_s_out);
}

/* One turn: a word that changes meanwhile is a try that began after the failures were forgiven. */
static void forget(struct limit_set *set, uint64_t tag)
{
    for (unsigned i = 0; i < LIMIT_WAYS; i++) {
        const uint64_t word = atomic_load_explicit(&set->way[i], memory_order_relaxed);
        if (word != 0 && limit_tag(word) == tag)
            (void)limit_swap(set, i, word, 0);
    }
}

void limit_try_right(struct limits *limits, const struct limit_try *try)
{
    if (try->after != 0)
        forget(&limits->shared->failures[try->set % FAILURE_SETS], try->tag);
}

void limit_forget(struct limits *limits, struct slice key)
{
    const uint64_t hash = limit_hash(limits, NO_KIND, key);

    forget(&limits->shared->failures[hash % FAILURE_SETS], limit_tag(hash));
}

void limit_try_undo(struct limits *limits, const struct limit_try *try, mono_ns now)
{
    const struct limit_reading reading = read_at(limits, now);
    struct limit_set *set = &limits->shared->failures[try->set % FAILURE_SETS];

    /* Nobody has tried since: all is as it was, the time to wait too. */
    if (try->after == 0 || limit_swap(set, try->way % LIMIT_WAYS, try->after, try->before))
        return;
    for (int i = 0; i < LIMIT_TRIES_MAX; i++) {
        struct limit_look look;
        limit_look(set, try->tag, &reading, &look);
        if (look.owns == 0)
            return;
        const uint64_t old = look.word[look.own[0]];
        const uint64_t one_less = old - (1ULL << TIME_BITS); /* it has one: it is alive */
        if (limit_swap(set, look.own[0], old, one_less))
            return;
    }
}

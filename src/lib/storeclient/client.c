/* The asking side of the store's lanes.
 *
 * Invariant: every accepted ask stays in the list until its answer came, or until nobody waits for
 * it and no store can carry it out any more; so `acknowledged`, the list's first sequence, never
 * lets the store forget an answer that may still be wanted.
 *
 * An ask's life: unsent (kept while the store is away or its lane is full) -> sent -> gone. When
 * another store begins to serve, sent ones become unsent again, marked as repeats. An ask whose
 * deadline passed tells its caller STORE_AWAY once; if it was sent it stays, without a caller,
 * until its answer comes or its store is replaced. */
#include "gatepost/store_client.h"

#include <stdlib.h>

#include "gatepost/fault.h"
#include "gatepost/lane.h"
#include "gatepost/log.h"

#define ASKS_MAX       1024U /* under way, of all kinds */
#define BUCKETS        1024U /* of the table that finds an ask by its sequence */
#define ANSWERS_A_POLL 4096U /* so that a mad store cannot hold the loop for ever */

/* A store that is at work gives a life sign far more often than this; with an older one a full
 * lane means that it is away, not that it has too much to do. */
#define STORE_QUIET_NS (2 * NS_PER_MS)

struct ask {
    struct ask *previous; /* by sequence */
    struct ask *next;
    struct ask *next_in_bucket;
    uint64_t sequence;
    bool sent;                 /* to the store we know */
    bool repeat;               /* a store that died may have carried it out */
    uint8_t request;           /* enum store_request */
    mono_ns deadline;          /* of no account once the caller has been told */
    store_answer_fn on_answer; /* NULL once the caller has been told */
    void *context;
    struct slice about; /* in the record, where the head ends */
    size_t record_len;
    uint8_t record[]; /* room for the head, then the packed message */
};

struct store_client {
    struct segment *segment;
    uint32_t slot;
    struct lane asks;
    struct lane answers;
    uint64_t epoch;               /* of the store we talk to; 0 before the first */
    uint64_t next;                /* sequence of the next ask */
    char about[REQUEST_ID_BYTES]; /* id of the request that asks come from; "" for none */
    struct ask *first;            /* all that have no answer, by sequence */
    struct ask *last;
    struct ask *unsent;   /* the first that is not sent; no later one is, either */
    size_t count;         /* of them all */
    size_t pending;       /* asks whose callers wait */
    mono_ns next_expiry;  /* no deadline is earlier */
    uint64_t life_seen;   /* the store's life word when last looked at */
    mono_ns life_changed; /* and when it was first seen so */
    struct ask *buckets[BUCKETS];
    uint8_t taken[LANE_RECORD_MAX_BYTES];
};

struct store_client *store_client_new(struct segment *segment, uint32_t slot)
{
    struct store_client *client = xcalloc(1, sizeof(*client));

    client->segment = segment;
    client->slot = slot;
    client->asks = lane_open(segment, slot, LANE_ASK);
    client->answers = lane_open(segment, slot, LANE_ANSWER);
    client->epoch = board_get(segment, BOARD_STORE_EPOCH);
    client->next = 1;
    client->next_expiry = UINT64_MAX;
    return client;
}

void store_client_speak_for(struct store_client *client, const char *request_id)
{
    BUG_ON(!slice_to_text(slice_of_text(request_id), client->about, sizeof(client->about)));
}

static struct ask **bucket_of(struct store_client *client, uint64_t sequence)
{
    return &client->buckets[sequence % BUCKETS];
}

static struct ask *ask_find(struct store_client *client, uint64_t sequence)
{
    struct ask *ask = *bucket_of(client, sequence);

    while (ask && ask->sequence != sequence)
        ask = ask->next_in_bucket;
    return ask;
}

/* Takes the next sequence; not sent yet. */
static struct ask *ask_append(struct store_client *client, struct slice packed)
{
    const size_t about_len = strlen(client->about);
    const size_t head_len = ASK_HEAD_BYTES + about_len;
    struct ask *ask = xcalloc(1, sizeof(*ask) + head_len + packed.len);

    ask->record_len = head_len + packed.len;
    memcpy(ask->record + ASK_HEAD_BYTES, client->about, about_len);
    ask->about = slice_of(ask->record + ASK_HEAD_BYTES, about_len);
    if (packed.len > 0)
        memcpy(ask->record + head_len, packed.at, packed.len);
    ask->sequence = client->next++;
    ask->previous = client->last;
    if (client->last)
        client->last->next = ask;
    else
        client->first = ask;
    client->last = ask;
    if (!client->unsent)
        client->unsent = ask;
    ask->next_in_bucket = *bucket_of(client, ask->sequence);
    *bucket_of(client, ask->sequence) = ask;
    client->count++;
    return ask;
}

static void ask_remove(struct store_client *client, struct ask *ask)
{
    struct ask **link = bucket_of(client, ask->sequence);

    while (*link != ask)
        link = &(*link)->next_in_bucket;
    *link = ask->next_in_bucket;
    if (client->unsent == ask)
        client->unsent = ask->next;
    if (ask->previous)
        ask->previous->next = ask->next;
    else
        client->first = ask->next;
    if (ask->next)
        ask->next->previous = ask->previous;
    else
        client->last = ask->previous;
    client->count--;
    free(ask);
}

void store_client_free(struct store_client **client)
{
    if (!*client)
        return;
    while ((*client)->first)
        ask_remove(*client, (*client)->first);
    free(*client);
    *client = NULL;
}

static bool ask_send(struct store_client *client, struct ask *ask)
{
    const size_t head_len = ASK_HEAD_BYTES + ask->about.len;
    struct packer packer = packer_over(ask->record, head_len);
    struct ask_head head = {
        .epoch = client->epoch,
        .sequence = ask->sequence,
        .acknowledged = client->first->sequence,
        .request = ask->request,
        .repeat = ask->repeat,
        .about = ask->about, /* packed to where it is */
    };

    ask_head_pack(&packer, &head);
    BUG_ON(packer.overflow || packer.len != head_len);
    if (!lane_push(&client->asks, ask->record, ask->record_len))
        return false;
    ask->sent = true;
    return true;
}

/* Pushes what is not sent, in order, until the lane is full. */
static void send_unsent(struct store_client *client)
{
    if (client->epoch == 0)
        return;
    while (client->unsent && ask_send(client, client->unsent))
        client->unsent = client->unsent->next;
}

/* Has the store given a life sign within the last moment, so that a full lane means that it has too
 * much to do? Without one it is dead, stuck or starting, and the ask is worth keeping. */
static bool store_is_at_work(struct store_client *client)
{
    enum life_phase phase;
    uint64_t life = life_read(client->segment, segment_store_slot(client->segment), &phase);
    mono_ns now = clock_mono_ns();

    if (life != client->life_seen) {
        client->life_seen = life;
        client->life_changed = now;
    }
    return client->epoch == board_get(client->segment, BOARD_STORE_EPOCH) &&
           (phase == LIFE_SERVING || phase == LIFE_FLUSHING) &&
           now - client->life_changed < STORE_QUIET_NS;
}

/* After a failed flush no store comes any more; one that waits for room on the disk may do so for
 * hours: nothing is worth waiting for. */
static bool store_is_hopeless(const struct store_client *client)
{
    return board_get(client->segment, BOARD_STORE_CONDEMNED) != 0 ||
           board_get(client->segment, BOARD_STORE_WAITS) != 0;
}

bool store_ask(struct store_client *client, enum store_request request, struct slice packed,
               mono_ns deadline, store_answer_fn on_answer, void *context)
{
    struct ask *ask;
    bool others_wait = client->unsent != NULL;

    BUG_ON(packed.len > LANE_RECORD_MAX_BYTES - ASK_HEAD_BYTES - REQUEST_ID_BYTES);
    if (client->count >= ASKS_MAX || store_is_hopeless(client))
        return false;
    ask = ask_append(client, packed);
    ask->request = (uint8_t)request;
    ask->deadline = deadline;
    ask->on_answer = on_answer;
    ask->context = context;
    if (!others_wait) {
        send_unsent(client);
        if (!ask->sent && client->epoch != 0 && store_is_at_work(client)) {
            ask_remove(client, ask);
            client->next--;
            return false;
        }
    }
    client->pending++;
    if (deadline < client->next_expiry)
        client->next_expiry = deadline;
    return true;
}

/* Tells the caller, if one still waits. The ask is out of the list before the call, so the
 * callback may ask again. */
static void tell(struct store_client *client, store_answer_fn on_answer, void *context,
                 enum store_status status, struct slice payload)
{
    if (!on_answer)
        return;
    client->pending--;
    on_answer(context, status, payload);
}

static void take_answer(struct store_client *client, size_t len)
{
    struct unpacker unpacker = unpacker_over(slice_of(client->taken, len));
    struct answer_head head;
    struct ask *ask;

    if (!answer_head_unpack(&unpacker, &head)) {
        log_error("answer.unreadable", "bytes=%zu", len);
        return;
    }
    ask = ask_find(client, head.sequence);
    if (!ask)
        return;

    store_answer_fn on_answer = ask->on_answer;
    void *context = ask->context;

    ask_remove(client, ask);
    tell(client, on_answer, context, (enum store_status)head.status,
         slice_of(unpacker.bytes, unpacker.len));
}

static void take_answers(struct store_client *client)
{
    size_t len;

    for (uint32_t i = 0; i < ANSWERS_A_POLL; i++) {
        enum lane_read read = lane_take(&client->answers, client->taken, &len);

        if (read == LANE_EMPTY)
            return;
        if (read == LANE_BROKEN) {
            log_error("answer.lane_broken", "slot=%u", client->slot);
            lane_discard(&client->answers);
            return;
        }
        take_answer(client, len);
    }
}

/* Another store serves: what was sent to its predecessor and not answered is sent again. Asks that
 * nobody waits for are not worth repeating; letting them go lets the store forget them. */
static void meet_new_store(struct store_client *client, uint64_t epoch)
{
    size_t again = 0;

    const bool is_first = client->epoch == 0;

    client->epoch = epoch;
    for (struct ask *ask = client->first, *next; ask; ask = next) {
        next = ask->next;
        if (!ask->sent)
            break;
        if (!ask->on_answer) {
            ask_remove(client, ask);
            continue;
        }
        ask->sent = false;
        ask->repeat = true;
        again++;
    }
    client->unsent = client->first;
    FAULT("c.met_store");
    if (!is_first)
        log_info("store.met", "epoch=%llu again=%zu", (unsigned long long)epoch, again);
}

static void expire(struct store_client *client, mono_ns now)
{
    struct ask *end = client->last; /* callbacks may append */
    bool hopeless = store_is_hopeless(client);

    if (now < client->next_expiry && (!hopeless || client->pending == 0))
        return;
    client->next_expiry = UINT64_MAX;
    for (struct ask *ask = client->first, *next; ask; ask = next) {
        bool is_end = ask == end;
        store_answer_fn on_answer = ask->on_answer;
        void *context = ask->context;

        next = is_end ? NULL : ask->next;
        if (!on_answer)
            continue;
        if (ask->deadline > now && !hopeless) {
            if (ask->deadline < client->next_expiry)
                client->next_expiry = ask->deadline;
            continue;
        }
        ask->on_answer = NULL;
        if (!ask->sent)
            ask_remove(client, ask);
        tell(client, on_answer, context, STORE_AWAY, (struct slice){0});
    }
}

void store_client_poll(struct store_client *client, mono_ns now)
{
    uint64_t epoch = board_get(client->segment, BOARD_STORE_EPOCH);

    take_answers(client);
    if (epoch != client->epoch)
        meet_new_store(client, epoch);
    send_unsent(client);
    expire(client, now);
}

bool store_client_has_work(const struct store_client *client)
{
    return lane_has_record(&client->answers) ||
           (client->unsent && client->epoch != 0 && lane_has_room(&client->asks));
}

size_t store_client_pending(const struct store_client *client)
{
    return client->pending;
}

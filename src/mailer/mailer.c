/* The mailer process: takes jobs, writes letters, hands them to the relay, settles the outbox.
 *
 * The story of one turn: lanes -> store's answers (pages of the outbox, settled rows) -> the word
 * on what has ended -> queue to transport -> transport -> wait. One thread; nothing in it waits but
 * the last step, and that at most WAKE_WAIT_MAX_MS.
 *
 * Init and deinit are mirrors. The outbox is the truth: whatever this process loses when it dies,
 * its successor sweeps up. */
#include <unistd.h>

#include "gatepost/dkim.h"
#include "gatepost/email.h"
#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "gatepost/sandbox.h"
#include "intake.h"
#include "lmtp_server.h"
#include "sweep.h"
#include "watch.h"

#define SANDBOX_LOOK_NS   NS_PER_S
#define OUTDATED_LIMIT_NS (10 * NS_PER_S) /* for what is under way */

enum { FD_WAKE, FD_CONTROL, FD_ALIVE, FD_BOUNCES, FD_COUNT };

static bool uses_smtp(const struct config *config)
{
    return config->mail_transport == CONFIG_TRANSPORT_SMTP;
}

static void load_secrets(struct mailer *mailer)
{
    struct err err = {""};

    secret_guard_keys();
    if (!secret_load(mailer->config->mail_key_file, SECRET_KEY_MIN_BYTES, &mailer->mail_key, &err))
        die(EXIT_SECRET, "mail.key_file: %s", err.text);
    for (unsigned i = 0; i < RELAYS_MAX && uses_smtp(mailer->config); i++) {
        if (!relay_secrets_load(mailer->config, i, &mailer->relay_secrets[i], &err))
            die(EXIT_SECRET, "%s", err.text);
    }
    if (mailer->config->mail_dkim_keys[0] == '\0')
        return;
    mailer->dkim = dkim_open(mailer->config->mail_dkim_domain, mailer->config->mail_from,
                             mailer->config->mail_dkim_keys, &err);
    if (mailer->dkim == NULL)
        die(EXIT_SECRET, "mail.dkim_keys: %s", err.text);
}

static struct letter_head letter_head_of(const struct mailer *mailer)
{
    return (struct letter_head){
        .from = mailer->config->mail_from,
        .public_url = mailer->config->http_public_url,
        .mail_key = &mailer->mail_key,
        .letters = mailer->heritage->letters,
        .dkim = mailer->dkim,
        .from_name = mailer->config->mail_from_name,
        .reply_to = mailer->config->mail_reply_to,
        .feedback_id = mailer->config->mail_feedback_id,
        .list_unsubscribe = mailer->config->mail_list_unsubscribe,
    };
}

/* A sign that the process lives, and that its next one may take a slow disk's time. */
static void on_wait(void *context)
{
    const struct mailer *mailer = context;

    life_enter(mailer->segment, mailer->heritage->slot, LIFE_FLUSHING);
}

static void open_relays(struct mailer *mailer)
{
    const struct config *config = mailer->config;

    for (unsigned i = 0; i < mailer->transport->relay_count; i++) {
        const struct transport_relay *way = &mailer->transport->relays[i];
        const struct relay_config relay = config_relay(config, way->number);
        const bool is_relay = uses_smtp(config);

        relays_add(&mailer->relays, way->name, way->lanes, (unsigned)relay.order,
                   (unsigned)relay.weight, is_relay ? relay.rate : (struct config_rate){0},
                   mailer->sched.first_s, mailer->sched.max_s);
        mailer->lanes += way->lanes;
    }
}

/* Who gets what when: all of it from the configuration. */
static void open_queue(struct mailer *mailer)
{
    const struct config *config = mailer->config;
    uint64_t key[2];

    mailer->sched = (struct sched){.first_s = (uint64_t)config->mail_retry_s,
                                   .max_s = (uint64_t)config->mail_retry_max_s};
    mailer->sched.greylist_tries =
        config_greylist_waits(config->mail_greylist_retry_s, mailer->sched.greylist_s);
    mailer->alarm.threshold_s = (uint64_t)config->mail_alarm_s;
    open_relays(mailer);
    random_bytes(key, sizeof(key));
    const struct mail_queue_limits limits = {
        .letters_max = HAND_MAX,
        .lanes = (unsigned)mailer->lanes,
        .by_domain = uses_smtp(config),
        .domain_connections = (unsigned)config->mail_domain_connections,
        .domain_rate = config->mail_domain_rate,
        .first_s = mailer->sched.first_s,
        .max_s = mailer->sched.max_s,
    };
    mailer->queue = mail_queue_new(&limits, key);
}

static void mailer_init(struct mailer *mailer)
{
    const struct config *config = mailer->config;
    const struct heritage *heritage = mailer->heritage;
    struct err err = {""};

    if (!email_is_canonical(slice_of_text(config->mail_from)))
        die(EXIT_MAIL_SETUP, "mail.from: not an address");
    if (strchr(config->mail_return_path, '@') != NULL &&
        !email_is_canonical(slice_of_text(config->mail_return_path)))
        die(EXIT_MAIL_SETUP, "mail.return_path: not an address");
    metrics_init(mailer->segment, heritage->slot);
    mailer->transport = uses_smtp(config) ? smtp_open(config, mailer->relay_secrets, &err)
                                          : file_open(config, &err);
    if (mailer->transport == NULL)
        die(EXIT_MAIL_SETUP, "%s", err.text);
    mailer->transport->on_outcome = dispatch_on_outcome;
    mailer->transport->on_wait = on_wait;
    mailer->transport->context = mailer;
    mailer->return_path =
        (struct return_path){config->mail_return_path, config->mail_from, &mailer->mail_key};
    mailer->transport->return_path = &mailer->return_path;
    mailer->letter_head = letter_head_of(mailer);
    mailer->hand = hand_new(HAND_MAX, REMEMBERED_MAX);
    open_queue(mailer);
    mailer->store = store_client_new(mailer->segment, heritage->slot);
    mailer->intake = intake_open(mailer);
    mailer->sweep = sweep_open(mailer);
    mailer->orders_seen = board_get(mailer->segment, BOARD_MAIL_ORDERS);
    mailer->stops_seen = board_get(mailer->segment, BOARD_MAIL_STOPS);
    mailer->bounce_rules = (struct bounce_rules){config, &mailer->mail_key};
    if (heritage->listener_count > 0)
        mailer->bounces =
            lmtp_server_open(heritage->listeners[0].fd, &mailer->bounce_rules, mailer->store);
}

static void mailer_deinit(struct mailer *mailer)
{
    if (mailer->bounces != NULL)
        lmtp_server_close(&mailer->bounces);
    sweep_close(&mailer->sweep);
    intake_close(&mailer->intake);
    store_client_free(&mailer->store);
    mailer->transport->close(&mailer->transport);
    mail_queue_free(&mailer->queue);
    hand_free(&mailer->hand);
    for (unsigned i = 0; i < RELAYS_MAX; i++)
        relay_secrets_fini(&mailer->relay_secrets[i]);
    dkim_close(&mailer->dkim);
    secret_fini(&mailer->mail_key);
}

static void begin_stop(struct mailer *mailer, mono_ns at)
{
    mailer->stopping = true;
    mailer->stop_at = at;
    if (mailer->bounces != NULL)
        lmtp_server_stop(mailer->bounces);
    FAULT("m.draining");
    life_enter(mailer->segment, mailer->heritage->slot, LIFE_DRAINING);
}

/* A new resolv.conf, or a new mail.dir, is for a new mailer. */
static void look_at_the_sandbox(struct mailer *mailer, mono_ns now)
{
    if (mailer->stopping || now < mailer->sandbox_at)
        return;
    mailer->sandbox_at = now + SANDBOX_LOOK_NS;
    if (!sandbox_is_outdated())
        return;
    mailer->outdated = true;
    begin_stop(mailer, now + OUTDATED_LIMIT_NS);
}

static void take_orders(struct mailer *mailer)
{
    struct proc_message order;

    if (!mailer->is_called)
        return; /* each turn has a wait before it, which says so: a system call saved */
    while (proc_receive(mailer->heritage, &order)) {
        if (order.kind == ORDER_SWEEP) {
            sweep_order(mailer->sweep);
        } else if (order.kind == ORDER_STOP && (!mailer->stopping || mailer->outdated)) {
            mailer->outdated = false;
            begin_stop(mailer, clock_mono_ns() + order.value * NS_PER_MS);
        }
    }
}

/* Nothing under way that the store has not heard of. */
static bool is_settled(const struct mailer *mailer)
{
    return hand_count_in(mailer->hand, DELIVERY_SENDING) == 0 &&
           hand_count_in(mailer->hand, DELIVERY_TO_SETTLE) == 0 &&
           hand_count_in(mailer->hand, DELIVERY_ASKED) == 0 &&
           (mailer->bounces == NULL || lmtp_server_is_quiet(mailer->bounces));
}

static bool deliver(struct mailer *mailer)
{
    bool more = mailer->transport->work(mailer->transport);

    life_enter(mailer->segment, mailer->heritage->slot,
               mailer->stopping ? LIFE_DRAINING : LIFE_SERVING);
    return more;
}

/* Returns true when there is more to do at once. */
static bool turn(struct mailer *mailer, mono_ns now)
{
    FAULT("m.loop");
    take_orders(mailer);
    look_at_the_sandbox(mailer, now);
    intake_turn(mailer->intake, now);
    store_client_poll(mailer->store, now);
    orders_turn(mailer, now);
    if (mailer->bounces != NULL)
        lmtp_server_turn(mailer->bounces, now);
    sweep_turn(mailer->sweep, now);
    dispatch_turn(mailer, now);
    bool more = deliver(mailer);
    settle_turn(mailer, now);
    watch_turn(mailer, now);
    if (!more)
        metric_usage_look(now);
    return more;
}

static int wait_ms(const struct mailer *mailer, mono_ns now)
{
    mono_ns until = now + WAKE_WAIT_MAX_MS * NS_PER_MS;
    mono_ns next_at = mailer->stopping ? UINT64_MAX : dispatch_next_at(mailer, now);

    if (next_at < until)
        until = next_at > now ? next_at : now;
    if (mailer->stopping && mailer->stop_at < until)
        until = mailer->stop_at > now ? mailer->stop_at : now;
    return (int)((until - now + NS_PER_MS - 1) / NS_PER_MS);
}

/* Waits for the wake-up, the master, the transport. Returns false when the master is gone. */
static bool wait(struct mailer *mailer, bool more)
{
    const struct heritage *heritage = mailer->heritage;
    struct pollfd fds[FD_COUNT] = {
        [FD_WAKE] = {.fd = wake_fd(mailer->segment, heritage->slot), .events = POLLIN},
        [FD_CONTROL] = {.fd = heritage->control_fd, .events = POLLIN},
        [FD_ALIVE] = {.fd = heritage->alive_fd, .events = POLLIN},
    };
    size_t fd_count = FD_BOUNCES;
    int timeout_ms = 0;

    if (mailer->bounces != NULL)
        fds[fd_count++] = (struct pollfd){.fd = lmtp_server_fd(mailer->bounces), .events = POLLIN};
    wake_prepare(mailer->segment, heritage->slot);
    if (!more && !intake_has_record(mailer->intake) && !store_client_has_work(mailer->store))
        timeout_ms = wait_ms(mailer, clock_mono_ns());
    mailer->transport->wait(mailer->transport, fds, fd_count, timeout_ms);
    if (fds[FD_WAKE].revents != 0)
        wake_done(mailer->segment, heritage->slot);
    else
        wake_done_unwoken(mailer->segment, heritage->slot);
    mailer->is_called = fds[FD_CONTROL].revents != 0;
    if (mailer->bounces != NULL && fds[FD_BOUNCES].revents != 0)
        lmtp_server_wake(mailer->bounces);
    return fds[FD_ALIVE].revents == 0;
}

static void loop(struct mailer *mailer)
{
    for (;;) {
        mono_ns now = clock_mono_ns();
        life_sign(mailer->segment, mailer->heritage->slot);
        metric_count_dropped_lines();
        bool more = turn(mailer, now);
        if (mailer->stopping && (is_settled(mailer) || now >= mailer->stop_at))
            return;
        if (!wait(mailer, more))
            _exit(EXIT_ORPHANED); /* without draining: somebody else may own all this soon */
    }
}

int mailer_main(struct heritage *heritage)
{
    static struct mailer mailer; /* large, and alive as long as the process */

    mailer = (struct mailer){
        .heritage = heritage,
        .config = heritage->config,
        .segment = heritage->segment,
    };
    proc_enter(heritage);
    load_secrets(&mailer);
    proc_drop_privileges(heritage);
    mailer_init(&mailer);
    sandbox_enter(heritage);
    FAULT("m.opened");
    board_set(mailer.segment, BOARD_MAILER_READY, heritage->generation);
    proc_ready(heritage);
    log_info("mailer.ready", "transport=%s", mailer.transport->name);

    loop(&mailer);

    log_info("mailer.stopped", "left=%zu", hand_count(mailer.hand));
    const bool outdated = mailer.outdated;
    mailer_deinit(&mailer);
    return outdated ? EXIT_OUTDATED : EXIT_DONE;
}

/* HTTP over a raw socket: a whole worker but for its process, with its real libh2o server, routes,
 * endpoints, store client and hash thread, a client that sends any bytes, and a store that answers
 * as the input says (http_store.h).
 *
 * Shape of an input: a byte of choices, two bytes that say where the client pauses, a length byte
 * and so many bytes of the store's script; the rest goes over the wire.
 *
 * What must hold: only whole, well-formed answers come back (http_answers.h), and no more than
 * there are requests (http_requests.h); every ask and every letter is one that its reader
 * understands; when all is still, no request is left; when the client has gone, no connection; and
 * a password is in nothing that leaves or is freed (canary.h). */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "canary.h"
#include "http_answers.h"
#include "http_requests.h"
#include "http_store.h"

#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "worker/gone.h"
#include "worker/hasher.h"
#include "worker/new_password.h"
#include "worker/origin.h"
#include "worker/peer.h"
#include "worker/request.h"
#include "worker/routes.h"
#include "worker/server.h"
#include "worker/throttle.h"
#include "worker/token_cache.h"
#include "worker/tokens.h"

#define HEAD_BYTES       4
#define CLIENT_MAX_BYTES 40000
#define OUTPUT_MAX_BYTES (8 << 20)
#define TURNS_MAX        200000
#define KEY              "0123456789abcdef0123456789abcdef0123456789a"

enum choice {
    CHOICE_HALF_CLOSE = 1,     /* the client says that it has sent all */
    CHOICE_VANISH = 2,         /* it is gone before anything is answered */
    CHOICE_LEAVING = 4,        /* the worker is being drained */
    CHOICE_DISK_FULL = 8,      /* what readyz looks at */
    CHOICE_MAILER = 16,        /* the same */
    CHOICE_VERIFIED_ONLY = 32, /* login.require_verified */
    CHOICE_LOOKS = 64          /* who has closed is looked for in every turn */
};

static struct worker worker;
static struct heritage heritage;
static struct fake_store store;
static bool looks;       /* CHOICE_LOOKS */
static bool canary_once; /* what is sent holds it in one place */
static struct {
    struct sockaddr_un address;
    socklen_t address_len;
    int fd;
    bool is_deaf; /* more came back than is kept: no longer looked at */
    size_t len;
    char output[OUTPUT_MAX_BYTES];
} client;

/* ---- once ---------------------------------------------------------------------------------------
 */

/* An abstract address of the kernel's choice: nothing in the file system, no port to run out of. */
static int listen_somewhere(void)
{
    client.address.sun_family = AF_UNIX;
    client.address_len = sizeof(client.address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    BUG_ON(fd < 0);
    BUG_ON(bind(fd, (struct sockaddr *)&client.address, sizeof(sa_family_t)) != 0);
    BUG_ON(listen(fd, 8) != 0);
    BUG_ON(getsockname(fd, (struct sockaddr *)&client.address, &client.address_len) != 0);
    return fd;
}

static void configure(struct config *config)
{
    config->http_connections_max = 16;
    config->http_metrics_allow = "unix";
    config->http_public_url = "https://accounts.example";
    config->http_cors_origins = ANSWERS_ORIGIN;
    config->http_cookies = true;
    config->log_access = true;
    config->password_iterations = 2; /* the store's have 1: a login is followed by a re-hash */
    config->password_allow_weak = true;
    config->password_threads = 1;
    config->password_lanes = 16;
    config->password_queue_max = 64;
    config->password_min_length = 8;
    config->password_min_strength = 4;
    config->password_refused_file = "";
    config->proof_verify_s = 86400;
    config->proof_reset_s = 3600;
    config->limits_enabled = true;
    config->token_key_dir = "";
    config->token_publish_s = 900;
    config->http_http2_resets_max = 100;
    config->http_http2_frames_max = 1000;
    config->http_http2_hashes_max = 4;
    config->http_trusted_proxies = "unix"; /* the fuzzer's requests come from there */
    config->limits_letters = (struct config_rate){3, 3600};
    /* An address of X-Forwarded-For meets these sooner or later. */
    config->limits_signup_address = (struct config_rate){1000, 1};
    config->limits_login_address = (struct config_rate){1, 1};
    config->limits_refresh_address = (struct config_rate){1000, 1};
    config->limits_token_address = (struct config_rate){1000, 1};
    config->limits_account_changes = (struct config_rate){1000, 1};
    config->limits_mail_address = (struct config_rate){1000, 1};
    config->limits_account_failures = 0; /* else "anna" would soon be made to wait in every run */
    config->limits_account_delay_s = 1;
    config->limits_account_delay_max_s = 1;
    config->token_access_s = 300;
    config->token_refresh_s = 86400;
    config->token_refresh_grace_s = 10;
    config->token_sessions_max = 100;
    config->token_cache_max = 64;
}

static void set_up(void)
{
    static struct config config;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct err err;

    sigaction(SIGPIPE, &ignore, NULL); /* as proc_enter does */
    log_init("fuzz", LOG_LEVEL_ERROR);
    configure(&config);
    worker.segment = heritage.segment = segment_create(2, &err);
    BUG_ON(worker.segment == NULL || !seat_take_worker(worker.segment, &worker.slot) ||
           !seat_take_mailer(worker.segment));
    limits_init(worker.segment);
    metrics_init(worker.segment, worker.slot);
    board_set(worker.segment, BOARD_STORE_EPOCH, 1);
    heritage.config = &config;
    heritage.listeners[0] = (struct listener){.fd = listen_somewhere(), .is_unix = true};
    heritage.listener_count = 1;
    worker.heritage = &heritage;
    worker.config = &config;
    worker.routes = &WORKER_ROUTES;
    const struct secret key = {.bytes = (uint8_t *)(uintptr_t)KEY, .len = sizeof(KEY) - 1};
    worker.token_keys = token_keys_of_secret(&key);
    secret_from_bytes(KEY, sizeof(KEY) - 1, &worker.mail_key);
    secret_derive(&key, "gatepost idempotency", &worker.idempotency_key);
    secret_derive(&key, TOKEN_SUCCESSOR_PURPOSE, &worker.successor_key);
    worker.refused_passwords = new_password_list(&config);
    worker.metrics_peers = peer_rules_new(config.http_metrics_allow, &err);
    worker.trusted_proxies = peer_rules_new(config.http_trusted_proxies, &err);
    worker.limits = throttle_open(&worker);
    worker.origins = origins_new(config.http_cors_origins, config.http_public_url);
    worker.token_cache = token_cache_new(worker.segment, (size_t)config.token_cache_max);
    worker.server = server_new(&worker, NULL);
    worker.server->later_timeout.timeout = 0; /* else resend takes its quarter of a second */
    worker.store = store_client_new(worker.segment, worker.slot);
    worker.hasher = hasher_new(&worker);
    worker.mail_lane = lane_open(worker.segment, worker.slot, LANE_MAIL);
    server_listen(worker.server, &heritage);
    store.segment = worker.segment;
    store.asks = lane_open(worker.segment, worker.slot, LANE_ASK);
    store.answers = lane_open(worker.segment, worker.slot, LANE_ANSWER);
    store.mail = lane_open(worker.segment, worker.slot, LANE_MAIL);
    canary_watch();
}

/* ---- turns of the loop --------------------------------------------------------------------------
 */

static bool client_reads(void)
{
    static char dropped[65536];
    bool moved = false;
    ssize_t len;

    for (;;) {
        const size_t room = sizeof(client.output) - client.len;
        client.is_deaf |= room == 0;
        len = client.fd < 0 ? -1
                            : recv(client.fd, client.is_deaf ? dropped : client.output + client.len,
                                   client.is_deaf ? sizeof(dropped) : room, MSG_DONTWAIT);
        if (len <= 0)
            return moved;
        client.len += client.is_deaf ? 0 : (size_t)len;
        moved = true;
    }
}

static bool has_canary(const struct body *body)
{
    for (size_t i = 0; body != NULL && i < body->object.count; i++) {
        if (canary_find(body->object.members[i].text) != NULL)
            return true;
    }
    return false;
}

/* A body that was read is gone from libh2o's buffer, from the used part and from the spare. */
static void check_buffers(void)
{
    for (const struct request *at = worker.requests; at != NULL; at = at->older) {
        if (!canary_armed || !canary_once || at->h2o == NULL || !has_canary(at->body))
            continue;
        const h2o_buffer_t *input = at->h2o->conn->callbacks->get_socket(at->h2o->conn)->input;
        if (input->bytes != NULL)
            BUG_ON(canary_find(slice_of(input->_buf, input->capacity)) != NULL);
    }
}

/* Turns the worker's loop as worker.c does until nothing moves any more. */
static void settle(void)
{
    for (unsigned turns = 0, quiet = 0; quiet < 2; turns++) {
        const size_t asked = store.asked, connections = worker.server->connection_count;
        const uint64_t answers = worker.answers, ids = worker.id_count;

        BUG_ON(turns > TURNS_MAX);
        server_run(worker.server, hasher_pending(worker.hasher) > 0 ? 100 : 0);
        check_buffers();
        fake_store_serve(&store);
        store_client_poll(worker.store, clock_mono_ns());
        if (looks)
            gone_look(&worker);
        fake_store_read_mail(&store);
        const bool moved = client_reads() || asked != store.asked || answers != worker.answers ||
                           ids != worker.id_count || connections != worker.server->connection_count;
        quiet = moved || worker.requests != NULL || worker.rehashes != NULL ? 0 : quiet + 1;
    }
}

/* ---- the client ---------------------------------------------------------------------------------
 */

static void client_opens(void)
{
    client.len = 0;
    client.is_deaf = false;
    client.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BUG_ON(client.fd < 0);
    BUG_ON(connect(client.fd, (struct sockaddr *)&client.address, client.address_len) != 0);
}

static void client_closes(void)
{
    if (client.fd >= 0)
        close(client.fd);
    client.fd = -1;
}

/* What the server no longer takes is not sent. */
static void client_sends(struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(client.fd, bytes.at, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            const size_t before = client.len;
            settle();
            if (client.len == before && !client.is_deaf)
                return;
            continue;
        }
        if (sent <= 0)
            return;
        bytes = slice_of(bytes.at + sent, bytes.len - (size_t)sent);
    }
}

/* In one to three pieces, the server at work in between. */
static void converse(struct slice bytes, uint8_t first_pause, uint8_t second_pause, uint8_t choices)
{
    const size_t first = bytes.len * first_pause / 256;
    const size_t second = first + (bytes.len - first) * second_pause / 256;

    client_opens();
    if (first > 0) {
        client_sends(slice_of(bytes.at, first));
        settle();
    }
    if (second > first) {
        client_sends(slice_of(bytes.at + first, second - first));
        settle();
    }
    client_sends(slice_of(bytes.at + second, bytes.len - second));
    if (choices & CHOICE_HALF_CLOSE)
        shutdown(client.fd, SHUT_WR);
    if (choices & CHOICE_VANISH) {
        server_run(worker.server, 0);
        client_closes();
    }
    settle();
}

/* ---- what must hold -----------------------------------------------------------------------------
 */

static void check(struct slice sent)
{
    BUG_ON(worker.requests != NULL || worker.rehashes != NULL ||
           store_client_pending(worker.store) != 0);
    if (client.is_deaf)
        return;
    struct slice output = slice_of(client.output, client.len);
    struct answers answers = {0};
    if (client.fd >= 0)
        answers = answers_check(output);
    BUG_ON(answers.count > requests_at_most(sent));
    BUG_ON(answers.bodyless > 0 && memmem(sent.at, sent.len, "HEAD", 4) == NULL);
    BUG_ON(canary_armed && canary_find(output) != NULL);
}

static void leave(void)
{
    client_closes();
    settle();
    BUG_ON(worker.server->connection_count != 0 || worker.requests != NULL);
    worker.server->context.shutdown_requested = 0;
    if (board_get(worker.segment, BOARD_STORE_CONDEMNED) != 0) {
        board_set(worker.segment, BOARD_STORE_CONDEMNED, 0);
        board_set(worker.segment, BOARD_STORE_EPOCH,
                  board_get(worker.segment, BOARD_STORE_EPOCH) + 1);
        store_client_poll(worker.store, clock_mono_ns());
    }
    canary_armed = false;
}

/* ---- a run --------------------------------------------------------------------------------------
 */

static void prepare(struct slice sent, struct script script, uint8_t choices)
{
    worker.id_count = 0;
    looks = (choices & CHOICE_LOOKS) != 0;
    ((struct config *)(uintptr_t)worker.config)->login_require_verified =
        (choices & CHOICE_VERIFIED_ONLY) != 0;
    board_set(worker.segment, BOARD_DISK, (choices & CHOICE_DISK_FULL) != 0);
    board_set(worker.segment, BOARD_MAILER_READY,
              choices & CHOICE_MAILER ? seat_look(worker.segment, SLOT_MAILER).generation : 0);
    worker.server->context.shutdown_requested = (choices & CHOICE_LEAVING) != 0;
    store.script = script;
    store.asked = 0;
    canary_armed =
        canary_count(sent) > 0 && canary_find(slice_of(script.bytes, script.len)) == NULL;
    canary_once = canary_count(sent) == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (worker.server == NULL)
        set_up();
    if (size < HEAD_BYTES || size > CLIENT_MAX_BYTES)
        return 0;
    size_t script_len = data[3];
    if (script_len > size - HEAD_BYTES)
        script_len = size - HEAD_BYTES;
    const struct script script = {data + HEAD_BYTES, script_len};
    struct slice sent = slice_of(data + HEAD_BYTES + script_len, size - HEAD_BYTES - script_len);

    prepare(sent, script, data[0]);
    converse(sent, data[1], data[2], data[0]);
    check(sent);
    leave();
    return 0;
}

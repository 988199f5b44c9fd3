/* Which limits a class of requests has, and their rates.
 *
 * A class's address first: what one address asks for in vain is not counted for all. Peers on a
 * unix socket have no address, and only who has a right to the socket's file gets there; a proxy
 * behind one is to be named in http.trusted_proxies. */
#include "throttle.h"

#include "gatepost/metrics.h"

#include "account.h"
#include "audit_note.h"
#include "peer.h"
#include "reply.h"

static const struct limit_class {
    bool limited;
    enum limit_kind key; /* of the peer's address, or by_account: of the bearer's account */
    bool by_account;
    bool has_global;
    enum limit_kind global;
} CLASSES[RATE_CLASSES] = {
    [RATE_FREE] = {.limited = false},
    [RATE_SIGNUP] = {true, LIMIT_SIGNUP_ADDRESS, false, true, LIMIT_SIGNUP_GLOBAL},
    [RATE_LOGIN] = {true, LIMIT_LOGIN_ADDRESS, false, true, LIMIT_LOGIN_GLOBAL},
    [RATE_REFRESH] = {.limited = true, .key = LIMIT_REFRESH_ADDRESS},
    [RATE_TOKEN] = {.limited = true, .key = LIMIT_TOKEN_ADDRESS},
    [RATE_MAIL] = {.limited = true, .key = LIMIT_MAIL_ADDRESS},
    [RATE_CHANGE] = {.limited = true, .key = LIMIT_ACCOUNT_CHANGES, .by_account = true},
};

static const enum metric METRICS[LIMIT_KINDS] = {
    [LIMIT_SIGNUP_ADDRESS] = METRIC_THROTTLED_SIGNUP_ADDRESS,
    [LIMIT_LOGIN_ADDRESS] = METRIC_THROTTLED_LOGIN_ADDRESS,
    [LIMIT_REFRESH_ADDRESS] = METRIC_THROTTLED_REFRESH_ADDRESS,
    [LIMIT_TOKEN_ADDRESS] = METRIC_THROTTLED_TOKEN_ADDRESS,
    [LIMIT_MAIL_ADDRESS] = METRIC_THROTTLED_MAIL_ADDRESS,
    [LIMIT_ACCOUNT_CHANGES] = METRIC_THROTTLED_ACCOUNT_CHANGES,
    [LIMIT_SIGNUP_EMAIL] = METRIC_THROTTLED_SIGNUP_EMAIL,
    [LIMIT_CHANGE_EMAIL] = METRIC_THROTTLED_CHANGE_EMAIL,
    [LIMIT_SIGNUP_GLOBAL] = METRIC_THROTTLED_SIGNUP_GLOBAL,
    [LIMIT_LOGIN_GLOBAL] = METRIC_THROTTLED_LOGIN_GLOBAL,
};

/* As the audit trail names them. */
static const char *const NAMES[LIMIT_KINDS] = {
    [LIMIT_SIGNUP_ADDRESS] = "signup_address",   [LIMIT_LOGIN_ADDRESS] = "login_address",
    [LIMIT_REFRESH_ADDRESS] = "refresh_address", [LIMIT_TOKEN_ADDRESS] = "token_address",
    [LIMIT_MAIL_ADDRESS] = "mail_address",       [LIMIT_ACCOUNT_CHANGES] = "account_changes",
    [LIMIT_SIGNUP_EMAIL] = "signup_email",       [LIMIT_CHANGE_EMAIL] = "change_email",
    [LIMIT_SIGNUP_GLOBAL] = "signup_global",     [LIMIT_LOGIN_GLOBAL] = "login_global",
};

_Static_assert(LIMIT_PERIOD_MAX_S == CONFIG_RATE_PERIOD_MAX_S &&
                   LIMIT_PER_SECOND_MAX == CONFIG_RATE_PER_SECOND_MAX,
               "what the configuration takes, the tables can hold");

static struct limit_rate rate_of(struct config_rate rate)
{
    return (struct limit_rate){.count = rate.count, .period_s = rate.period_s};
}

struct limits *throttle_open(const struct worker *worker)
{
    const struct config *config = worker->config;
    struct limit_rate rates[LIMIT_KINDS] = {0};
    struct limit_growth growth = {0};

    if (config->limits_enabled) {
        rates[LIMIT_SIGNUP_ADDRESS] = rate_of(config->limits_signup_address);
        rates[LIMIT_LOGIN_ADDRESS] = rate_of(config->limits_login_address);
        rates[LIMIT_REFRESH_ADDRESS] = rate_of(config->limits_refresh_address);
        rates[LIMIT_TOKEN_ADDRESS] = rate_of(config->limits_token_address);
        rates[LIMIT_MAIL_ADDRESS] = rate_of(config->limits_mail_address);
        rates[LIMIT_ACCOUNT_CHANGES] = rate_of(config->limits_account_changes);
        rates[LIMIT_SIGNUP_EMAIL] = rate_of(config->limits_letters);
        rates[LIMIT_CHANGE_EMAIL] = rate_of(config->limits_letters);
        rates[LIMIT_SIGNUP_GLOBAL] = rate_of(config->limits_signup_global);
        rates[LIMIT_LOGIN_GLOBAL] = rate_of(config->limits_login_global);
        growth = (struct limit_growth){.free = (uint32_t)config->limits_account_failures,
                                       .first_s = (uint32_t)config->limits_account_delay_s,
                                       .max_s = (uint32_t)config->limits_account_delay_max_s};
    }
    return limits_open(worker->segment, rates, &growth);
}

/* Returns false, as the callers have it. */
static bool refuse(struct request **request, enum limit_kind kind, uint32_t wait_s)
{
    const struct account *account = (*request)->account;

    metric_count(METRICS[kind]);
    audit_note_throttled(*request, account != NULL ? &account->user_id : &(struct uuid){{0}},
                         NAMES[kind]);
    reply_throttled(request, wait_s);
    return false;
}

static bool take(struct request **request, enum limit_kind kind, struct slice key)
{
    uint32_t wait_s;

    return limit_take((*request)->worker->limits, kind, key, clock_mono_ns(), &wait_s) ||
           refuse(request, kind, wait_s);
}

bool throttle_admit(struct request **request)
{
    const struct limit_class *class = &CLASSES[(*request)->route->rate];
    uint8_t network[PEER_NETWORK_BYTES];

    if (!class->limited || !(*request)->worker->config->limits_enabled)
        return true;
    if (class->by_account)
        return take(request, class->key, slice_of((*request)->account->user_id.bytes, UUID_BYTES));
    const size_t len = peer_network(request_peer(*request), network);
    if (len > 0 && !take(request, class->key, slice_of(network, len)))
        return false;
    return !class->has_global || take(request, class->global, slice_of(NULL, 0));
}

bool throttle_admit_signup(struct request **request, struct slice email_key)
{
    uint32_t wait_s;

    return limit_has_room((*request)->worker->limits, LIMIT_SIGNUP_EMAIL, email_key,
                          clock_mono_ns(), &wait_s) ||
           refuse(request, LIMIT_SIGNUP_EMAIL, wait_s);
}

void throttle_count_signup(const struct worker *worker, struct slice email_key)
{
    uint32_t wait_s;
    /* Where others were made meanwhile there may be no room: then the next is refused as it is. */
    const bool counted =
        limit_take(worker->limits, LIMIT_SIGNUP_EMAIL, email_key, clock_mono_ns(), &wait_s);

    (void)counted;
}

bool throttle_admit_change(struct request **request, struct slice email_key)
{
    return take(request, LIMIT_CHANGE_EMAIL, email_key);
}

void throttle_count_evictions(const struct worker *worker)
{
    const uint64_t evictions = limits_evictions(worker->limits);

    if (evictions > 0)
        metric_add(METRIC_LIMIT_EVICTIONS, evictions);
}

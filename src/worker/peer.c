/* Addresses of peers, what tells clients apart, and the list of those who may read /metrics. */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define RULES_MAX 64

struct peer_rule {
    int family; /* AF_INET, AF_INET6 or AF_UNIX */
    unsigned bits;
    uint8_t address[16];
};

struct peer_rules {
    size_t count;
    struct peer_rule rules[RULES_MAX];
};

/* ::ffff:0:0/96, the IPv4 addresses of a socket that takes both. */
static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};

void peer_text(const struct sockaddr *address, socklen_t len, char *text_out, size_t text_bytes)
{
    const char *text = NULL;

    if (address->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *v4 = (const void *)address;
        text = inet_ntop(AF_INET, &v4->sin_addr, text_out, (socklen_t)text_bytes);
    } else if (address->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *v6 = (const void *)address;
        const uint8_t *bytes = v6->sin6_addr.s6_addr;
        if (memcmp(bytes, MAPPED, sizeof(MAPPED)) == 0)
            text = inet_ntop(AF_INET, bytes + 12, text_out, (socklen_t)text_bytes);
        else
            text = inet_ntop(AF_INET6, bytes, text_out, (socklen_t)text_bytes);
    }
    /* A connection that is gone has no address any more, and is not to pass for a local one. */
    if (text == NULL)
        snprintf(text_out, text_bytes, "%s",
                 len > 0 && address->sa_family == AF_UNIX ? "unix" : "unknown");
}

static bool parse_address(const char *text, struct peer_rule *rule_out)
{
    if (strcmp(text, "unix") == 0)
        rule_out->family = AF_UNIX;
    else if (inet_pton(AF_INET, text, rule_out->address) == 1)
        rule_out->family = AF_INET;
    else if (inet_pton(AF_INET6, text, rule_out->address) == 1)
        rule_out->family = AF_INET6;
    else
        return false;
    return true;
}

/* A peer's address is compared as IPv4 then, so the rule is one of IPv4. */
static void unmap(struct peer_rule *rule)
{
    if (rule->family != AF_INET6 || rule->bits < 96 ||
        memcmp(rule->address, MAPPED, sizeof(MAPPED)) != 0)
        return;
    rule->family = AF_INET;
    rule->bits -= 96;
    memmove(rule->address, rule->address + sizeof(MAPPED), 4);
}

static bool parse_rule(char *text, struct peer_rule *rule_out)
{
    char *slash = strchr(text, '/');
    char *end = NULL;

    if (slash != NULL)
        *slash++ = '\0';
    if (!parse_address(text, rule_out))
        return false;
    unsigned max = rule_out->family == AF_INET ? 32 : rule_out->family == AF_INET6 ? 128 : 0;
    rule_out->bits = max;
    if (slash == NULL)
        return true;
    unsigned long bits = strtoul(slash, &end, 10);
    if (end == slash || *end != '\0' || bits > max)
        return false;
    rule_out->bits = (unsigned)bits;
    return true;
}

struct peer_rules *peer_rules_new(const char *list, struct err *err)
{
    struct peer_rules *rules = xcalloc(1, sizeof(*rules));
    char *copy = xstrdup(list);
    char *rest = NULL;

    for (char *text = strtok_r(copy, ", \t", &rest); text != NULL;
         text = strtok_r(NULL, ", \t", &rest)) {
        if (rules->count == RULES_MAX || !parse_rule(text, &rules->rules[rules->count])) {
            err_set(err, "'%s' is no address, network or 'unix', or there are too many", text);
            peer_rules_free(&rules);
            break;
        }
        unmap(&rules->rules[rules->count]);
        rules->count++;
    }
    free(copy);
    return rules;
}

void peer_rules_free(struct peer_rules **rules)
{
    free(*rules);
    *rules = NULL;
}

static bool same_network(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool peer_rules_match(const struct peer_rules *rules, const char *peer)
{
    struct peer_rule who = {0};

    if (!parse_address(peer, &who))
        return false;
    for (size_t i = 0; i < rules->count; i++) {
        const struct peer_rule *rule = &rules->rules[i];
        if (rule->family == who.family && same_network(rule->address, who.address, rule->bits))
            return true;
    }
    return false;
}

size_t peer_network(const char *peer, uint8_t network_out[PEER_NETWORK_BYTES])
{
    struct peer_rule who = {.family = AF_UNSPEC};
    size_t len = 0;

    (void)parse_address(peer, &who);
    if (who.family == AF_UNIX)
        return 0;
    if (who.family == AF_INET)
        len = 4;
    else if (who.family == AF_INET6)
        len = 8;
    network_out[0] = (uint8_t)who.family;
    memcpy(network_out + 1, who.address, len);
    return 1 + len;
}

/* The finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
 * 2014): every bit of the input reaches every bit of the output. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
}

uint64_t peer_client(const char *peer, uint64_t key)
{
    struct peer_rule who = {.family = AF_UNSPEC}; /* "unknown" stays that */
    uint64_t bits = 0;

    (void)parse_address(peer, &who);
    memcpy(&bits, who.address, sizeof(bits)); /* zero behind an IPv4 address */
    uint64_t client = mix(mix(key ^ bits) + (uint64_t)who.family);
    return client != 0 ? client : 1;
}

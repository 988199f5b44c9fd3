/* The relays' sections, all made of config_relay_keys.def: as keys, and as values;
 * and what must hold between the values of one. */
#include "reading.h"

const struct relay_keys relay_keys[RELAYS_MAX] = {
    {
#define RELAY_KEY(name, ...) CONFIG_KEY_smtp_##name,
#include "gatepost/config_relay_keys.def"
#undef RELAY_KEY
    },
    {
#define RELAY_KEY(name, ...) CONFIG_KEY_smtp2_##name,
#include "gatepost/config_relay_keys.def"
#undef RELAY_KEY
    },
    {
#define RELAY_KEY(name, ...) CONFIG_KEY_smtp3_##name,
#include "gatepost/config_relay_keys.def"
#undef RELAY_KEY
    },
    {
#define RELAY_KEY(name, ...) CONFIG_KEY_smtp4_##name,
#include "gatepost/config_relay_keys.def"
#undef RELAY_KEY
    },
};

struct relay_config config_relay(const struct config *config, unsigned number)
{
    BUG_ON(number >= RELAYS_MAX);
    const struct relay_config relays[RELAYS_MAX] = {
        {
            .section = "smtp",
#define RELAY_KEY(name_, ...) .name_ = config->smtp_##name_,
#include "gatepost/config_relay_keys.def"
#undef RELAY_KEY
        },
        {
            .section = "smtp2",
#define RELAY_KEY(name_, ...) .name_ = config->smtp2_##name_,
#include "gatepost/config_relay_keys.def"
#undef RELAY_KEY
        },
        {
            .section = "smtp3",
#define RELAY_KEY(name_, ...) .name_ = config->smtp3_##name_,
#include "gatepost/config_relay_keys.def"
#undef RELAY_KEY
        },
        {
            .section = "smtp4",
#define RELAY_KEY(name_, ...) .name_ = config->smtp4_##name_,
#include "gatepost/config_relay_keys.def"
#undef RELAY_KEY
        },
    };
    return relays[number];
}

bool config_has_relay(const struct config *config)
{
    for (unsigned i = 0; i < RELAYS_MAX; i++) {
        if (config_relay(config, i).host[0] != '\0')
            return true;
    }
    return false;
}

static void complain(struct reading *reading, enum config_key key, const char *sentence)
{
    const struct config_row *row = &config_rows[key];

    config_complain(reading, reading->config->texts[key].where, "%s.%s %s", row->section, row->name,
                    sentence);
}

static void check_token(struct reading *reading, const struct relay_config *relay,
                        const struct relay_keys *keys)
{
    bool has_file = relay->token_file[0] != '\0', has_command = relay->token_command[0] != '\0';
    enum config_key key = has_file ? keys->token_file : keys->token_command;

    if (has_file && has_command)
        complain(reading, keys->token_command, "and token_file: only one of them");
    if (has_command && relay->token_command[0] != '/')
        complain(reading, keys->token_command, "must begin with the path of a program, from / on");
    if ((has_file || has_command) && relay->user[0] == '\0')
        complain(reading, key, "is of no use without user");
    if ((has_file || has_command) &&
        (relay->auth == CONFIG_AUTH_PLAIN || relay->auth == CONFIG_AUTH_LOGIN))
        complain(reading, key, "is of no use with this auth");
    if (!has_file && !has_command && relay->auth == CONFIG_AUTH_XOAUTH2)
        complain(reading, keys->auth, "= xoauth2 needs token_file or token_command");
}

static void check_identity(struct reading *reading, const struct relay_config *relay,
                           const struct relay_keys *keys)
{
    bool has_cert = relay->client_cert[0] != '\0', has_key = relay->client_key[0] != '\0';

    if (has_cert && !has_key)
        complain(reading, keys->client_cert, "needs client_key");
    if (has_key && !has_cert)
        complain(reading, keys->client_key, "needs client_cert");
    if (has_cert && has_key && relay->tls == CONFIG_TLS_NONE)
        complain(reading, keys->client_cert, "is of no use without TLS");
}

void config_check_relays(struct reading *reading)
{
    for (unsigned i = 0; i < RELAYS_MAX; i++) {
        const struct relay_config relay = config_relay(reading->config, i);
        const struct config_text *texts = reading->config->texts;
        if (!texts[relay_keys[i].auth].broken)
            check_token(reading, &relay, &relay_keys[i]);
        if (!texts[relay_keys[i].tls].broken)
            check_identity(reading, &relay, &relay_keys[i]);
    }
}

/* The relays' sections, all made of config_relay_keys.def: as keys, and as values. */
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

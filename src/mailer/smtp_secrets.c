/* Reading what the relays' logins and TLS need, as whoever started the server. */
#include "transport.h"

static bool load_password(const struct config *config, unsigned number,
                          const struct relay_config *relay, struct secret *password_out,
                          struct err *err)
{
    struct err why = {""};

    if (number == 0 && config->smtp_password.len > 0) {
        secret_from_bytes(config->smtp_password.bytes, config->smtp_password.len, password_out);
        return true;
    }
    if (relay->password_file[0] == '\0' || secret_load(relay->password_file, 1, password_out, &why))
        return true;
    err_set(err, "%s.password_file: %.400s", relay->section, why.text);
    return false;
}

bool relay_secrets_load(const struct config *config, unsigned number,
                        struct relay_secrets *secrets_out, struct err *err)
{
    const struct relay_config relay = config_relay(config, number);
    struct relay_secrets secrets = {0};
    struct err why = {""};

    if (relay.host[0] != '\0' && relay.user[0] != '\0' &&
        !load_password(config, number, &relay, &secrets.password, err))
        return false;
    if (relay.host[0] != '\0' && relay.client_cert[0] != '\0' &&
        !identity_load(relay.client_cert, relay.client_key, &secrets.identity, &why)) {
        err_set(err, "%s.client_cert: %.400s", relay.section, why.text);
        relay_secrets_fini(&secrets);
        return false;
    }
    *secrets_out = secrets;
    return true;
}

void relay_secrets_fini(struct relay_secrets *secrets)
{
    secret_fini(&secrets->password);
    identity_fini(&secrets->identity);
}

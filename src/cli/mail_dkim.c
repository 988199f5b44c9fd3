/* `gatepost mail dkim`: what the DNS must say so that letters' signatures can be checked, one line
 * of a zone file for each of mail.dkim_keys. No server is asked; the key files are read. */
#include "mail.h"

#include <stdio.h>

#include "gatepost/dkim.h"
#include "gatepost/proc.h"

int cli_mail_dkim(struct mail_order *order)
{
    const struct config *config = order->config;
    char record[DKIM_RECORD_BYTES];
    struct err err;

    if (config->mail_dkim_keys[0] == '\0')
        return cli_fail("mail.dkim_keys is not set: letters go unsigned");
    struct dkim *dkim =
        dkim_open(config->mail_dkim_domain, config->mail_from, config->mail_dkim_keys, &err);
    if (dkim == NULL)
        return cli_fail(err.text);
    for (size_t i = 0; i < dkim_key_count(dkim); i++) {
        const unsigned bits = dkim_rsa_bits(dkim, i);
        if (bits > 0 && bits < DKIM_RSA_ADVISED)
            (void)printf("; RSA of %u bits; %d are advised (RFC 8301)\n", bits, DKIM_RSA_ADVISED);
        dkim_record(dkim, i, record);
        (void)printf("%s\n", record);
    }
    dkim_close(&dkim);
    return EXIT_DONE;
}

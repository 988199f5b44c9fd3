/* What goes to the relay, byte for byte.
 *
 * Our own letters are 7 bit on purpose: a relay that recodes breaks their signatures (RFC 6376
 * section 5.3). What is not, is declared where the relay offered to take it, and else not sent. */
#include "smtp_command.h"

#include <stdio.h>

/* Eight bytes at a time: every letter is looked at whole. */
static bool is_ascii(const char *bytes, size_t len)
{
    uint64_t all = 0, word = 0;

    for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        all |= word;
    }
    for (; len > 0; bytes++, len--)
        all |= (unsigned char)*bytes;
    return (all & 0x8080808080808080) == 0;
}

static size_t header_len(struct slice letter)
{
    const char *end = memmem(letter.at, letter.len, "\r\n\r\n", 4);

    return end == NULL ? letter.len : (size_t)(end - letter.at);
}

struct smtp_needs smtp_needs_of(const char *from, const char *to, struct slice letter)
{
    struct smtp_needs needs = {.len = letter.len};

    needs.eightbit = !is_ascii(letter.at, letter.len);
    needs.utf8 = !is_ascii(from, strlen(from)) || !is_ascii(to, strlen(to)) ||
                 (needs.eightbit && !is_ascii(letter.at, header_len(letter)));
    return needs;
}

bool smtp_offers_suffice(const struct smtp_offers *offers, const struct smtp_needs *needs,
                         struct err *why)
{
    if (offers->size_max > 0 && needs->len > offers->size_max)
        err_set(why, "not sent: the letter has %zu bytes, and the relay takes at most %llu (SIZE)",
                needs->len, (unsigned long long)offers->size_max);
    else if (needs->utf8 && !offers->utf8)
        err_set(why, "not sent: an address or the header is not ASCII, and the relay does not "
                     "offer SMTPUTF8");
    else if (needs->eightbit && !offers->eightbit)
        err_set(why, "not sent: the letter is not 7 bit, and the relay does not offer 8BITMIME");
    else
        return true;
    return false;
}

static int write_mail(const struct smtp_dialogue *dialogue, const struct smtp_envelope *envelope,
                      char *out, size_t out_bytes)
{
    const struct smtp_offers *offers = &dialogue->offers;
    char size[32] = "";

    if (offers->size)
        snprintf(size, sizeof(size), " SIZE=%zu", envelope->needs.len);
    return snprintf(out, out_bytes, "%sMAIL FROM:<%s>%s%s%s\r\n",
                    dialogue->awaits_reset ? "RSET\r\n" : "", envelope->from, size,
                    envelope->needs.eightbit && offers->eightbit ? " BODY=8BITMIME" : "",
                    envelope->needs.utf8 && offers->utf8 ? " SMTPUTF8" : "");
}

size_t smtp_command_write(const struct smtp_dialogue *dialogue,
                          const struct smtp_envelope *envelope,
                          char commands_out[SMTP_COMMANDS_MAX_BYTES])
{
    int len = 0;

    if (dialogue->stage == SMTP_STAGE_MAIL)
        len = write_mail(dialogue, envelope, commands_out, SMTP_COMMANDS_MAX_BYTES);
    BUG_ON(len < 0 || len >= SMTP_COMMANDS_MAX_BYTES);
    size_t at = (size_t)len;
    if (dialogue->stage == SMTP_STAGE_RCPT || (at > 0 && dialogue->offers.pipelining))
        len += snprintf(commands_out + at, SMTP_COMMANDS_MAX_BYTES - at, "RCPT TO:<%s>\r\n%s",
                        envelope->to, at > 0 ? "DATA\r\n" : "");
    else if (dialogue->stage == SMTP_STAGE_DATA)
        len = snprintf(commands_out, SMTP_COMMANDS_MAX_BYTES, "DATA\r\n");
    BUG_ON(len <= 0 || len >= SMTP_COMMANDS_MAX_BYTES);
    return (size_t)len;
}

size_t smtp_letter_stuff(struct slice letter, char *wire_out)
{
    const char *at = letter.at, *end = letter.at + letter.len;
    char *out = wire_out;

    BUG_ON(letter.len < 2 || memcmp(end - 2, "\r\n", 2) != 0);
    while (at < end) {
        size_t line_len = (size_t)((const char *)memchr(at, '\n', (size_t)(end - at)) + 1 - at);
        if (*at == '.')
            *out++ = '.';
        memcpy(out, at, line_len);
        out += line_len;
        at += line_len;
    }
    memcpy(out, ".\r\n", 3);
    return (size_t)(out - wire_out) + 3;
}

/* A transaction has one recipient, so its replies come in a fixed order: (RSET,) MAIL, RCPT, DATA,
 * the dot. With pipelining the first three commands are under way together: when RCPT is refused,
 * DATA's reply still comes and has to be read, or the next transaction would take it for its own.
 *
 * Invariant: `code` is 0 until the reply came that ends the transaction, and belongs to `stage`. */
#include "smtp_reply.h"

#include <strings.h>

void smtp_dialogue_connect(struct smtp_dialogue *dialogue)
{
    dialogue->stage = SMTP_STAGE_SESSION;
    dialogue->offers = (struct smtp_offers){0};
    dialogue->logged_in = false;
    dialogue->session_code = 0;
    dialogue->out_of_step = false;
    dialogue->code = 0;
    dialogue->text_is_whole = true;
    dialogue->line_len = 0;
    dialogue->text_len = 0;
}

void smtp_dialogue_begin(struct smtp_dialogue *dialogue, bool with_reset)
{
    dialogue->stage = SMTP_STAGE_MAIL;
    dialogue->awaits_reset = with_reset;
    dialogue->refused = false;
    dialogue->code = 0;
    dialogue->text_is_whole = true;
    dialogue->line_len = 0;
    dialogue->text_len = 0;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* The three digits at the front, or 0. */
static unsigned reply_code(struct slice line)
{
    if (line.len < 3 || !is_digit(line.at[0]) || !is_digit(line.at[1]) || !is_digit(line.at[2]))
        return 0;
    return (unsigned)(line.at[0] - '0') * 100 + (unsigned)(line.at[1] - '0') * 10 +
           (unsigned)(line.at[2] - '0');
}

static struct slice without_line_end(struct slice line)
{
    while (line.len > 0 && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r'))
        line.len--;
    return line;
}

/* Keeps what fits; anything but printable ASCII becomes a question mark. Returns true when the
 * line ends its reply. */
static bool keep_text(struct smtp_dialogue *dialogue, struct slice line)
{
    if (dialogue->text_is_whole)
        dialogue->text_len = 0;
    else if (dialogue->text_len > 0 && dialogue->text_len < sizeof(dialogue->text))
        dialogue->text[dialogue->text_len++] = ' ';
    for (size_t i = 0; i < line.len && dialogue->text_len < sizeof(dialogue->text); i++) {
        bool printable = line.at[i] >= 0x20 && line.at[i] < 0x7f;
        dialogue->text[dialogue->text_len++] = printable ? line.at[i] : '?';
    }
    dialogue->text_is_whole = line.len < 4 || line.at[3] != '-';
    return dialogue->text_is_whole;
}

/* The keyword at the line's front, up to a space; what follows is its parameters. */
static bool takes_keyword(struct slice *words, const char *keyword)
{
    size_t len = strlen(keyword);

    if (words->len < len || strncasecmp(words->at, keyword, len) != 0 ||
        (words->len > len && words->at[len] != ' '))
        return false;
    words->at += len;
    words->len -= len;
    return true;
}

/* " 52428800". Nothing, nonsense and what no letter comes near are no limit. */
static uint64_t size_limit(struct slice words)
{
    uint64_t limit = 0;
    size_t at = words.len > 0 ? 1 : 0;

    for (; at < words.len && is_digit(words.at[at]) && limit < UINT32_MAX; at++)
        limit = limit * 10 + (uint64_t)(words.at[at] - '0');
    return at == words.len ? limit : 0;
}

static void note_offer(struct smtp_offers *offers, struct slice words)
{
    if (takes_keyword(&words, "PIPELINING")) {
        offers->pipelining = true;
    } else if (takes_keyword(&words, "8BITMIME")) {
        offers->eightbit = true;
    } else if (takes_keyword(&words, "SMTPUTF8")) {
        offers->utf8 = true;
    } else if (takes_keyword(&words, "ENHANCEDSTATUSCODES")) {
        offers->enhanced_codes = true;
    } else if (takes_keyword(&words, "SIZE")) {
        offers->size = true;
        offers->size_max = size_limit(words);
    }
}

/* What EHLO offered before STARTTLS does not count: each 220 (greeting, STARTTLS) starts afresh.
 * The first line of EHLO's reply is the relay's name, whatever it is called. */
bool smtp_dialogue_session_line(struct smtp_dialogue *dialogue, struct slice line)
{
    bool is_first = dialogue->text_is_whole;

    line = without_line_end(line);
    (void)keep_text(dialogue, line);
    dialogue->session_code = reply_code(line);
    if (dialogue->session_code < 200 || dialogue->session_code > 599 ||
        (line.len > 3 && line.at[3] != ' ' && line.at[3] != '-'))
        return false;
    if (dialogue->session_code == 220)
        dialogue->offers = (struct smtp_offers){0};
    else if (dialogue->session_code == 235)
        dialogue->logged_in = true;
    else if (dialogue->session_code == 250 && !is_first && line.len > 4)
        note_offer(&dialogue->offers, slice_of(line.at + 4, line.len - 4));
    return true;
}

static enum smtp_step end(struct smtp_dialogue *dialogue, unsigned code)
{
    dialogue->code = code;
    return SMTP_STEP_END;
}

/* A no after which the connection goes on as if nothing had been. */
static bool is_plain_no(unsigned code)
{
    enum smtp_answer answer = smtp_answer_of_code(code);
    return answer == SMTP_ANSWER_LATER || answer == SMTP_ANSWER_NO || answer == SMTP_ANSWER_LOCKED;
}

/* The reply to MAIL or RCPT was good. */
static enum smtp_step next_command(struct smtp_dialogue *dialogue)
{
    dialogue->stage = dialogue->stage == SMTP_STAGE_MAIL ? SMTP_STAGE_RCPT : SMTP_STAGE_DATA;
    return dialogue->offers.pipelining ? SMTP_STEP_WAIT : SMTP_STEP_COMMAND;
}

static enum smtp_step on_envelope_reply(struct smtp_dialogue *dialogue, unsigned code)
{
    bool good = smtp_answer_of_code(code) == SMTP_ANSWER_YES;

    if (dialogue->awaits_reset && code != 421) {
        dialogue->awaits_reset = false;
        return SMTP_STEP_WAIT;
    }
    if (good)
        return next_command(dialogue);
    if (dialogue->stage == SMTP_STAGE_RCPT && dialogue->offers.pipelining && is_plain_no(code)) {
        dialogue->refused = true;
        dialogue->code = code;
        return SMTP_STEP_WAIT;
    }
    /* A refused MAIL with two more replies to come, nonsense, or a relay that leaves. */
    dialogue->out_of_step = dialogue->offers.pipelining || !is_plain_no(code);
    return end(dialogue, code);
}

static enum smtp_step on_data_reply(struct smtp_dialogue *dialogue, unsigned code)
{
    if (code == 354)
        return SMTP_STEP_LETTER;
    dialogue->out_of_step = !is_plain_no(code);
    return end(dialogue, code);
}

static enum smtp_step on_reply(struct smtp_dialogue *dialogue, unsigned code)
{
    if (dialogue->refused) { /* DATA's reply; 354 would want a letter that has no recipient */
        dialogue->out_of_step = !is_plain_no(code);
        return SMTP_STEP_END;
    }
    switch (dialogue->stage) {
    case SMTP_STAGE_MAIL:
    case SMTP_STAGE_RCPT:
        return on_envelope_reply(dialogue, code);
    case SMTP_STAGE_DATA:
        return on_data_reply(dialogue, code);
    case SMTP_STAGE_SESSION:
    case SMTP_STAGE_DOT:
        dialogue->out_of_step = !is_plain_no(code) && smtp_answer_of_code(code) != SMTP_ANSWER_YES;
        return end(dialogue, code);
    case SMTP_STAGES:
        break;
    }
    BUG_ON(true);
    return SMTP_STEP_END;
}

/* A whole line. The text of the reply that refused the recipient is kept. */
static enum smtp_step take_line(struct smtp_dialogue *dialogue)
{
    struct slice line = without_line_end(slice_of(dialogue->line, dialogue->line_len));
    bool whole;

    dialogue->line_len = 0;
    if (dialogue->refused)
        whole = line.len < 4 || line.at[3] != '-';
    else
        whole = keep_text(dialogue, line);
    return whole ? on_reply(dialogue, reply_code(line)) : SMTP_STEP_WAIT;
}

enum smtp_step smtp_dialogue_feed(struct smtp_dialogue *dialogue, struct slice *bytes)
{
    while (bytes->len > 0) {
        char byte = *bytes->at++;
        bytes->len--;
        if (dialogue->line_len < sizeof(dialogue->line))
            dialogue->line[dialogue->line_len++] = byte;
        if (byte != '\n')
            continue;
        enum smtp_step step = take_line(dialogue);
        if (step != SMTP_STEP_WAIT)
            return step;
    }
    return SMTP_STEP_WAIT;
}

void smtp_dialogue_letter_sent(struct smtp_dialogue *dialogue)
{
    BUG_ON(dialogue->stage != SMTP_STAGE_DATA);
    dialogue->stage = SMTP_STAGE_DOT;
}

enum smtp_answer smtp_dialogue_answer(const struct smtp_dialogue *dialogue)
{
    return smtp_answer_of_code(dialogue->code);
}

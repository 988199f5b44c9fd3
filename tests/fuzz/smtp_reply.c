/* A relay that says anything: the dialogue ends or waits, and its text stays printable. */
#include "mailer/smtp_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(const struct smtp_dialogue *dialogue)
{
    BUG_ON(dialogue->stage >= SMTP_STAGES);
    BUG_ON(dialogue->text_len > sizeof(dialogue->text));
    BUG_ON(dialogue->line_len > sizeof(dialogue->line));
    for (size_t i = 0; i < dialogue->text_len; i++)
        BUG_ON(dialogue->text[i] < 0x20 || dialogue->text[i] > 0x7e);
    (void)verdict_of(dialogue->stage, smtp_dialogue_answer(dialogue));
}

/* The first byte: pipelining, RSET before, and how many lines are the session's. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct smtp_dialogue dialogue;
    if (len == 0)
        return 0;
    uint8_t how = bytes[0];
    struct slice rest = slice_of(bytes + 1, len - 1);

    smtp_dialogue_connect(&dialogue);
    for (unsigned i = 0; i < (how >> 2) % 8U && rest.len > 0; i++) {
        const char *end = memchr(rest.at, '\n', rest.len);
        size_t line_len = end == NULL ? rest.len : (size_t)(end - rest.at) + 1;
        (void)smtp_dialogue_session_line(&dialogue, slice_of(rest.at, line_len));
        rest = slice_of(rest.at + line_len, rest.len - line_len);
        check(&dialogue);
    }
    dialogue.offers.pipelining = (how & 1) != 0;
    smtp_dialogue_begin(&dialogue, (how & 2) != 0);
    while (rest.len > 0) {
        enum smtp_step step = smtp_dialogue_feed(&dialogue, &rest);
        check(&dialogue);
        if (step == SMTP_STEP_LETTER)
            smtp_dialogue_letter_sent(&dialogue);
        BUG_ON(step == SMTP_STEP_WAIT && rest.len > 0);
        BUG_ON(step == SMTP_STEP_COMMAND && dialogue.offers.pipelining);
        if (step == SMTP_STEP_END)
            break;
    }
    return 0;
}

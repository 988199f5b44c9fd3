/* See redact.h. */
#include "redact.h"

#include "gatepost/proof_token.h"

static bool is_token_byte(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

void redact_tokens(char *text, size_t len)
{
    const size_t token_len = PROOF_TOKEN_TEXT_BYTES - 1;

    for (size_t at = 0; at < len;) {
        size_t run = 0;
        while (at + run < len && is_token_byte(text[at + run]))
            run++;
        if (run >= token_len)
            memset(text + at, '*', run);
        at += run + 1;
    }
}

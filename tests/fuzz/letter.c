/* A mail job of any bytes: what passes the check makes a letter that is safe on the wire. And the
 * encodings by themselves, which the words of a letter use little of. */
#include "lib/letter/mime.h"
#include "mailer/hand.h"
#include "mailer/job.h"
#include "mailer/message.h"
#include "mailer/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_wire_form(const char *letter, size_t len)
{
    size_t line_len = 0, recipients = 0;
    bool in_header = true;

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)letter[i];
        BUG_ON(byte != '\r' && byte != '\n' && (byte < 0x20 || byte > 0x7e));
        BUG_ON(byte == '\n' && (i == 0 || letter[i - 1] != '\r'));
        BUG_ON(byte == '\r' && (i + 1 == len || letter[i + 1] != '\n'));
        in_header &= !(line_len == 0 && byte == '\r' && i > 0);
        if (in_header && line_len == 0 && len - i > 4 && memcmp(letter + i, "To: ", 4) == 0)
            recipients++;
        line_len = byte == '\n' ? 0 : line_len + (byte != '\r');
        BUG_ON(line_len > MIME_LINE_MAX_BYTES);
    }
    BUG_ON(recipients != 1);
    BUG_ON(len < 2 || memcmp(letter + len - 2, "\r\n", 2) != 0);
}

static void on_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    (void)where;
    (void)sentence;
    BUG_ON("a letter that is built in has a problem");
}

/* The input: how the job is packed is part of what is tried, so it is taken as it is; and once more
 * with its head set right, or the fuzzer would rarely come past it. */
static void try_job(struct slice packed)
{
    static char letter[LETTER_MAX_BYTES];
    static uint8_t key_bytes[32] = "0123456789abcdef0123456789abcde";
    const struct secret key = {key_bytes, sizeof(key_bytes)};
    static struct letter_set *letters;
    if (letters == NULL)
        letters = letter_set_load("", "en", on_problem, NULL);
    const struct letter_head heads[] = {
        {.from = "post@example.org",
         .public_url = "https://id.example.org",
         .mail_key = &key,
         .letters = letters},
        {.from = "gatepost@localhost",
         .public_url = "http://[2001:db8::1]:8000",
         .mail_key = &key,
         .letters = letters,
         .from_name = "Konten, \"alle\" \xc3\xa4",
         .reply_to = "help@example.org",
         .feedback_id = "a:b:gatepost",
         .list_unsubscribe = "https://example.org/settings"},
    };
    struct mail_job job;
    size_t len;

    if (!job_read(packed, &job))
        return;
    struct hand *hand = hand_new(1, 1);
    BUG_ON(hand_take(hand, &job, HAND_SEEN_IN_LANE, 0, 0) != HAND_TAKEN);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        if (message_compose(&heads[i], hand_first(hand, DELIVERY_WAITING), 0, letter,
                            sizeof(letter), &len) == COMPOSED)
            check_wire_form(letter, len);
    }
    hand_free(&hand);
}

/* One header of any bytes, and a body part of them: refused, or safe lines of it. */
static void try_mime(struct slice value)
{
    static char text[16384];
    struct packer packer = packer_over(text, sizeof(text));

    mime_header(&packer, "To", value);
    if (packer.overflow)
        packer = packer_over(text, sizeof(text)); /* refused */
    else
        check_wire_form(text, packer.len);
    packer.len = 0;
    mime_address_header(&packer, "To", value, SLICE_LITERAL("a@example.org"));
    if (packer.overflow)
        packer = packer_over(text, sizeof(text));
    else
        check_wire_form(text, packer.len);
    packer.len = 0;
    mime_raw(&packer, "To: a\r\n");
    mime_part(&packer, "text/plain", value);
    if (!packer.overflow)
        check_wire_form(text, packer.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t packed[2048];
    struct packer packer = packer_over(packed, sizeof(packed));
    const struct mail_job job = {
        .purpose = MAIL_VERIFY,
        .to = SLICE_LITERAL("anna@example.com"),
        .username = slice_of(bytes, len < 1024 ? len : 1024),
        .created = 1795445507000,
        .expires = 1795531907000,
    };

    try_mime(slice_of(bytes, len < 2048 ? len : 2048));
    try_job(slice_of(bytes, len));
    mail_job_pack(&packer, &job);
    try_job(packer_slice(&packer));
    return 0;
}

/* The rows of a sign-up packed and unpacked, and its ask; beside the plain copy of as many bytes.
 */
#include <stdlib.h>

#include "gatepost/store_messages.h"
#include "operations.h"
#include "store/record.h"

#define NOW 4102444800000LL
#define PASSWORD                                                                                   \
    "pbkdf2_sha256$600000$abcdefghijklmnopqrstuv$0123456789012345678901234567890123456789abc="

struct packed {
    uint8_t bytes[2048];
    size_t len;
};
static struct packed user, letter, ask, job, copy;

static struct packer over(struct packed *packed)
{
    return packer_over(packed->bytes, sizeof(packed->bytes));
}

static struct slice slice_over(const struct packed *packed)
{
    return slice_of(packed->bytes, packed->len);
}

/* What is packed is looked at, else the compiler would leave it out. */
static void keep(struct packed *packed, const struct packer *packer)
{
    BUG_ON(packer->overflow);
    packed->len = packer->len;
    __asm__ volatile("" : : "r"(packed->bytes) : "memory");
}

static void pack_user(int argument)
{
    struct packer packer = over(&user);

    (void)argument;
    user_row_pack(&packer, &(struct user_row){
                               .subject = SLICE_LITERAL("0190a5a4-7c00-7000-8000-000000000001"),
                               .username = SLICE_LITERAL("person123456"),
                               .username_key = SLICE_LITERAL("person123456"),
                               .email = SLICE_LITERAL("person123456@example.com"),
                               .email_key = SLICE_LITERAL("person123456@example.com"),
                               .password = SLICE_LITERAL(PASSWORD),
                               .language = SLICE_LITERAL("de"),
                               .active = 1,
                               .date_joined = NOW});
    keep(&user, &packer);
}

static void unpack_user(int argument)
{
    struct user_row row;

    (void)argument;
    BUG_ON(!user_row_unpack(slice_over(&user), &row) || row.active != 1);
}

static void pack_job(void)
{
    struct packer packer = over(&job);

    mail_job_pack(&packer, &(struct mail_job){.purpose = MAIL_VERIFY,
                                              .to = SLICE_LITERAL("person123456@example.com"),
                                              .username = SLICE_LITERAL("person123456"),
                                              .language = SLICE_LITERAL("de"),
                                              .created = NOW,
                                              .expires = NOW + 86400000});
    keep(&job, &packer);
}

static void pack_letter(int argument)
{
    struct packer packer = over(&letter);

    (void)argument;
    letter_row_pack(&packer,
                    &(struct letter_row){.due = NOW, .created = NOW, .job = slice_over(&job)});
    keep(&letter, &packer);
}

static void unpack_letter(int argument)
{
    struct letter_row row;
    struct mail_job content;

    (void)argument;
    BUG_ON(!letter_row_unpack(slice_over(&letter), &row) || !mail_job_unpack(row.job, &content));
}

static void pack_ask(int argument)
{
    struct packer packer = over(&ask);

    (void)argument;
    account_create_ask_pack(&packer, &(struct account_create_ask){
                                         .username = SLICE_LITERAL("person123456"),
                                         .username_key = SLICE_LITERAL("person123456"),
                                         .email = SLICE_LITERAL("person123456@example.com"),
                                         .email_key = SLICE_LITERAL("person123456@example.com"),
                                         .password = SLICE_LITERAL(PASSWORD),
                                         .job = slice_over(&job),
                                         .peer = SLICE_LITERAL("192.0.2.1"),
                                         .now = NOW});
    keep(&ask, &packer);
}

static void unpack_ask(int argument)
{
    struct account_create_ask message;

    (void)argument;
    BUG_ON(!account_create_ask_unpack(slice_over(&ask), &message) || message.now != NOW);
}

static void copy_user(int argument)
{
    (void)argument;
    memcpy(copy.bytes, user.bytes, user.len);
    __asm__ volatile("" : : "r"(copy.bytes) : "memory");
}

int main(void)
{
    static const struct operation operations[] = {
        {"user_pack_ns", pack_user, 50000, 0},          {"user_unpack_ns", unpack_user, 50000, 0},
        {"user_copy_ns", copy_user, 50000, 0},          {"letter_pack_ns", pack_letter, 50000, 0},
        {"letter_unpack_ns", unpack_letter, 50000, 0},  {"signup_ask_pack_ns", pack_ask, 50000, 0},
        {"signup_ask_unpack_ns", unpack_ask, 50000, 0},
    };

    pack_job();
    operations_print(operations, ARRAY_LEN(operations));
    return 0;
}

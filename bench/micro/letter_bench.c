/* What a letter costs the mailer before it is handed over: composing alone, and with a DKIM
 * signature by each kind of key. CPU time of this thread, in turn over several rounds, medians; the
 * last line is one JSON object. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/dkim.h"
#include "mailer/hand.h"
#include "mailer/message.h"
#include "mailer/transport.h"

#include "../temporary_folder.h"
#include "timing.h"

#define ROUNDS 5
#define NOW_MS 1800000000000

static struct hand *hand;
static struct letter_head head;

static void compose(void)
{
    static char letter[LETTER_MAX_BYTES];
    size_t len;

    BUG_ON(message_compose(&head, hand_first(hand, DELIVERY_WAITING), NOW_MS, letter,
                           sizeof(letter), &len) != COMPOSED);
}

static void write_key(const char *path, EVP_PKEY *pair)
{
    FILE *file = fopen(path, "w");

    BUG_ON(file == NULL || fchmod(fileno(file), 0600) != 0 ||
           PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL) != 1);
    fclose(file);
    EVP_PKEY_free(pair);
}

/* "a:<folder>/ed", or NULL for no keys at all. */
static struct dkim *signer(const char *folder, const char *first, const char *second)
{
    char keys[512];
    struct err err;

    if (first == NULL)
        return NULL;
    snprintf(keys, sizeof(keys), second == NULL ? "a:%s/%s" : "a:%s/%s,b:%s/%s", folder, first,
             folder, second);
    struct dkim *dkim = dkim_open("", "post@id.example.org", keys, &err);
    BUG_ON(dkim == NULL);
    return dkim;
}

static double measure_us(size_t repeats)
{
    double began = cpu_ns();

    for (size_t i = 0; i < repeats; i++)
        compose();
    return (cpu_ns() - began) / 1e3 / (double)repeats;
}

static void on_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    fprintf(stderr, "letter_bench: %s: %s\n", where, sentence);
}

static void take_job(void)
{
    struct mail_job job = {
        .purpose = MAIL_VERIFY,
        .to = SLICE_LITERAL("person1@example.com"),
        .username = SLICE_LITERAL("person1"),
        .created = NOW_MS,
        .expires = NOW_MS + 86400000,
    };

    job.job_id = uuid_new(NOW_MS);
    job.proof_id = uuid_new(NOW_MS);
    hand = hand_new(4, 4);
    BUG_ON(hand_take(hand, &job, HAND_SEEN_IN_LANE, 0, 0) != HAND_TAKEN);
}

static const char *const key_names[] = {"ed", "rsa1024", "rsa2048"};

static void write_keys(const char *folder)
{
    char path[TEMPORARY_FOLDER_BYTES + 32];

    for (unsigned i = 0; i < ARRAY_LEN(key_names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, key_names[i]);
        write_key(path, i == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_RSA_gen(i * 1024));
    }
}

static void remove_keys(const char *folder)
{
    char path[TEMPORARY_FOLDER_BYTES + 32];

    for (unsigned i = 0; i < ARRAY_LEN(key_names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, key_names[i]);
        unlink(path);
    }
}

int main(void)
{
    static const struct {
        const char *name, *first, *second;
        size_t repeats;
    } kinds[] = {
        {"unsigned", NULL, NULL, 5000},
        {"ed25519", "ed", NULL, 2000},
        {"rsa1024", "rsa1024", NULL, 1000},
        {"rsa2048", "rsa2048", NULL, 500},
        {"rsa2048_and_ed25519", "rsa2048", "ed", 500},
    };
    static const uint8_t key_bytes[32] = "0123456789abcdef0123456789abcde";
    char folder[TEMPORARY_FOLDER_BYTES];
    double us[ARRAY_LEN(kinds)][ROUNDS];
    struct dkim *signers[ARRAY_LEN(kinds)];
    struct secret key;

    temporary_folder("letter_bench", folder);
    write_keys(folder);
    secret_from_bytes(key_bytes, sizeof(key_bytes), &key);
    take_job();
    struct letter_set *letters = letter_set_load("", "en", on_problem, NULL);
    BUG_ON(letters == NULL);
    head = (struct letter_head){.from = "post@id.example.org",
                                .public_url = "https://id.example.org",
                                .mail_key = &key,
                                .letters = letters};
    for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++)
        signers[kind] = signer(folder, kinds[kind].first, kinds[kind].second);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
            head.dkim = signers[kind];
            us[kind][round] = measure_us(kinds[kind].repeats);
        }
    }
    printf("{");
    for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
        printf("%s\"%s_us\": %.1f", kind > 0 ? ", " : "", kinds[kind].name,
               median(us[kind], ROUNDS));
        dkim_close(&signers[kind]);
    }
    printf("}\n");
    letter_set_free(&letters);
    hand_free(&hand);
    secret_fini(&key);
    remove_keys(folder);
    return rmdir(folder);
}

/* The file transport: a name that ends in .eml is a whole letter. */
#include "mailer/transport.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char mail_dir[96];
static struct transport *transport;
static size_t outcomes;
static struct outcome last;
static char last_reply[256];

static void on_outcome(void *context, struct delivery *delivery, const struct outcome *outcome)
{
    (void)context;
    (void)delivery;
    outcomes++;
    last = *outcome;
    assert_true(slice_to_text(outcome->reply, last_reply, sizeof(last_reply)));
}

static size_t waits;

static void on_wait(void *context)
{
    (void)context;
    waits++;
}

static int open_transport(void **state)
{
    struct config config = {.mail_dir = mail_dir};
    struct err err = {""};
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_file.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(mail_dir, sizeof(mail_dir), "%s/mail", folder);
    transport = file_open(&config, &err);
    assert_non_null(transport);
    transport->on_outcome = on_outcome;
    transport->on_wait = on_wait;
    outcomes = 0;
    waits = 0;
    return 0;
}

static int close_transport(void **state)
{
    char command[128];
    (void)state;
    transport->close(&transport);
    assert_null(transport);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static struct delivery *delivery_number(uint8_t number)
{
    static struct delivery *deliveries[64]; /* reachable for as long as the tests run */
    if (deliveries[number] == NULL)
        deliveries[number] = xcalloc(1, sizeof(struct delivery) + 1);
    memset(deliveries[number]->job_id.bytes, number, UUID_BYTES);
    return deliveries[number];
}

static void send_text(uint8_t number, const char *text)
{
    transport->send(transport, delivery_number(number), slice_of_text(text));
}

static size_t names_that_end_in(const char *suffix)
{
    DIR *dir = opendir(mail_dir);
    size_t count = 0;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len >= strlen(suffix) && strcmp(entry->d_name + len - strlen(suffix), suffix) == 0)
            count++;
    }
    closedir(dir);
    return count;
}

static void expect_file(const char *name, const char *text)
{
    char path[256], content[64] = "";
    struct stat info;
    snprintf(path, sizeof(path), "%s/%s", mail_dir, name);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(content, 1, sizeof(content) - 1, file);
    fclose(file);
    assert_int_equal(len, strlen(text));
    assert_string_equal(content, text);
}

static void test_a_letter_becomes_a_private_file_named_after_its_job(void **state)
{
    struct stat info;
    (void)state;
    send_text(1, "Hello\r\n");
    assert_int_equal(outcomes, 0);
    assert_int_equal(names_that_end_in(".eml"), 0);
    assert_true(transport->work(transport));
    assert_int_equal(outcomes, 1);
    assert_int_equal(last.judgement.verdict, VERDICT_DELIVERED);
    expect_file("01010101-0101-0101-0101-010101010101.eml", "Hello\r\n");
    assert_int_equal(stat(mail_dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(names_that_end_in(".tmp"), 0);
}

static void test_a_repeat_replaces_itself(void **state)
{
    (void)state;
    send_text(1, "Hello, a longer one\r\n");
    assert_true(transport->work(transport));
    send_text(1, "Hello\r\n");
    assert_true(transport->work(transport));
    assert_int_equal(names_that_end_in(".eml"), 1);
    expect_file("01010101-0101-0101-0101-010101010101.eml", "Hello\r\n");
}

static void test_a_batch_is_written_and_told_one_by_one(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < transport->relays[0].lanes; i++)
        send_text(i, "Hello\r\n");
    assert_true(transport->work(transport));
    assert_int_equal(outcomes, transport->relays[0].lanes);
    assert_int_equal(names_that_end_in(".eml"), transport->relays[0].lanes);
    assert_false(transport->work(transport));
}

static void test_a_slow_disk_leaves_a_life_sign_before_every_wait(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 5; i++)
        send_text(i, "Hello\r\n");
    assert_true(transport->work(transport));
    assert_int_equal(waits, 5 + 5 + 1); /* each write, each flush, the folder's */
}

static void test_a_disk_that_refuses_is_no_fault_of_the_letter(void **state)
{
    char path[256];
    (void)state;
    /* A folder where the temporary file should be: fails for root too. */
    snprintf(path, sizeof(path), "%s/01010101-0101-0101-0101-010101010101.tmp", mail_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    send_text(1, "Hello\r\n");
    send_text(2, "Hello\r\n");
    assert_true(transport->work(transport));
    assert_int_equal(outcomes, 2);
    assert_int_equal(last.judgement.verdict, VERDICT_DELIVERED);
    assert_int_equal(names_that_end_in(".eml"), 1);
    send_text(1, "Hello\r\n");
    assert_true(transport->work(transport));
    assert_int_equal(last.judgement.verdict, VERDICT_RELAY);
    assert_true(last.judgement.relay_troubled);
    assert_int_equal(last.trouble, TROUBLE_DISK);
    assert_non_null(strstr(last_reply, "mail.dir: "));
}

static void test_a_link_in_the_place_of_a_letter_is_not_followed(void **state)
{
    char link[256], target[256];
    (void)state;
    snprintf(link, sizeof(link), "%s/01010101-0101-0101-0101-010101010101.tmp", mail_dir);
    snprintf(target, sizeof(target), "%s/target", folder);
    assert_int_equal(symlink(target, link), 0);
    send_text(1, "Hello\r\n");
    assert_true(transport->work(transport));
    assert_int_equal(last.judgement.verdict, VERDICT_RELAY);
    assert_int_equal(access(target, F_OK), -1);
}

static void test_a_folder_that_cannot_be_is_a_sentence(void **state)
{
    struct config config = {.mail_dir = "/proc/no/such"};
    struct err err = {""};
    (void)state;
    assert_null(file_open(&config, &err));
    assert_non_null(strstr(err.text, "mail.dir: /proc/no/such"));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, open_transport, close_transport)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_a_letter_becomes_a_private_file_named_after_its_job),
        WITH_FOLDER(test_a_repeat_replaces_itself),
        WITH_FOLDER(test_a_batch_is_written_and_told_one_by_one),
        WITH_FOLDER(test_a_slow_disk_leaves_a_life_sign_before_every_wait),
        WITH_FOLDER(test_a_disk_that_refuses_is_no_fault_of_the_letter),
        WITH_FOLDER(test_a_link_in_the_place_of_a_letter_is_not_followed),
        cmocka_unit_test(test_a_folder_that_cannot_be_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

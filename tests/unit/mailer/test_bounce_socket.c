/* mail.bounce_socket in the whole process: what becomes of reports, and what peers cannot do. */
#include "mailer_rig.h"

#include <errno.h>
#include <sys/un.h>

#include "gatepost/fault.h"
#include "mailer/lmtp_server.h"
#include "mailer/return_path.h"

static struct rig rig;
static struct sockaddr_un address;
static struct uuid job_id;
static char job[UUID_TEXT_BYTES];
static char seen[65536]; /* of the peer that talked last */

static int start(void **state)
{
    static const char *const overrides[] = {"mail.return_path=bounces@localhost"};

    (void)state;
    rig_open(&rig, overrides, 1);
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%.64s/bounce.sock", rig.folder);
    rig.bounce_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(rig.bounce_fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(rig.bounce_fd, 128), 0);
    rig_start(&rig);
    assert_true(rig_serve(&rig, rig_is_ready, RIG_WAIT_MS));
    job_id = uuid_new(clock_wall_ms());
    uuid_format(&job_id, job);
    return 0;
}

static int stop(void **state)
{
    (void)state;
#ifdef GATEPOST_FAULTS
    fault_disarm_all();
#endif
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    close(rig.bounce_fd);
    rig_close(&rig);
    return 0;
}

static int connect_peer(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* What the peer gets, up to the expected text; the store serves meanwhile. False: it did not come
 * in time, or the end did. */
static bool hears(int fd, const char *expected, unsigned for_ms)
{
    mono_ns end = clock_mono_ns() + for_ms * NS_PER_MS;
    size_t len = 0;

    seen[0] = '\0';
    while (clock_mono_ns() < end) {
        ssize_t got = recv(fd, seen + len, sizeof(seen) - 1 - len, MSG_DONTWAIT);
        if (got == 0)
            return strcmp(expected, "") == 0;
        if (got > 0) {
            len += (size_t)got;
            seen[len] = '\0';
        }
        if (expected[0] != '\0' && strstr(seen, expected) != NULL)
            return true;
        (void)rig_serve(&rig, NULL, 2);
    }
    return false;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static const char *report_of(const char *recipient, const char *id)
{
    static char text[2048];

    snprintf(text, sizeof(text),
             "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
             "Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; %s\r\n"
             "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no such user\r\n\r\n"
             "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <%s@localhost>\r\n\r\n"
             "--b--\r\n.\r\n",
             recipient, id);
    return text;
}

/* Up to DATA's 354. */
static int peer_at_data(const char *to)
{
    char envelope[512];
    int fd = connect_peer();

    snprintf(envelope, sizeof(envelope), "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\n", to);
    say(fd, envelope);
    assert_true(hears(fd, "354 ", 5000));
    return fd;
}

static void test_a_report_becomes_a_note(void **state)
{
    int fd = peer_at_data("gatepost@localhost");

    (void)state;
    say(fd, report_of("Anna@Example.com", job));
    assert_true(hears(fd, "250 2.0.0 noted\r\n", 5000));
    assert_int_equal(rig.bounces, 1);
    assert_true(uuid_equal(&rig.bounce.job_id, &job_id));
    assert_int_equal(rig.bounce.kind, BOUNCE_HARD);
    assert_string_equal(rig.bounce_recipient, "Anna@example.com");
    assert_string_equal(rig.bounce_detail, "5.1.1 550 no such user");
    assert_true(rig.bounce.now > 0);
    say(fd, "QUIT\r\n");
    assert_true(hears(fd, "", 5000));
    close(fd);
}

static void test_a_return_path_tells_the_letter_and_a_forged_one_is_nobodys(void **state)
{
    char path[RETURN_PATH_TEXT_BYTES], key_file[128], line[400];
    struct secret key = {0};
    struct err err;

    (void)state;
    snprintf(key_file, sizeof(key_file), "%s/mail.key", rig.folder);
    assert_true(secret_load(key_file, SECRET_KEY_MIN_BYTES, &key, &err));
    return_path_make(&(struct return_path){"bounces@localhost", "gatepost@localhost", &key},
                     &job_id, path);
    secret_fini(&key);
    int fd = peer_at_data(path);
    say(fd, report_of("nobody", "none"));
    assert_true(hears(fd, "250 2.0.0 noted\r\n", 5000));
    assert_true(uuid_equal(&rig.bounce.job_id, &job_id));
    assert_string_equal(rig.bounce_recipient, "");

    char *last = strchr(path, '@') - 1;
    *last = *last == 'a' ? 'b' : 'a';
    snprintf(line, sizeof(line), "MAIL FROM:<>\r\nRCPT TO:<%s>\r\n", path);
    say(fd, line);
    assert_true(hears(fd, "550 5.1.1 ", 5000));
    say(fd, "RCPT TO:<bounces@localhost>\r\n");
    assert_true(hears(fd, "250 2.1.5 ", 5000));
    say(fd, "RCPT TO:<bounces+x@localhost>\r\n");
    assert_true(hears(fd, "550 5.1.1 ", 5000));
    assert_int_equal(rig.bounces, 1);
    close(fd);
}

static void test_a_report_about_another_address_is_noted_as_soft_and_without_it(void **state)
{
    int fd = peer_at_data("gatepost@localhost");

    (void)state;
    rig.bounce_status = STORE_NOT_FOUND;
    say(fd, report_of("other@example.com", job));
    assert_true(hears(fd, "250 2.0.0 nothing to note\r\n", 5000));
    assert_int_equal(rig.bounces, 2);
    assert_int_equal(rig.bounce.kind, BOUNCE_SOFT);
    assert_string_equal(rig.bounce_recipient, "");
    close(fd);
}

static void test_a_busy_store_makes_the_peer_try_again(void **state)
{
    int fd = peer_at_data("gatepost@localhost");

    (void)state;
    rig.bounce_status = STORE_BUSY;
    say(fd, report_of("anna@example.com", job));
    assert_true(hears(fd, "451 4.3.0 ", 5000));
    rig.bounce_status = STORE_OK;
    say(fd, "MAIL FROM:<>\r\nRCPT TO:<gatepost@localhost>\r\nDATA\r\n");
    assert_true(hears(fd, "354 ", 5000));
    say(fd, report_of("anna@example.com", job));
    assert_true(hears(fd, "250 2.0.0 noted\r\n", 5000));
    close(fd);
}

static void test_a_store_that_is_silent_makes_the_peer_try_again(void **state)
{
    int fd = peer_at_data("gatepost@localhost");

    (void)state;
    rig.bounce_mute = true;
    say(fd, report_of("anna@example.com", job));
    assert_false(hears(fd, "451 ", (LMTP_NOTE_S - 2) * 1000));
    assert_true(hears(fd, "451 4.3.0 ", 6000));
    close(fd);
}

static void test_a_peer_that_leaves_while_the_store_is_asked_hurts_nobody(void **state)
{
    (void)state;
    rig.bounce_mute = true;
    for (unsigned i = 0; i < LMTP_CONNECTIONS_MAX; i++) {
        int fd = peer_at_data("gatepost@localhost");
        say(fd, report_of("anna@example.com", job));
        while (rig.bounces == i)
            (void)rig_serve(&rig, NULL, 2);
        close(fd);
    }
    /* All places are taken by asks that nobody waits for; they come free with their answers. */
    int fd = connect_peer();
    assert_false(hears(fd, "220 ", 300));
    assert_true(hears(fd, "220 ", (LMTP_NOTE_S + 5) * 1000));
    close(fd);
}

static void test_one_too_many_waits_its_turn(void **state)
{
    int fds[LMTP_CONNECTIONS_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = connect_peer();
        assert_true(hears(fds[i], "220 ", 5000));
    }
    int late = connect_peer();
    assert_false(hears(late, "220 ", 300));
    close(fds[3]);
    assert_true(hears(late, "220 ", 5000));
    close(late);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        if (i != 3)
            close(fds[i]);
    }
}

#ifdef GATEPOST_FAULTS
/* Clock ticks of CPU that the mailer has used. */
static unsigned long ticks(void)
{
    char path[64], text[512] = "";
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)rig.mailer);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(sscanf(strrchr(text, ')'),
                            ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                            &system),
                     2);
    return user + system;
}

static void test_without_descriptors_it_waits_and_does_not_spin(void **state)
{
    (void)state;
    fault_arm("m.lmtp_accept", FAULT_FAIL, EMFILE, 0, 2);
    int fd = connect_peer();
    unsigned long before = ticks();
    assert_false(hears(fd, "220 ", LMTP_ACCEPT_PAUSE_MS));
    assert_true(ticks() - before < (unsigned long)sysconf(_SC_CLK_TCK) / 2);
    assert_true(hears(fd, "220 ", 10000));
    assert_int_equal(fault_fired("m.lmtp_accept"), 2);
    close(fd);
}
#endif

static bool all_rows_are_gone(const struct rig *at)
{
    for (size_t i = 0; i < at->row_count; i++) {
        if (!at->rows[i].gone)
            return false;
    }
    return true;
}

/* As much as the peers' sockets take, whatever it is. */
static void flood(const int *fds, size_t count)
{
    static char noise[65536];

    memset(noise, 'x', sizeof(noise));
    for (size_t i = 0; i < sizeof(noise); i += 512)
        memcpy(noise + i, i % 1024 == 0 ? "\r\nNOOP\r\n" : "\r\nVRFY x\r\n", 8);
    for (size_t i = 0; i < count; i++)
        (void)!send(fds[i], noise, sizeof(noise), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void test_letters_go_out_while_the_socket_is_flooded(void **state)
{
    int fds[2 * LMTP_CONNECTIONS_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = connect_peer();
    for (size_t round = 0; round < 30; round++) {
        flood(fds, ARRAY_LEN(fds));
        rig_push(&rig, rig_job(&rig, true, 0));
        (void)rig_serve(&rig, NULL, 5);
    }
    assert_true(rig_serve(&rig, all_rows_are_gone, 5000));
    assert_true(rig_has_letter(&rig, &rig.rows[29]));
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    /* Who made nothing but mistakes was sent away, and the next one is heard. */
    int fd = peer_at_data("gatepost@localhost");
    say(fd, report_of("anna@example.com", job));
    assert_true(hears(fd, "250 2.0.0 noted\r\n", 5000));
    close(fd);
}

static void test_a_thousand_reports_on_one_connection_are_all_noted(void **state)
{
    int fd = connect_peer();
    char one[2600];

    (void)state;
    say(fd, "LHLO x\r\n");
    assert_true(hears(fd, "250 SIZE", 5000));
    for (size_t i = 1; i <= 1000; i++) {
        snprintf(one, sizeof(one), "MAIL FROM:<>\r\nRCPT TO:<gatepost@localhost>\r\nDATA\r\n%s",
                 report_of("anna@example.com", job));
        say(fd, one); /* all at once: what comes behind the dot waits its turn */
        while (rig.bounces < i)
            (void)rig_serve(&rig, NULL, 1);
        (void)!recv(fd, seen, sizeof(seen), MSG_DONTWAIT);
    }
    assert_int_equal(rig.bounces, 1000);
    close(fd);
}

static void test_a_stop_sends_peers_away_and_is_not_held_up_by_them(void **state)
{
    int idle = connect_peer(), half = peer_at_data("gatepost@localhost");
    mono_ns began = clock_mono_ns();

    (void)state;
    say(half, "half a mess");
    assert_true(hears(idle, "220 ", 5000));
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    assert_true(clock_mono_ns() - began < 1500 * NS_PER_MS);
    assert_true(recv(idle, seen, sizeof(seen), 0) > 0 && strncmp(seen, "421 4.3.2 ", 10) == 0);
    assert_true(recv(half, seen, sizeof(seen), 0) > 0 && strncmp(seen, "421 4.3.2 ", 10) == 0);
    close(idle);
    close(half);
    rig_start(&rig); /* who comes in between waits for the successor */
    int fd = peer_at_data("gatepost@localhost");
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_report_becomes_a_note),
        TEST(test_a_return_path_tells_the_letter_and_a_forged_one_is_nobodys),
        TEST(test_a_report_about_another_address_is_noted_as_soft_and_without_it),
        TEST(test_a_busy_store_makes_the_peer_try_again),
        TEST(test_a_store_that_is_silent_makes_the_peer_try_again),
        TEST(test_a_peer_that_leaves_while_the_store_is_asked_hurts_nobody),
        TEST(test_one_too_many_waits_its_turn),
#ifdef GATEPOST_FAULTS
        TEST(test_without_descriptors_it_waits_and_does_not_spin),
#endif
        TEST(test_letters_go_out_while_the_socket_is_flooded),
        TEST(test_a_thousand_reports_on_one_connection_are_all_noted),
        TEST(test_a_stop_sends_peers_away_and_is_not_held_up_by_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

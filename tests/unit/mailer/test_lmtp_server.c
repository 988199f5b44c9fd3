/* How long a peer of mail.bounce_socket may take, on a clock that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "mailer/lmtp_server.h"

static struct lmtp_server *server;
static int listener, peer;
static mono_ns now;
static char heard[4096];

static int start(void **state)
{
    /* An abstract name: the kernel picks it, and no file stays. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(sa_family_t);
    static const struct config config = {.mail_from = "gatepost@localhost", .mail_return_path = ""};
    static const struct secret key = {.len = 0};
    static const struct bounce_rules rules = {&config, &key};

    (void)state;
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 8), 0);
    len = sizeof(address);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    server = lmtp_server_open(listener, &rules, NULL);
    now = NS_PER_S;
    lmtp_server_turn(server, now);
    peer = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(peer, (struct sockaddr *)&address, len), 0);
    lmtp_server_wake(server);
    lmtp_server_turn(server, now);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    close(peer);
    lmtp_server_close(&server);
    close(listener);
    return 0;
}

/* What the peer hears within so many more seconds; NULL when the connection ended. */
static const char *after(unsigned seconds, const char *said)
{
    if (said != NULL)
        assert_int_equal(send(peer, said, strlen(said), MSG_NOSIGNAL), strlen(said));
    now += seconds * NS_PER_S;
    lmtp_server_wake(server);
    lmtp_server_turn(server, now);
    ssize_t got = recv(peer, heard, sizeof(heard) - 1, MSG_DONTWAIT);
    if (got == 0)
        return NULL;
    heard[got > 0 ? got : 0] = '\0';
    return heard;
}

static void test_a_silent_peer_is_sent_away(void **state)
{
    (void)state;
    assert_string_equal(after(0, NULL), "220 gatepost LMTP\r\n");
    assert_string_equal(after(LMTP_IDLE_S - 1, NULL), "");
    assert_string_equal(after(1, NULL), "421 4.3.2 timed out\r\n");
    assert_null(after(0, NULL));
}

static void test_half_a_message_does_not_hold_a_place_for_ever(void **state)
{
    (void)state;
    (void)after(0, "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<gatepost@localhost>\r\nDATA\r\nx: y\r\n");
    assert_string_equal(after(LMTP_IDLE_S, NULL), "421 4.3.2 timed out\r\n");
    assert_null(after(0, NULL));
}

static void test_a_talkative_peer_is_sent_away_in_the_end(void **state)
{
    unsigned seconds = 0;

    (void)state;
    (void)after(0, NULL);
    while (seconds + LMTP_IDLE_S / 2 < LMTP_TOTAL_S) {
        assert_string_equal(after(LMTP_IDLE_S / 2, "NOOP\r\n"), "250 2.0.0 OK\r\n");
        seconds += LMTP_IDLE_S / 2;
    }
    assert_string_equal(after(LMTP_IDLE_S / 2, "NOOP\r\n"),
                        "250 2.0.0 OK\r\n421 4.3.2 timed out\r\n");
    assert_null(after(0, NULL));
}

static void test_a_message_is_answered_within_its_turn(void **state)
{
    (void)state;
    assert_non_null(strstr(after(0, "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<gatepost@localhost>\r\n"
                                    "DATA\r\nx: y\r\n.\r\nQUIT\r\n"),
                           "250 2.0.0 nothing to note\r\n221 2.0.0 bye\r\n"));
    assert_null(after(0, NULL));
    assert_true(lmtp_server_is_quiet(server));
}

static void test_a_stopping_server_takes_leave(void **state)
{
    (void)state;
    (void)after(0, NULL);
    lmtp_server_stop(server);
    assert_string_equal(after(0, NULL), "421 4.3.2 the server is stopping\r\n");
    assert_null(after(0, NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_silent_peer_is_sent_away),
        TEST(test_half_a_message_does_not_hold_a_place_for_ever),
        TEST(test_a_talkative_peer_is_sent_away_in_the_end),
        TEST(test_a_message_is_answered_within_its_turn),
        TEST(test_a_stopping_server_takes_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

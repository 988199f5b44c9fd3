/* Letters that our composer does not make, through the transport to a relay that writes down what
 * it hears: sent as they are where the relay offered to take them, else refused and never changed.
 */
#include "mailer/transport.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PLAIN_LETTER "Subject: hello\r\n\r\n.plain\r\n"
#define BODY_LETTER  "Subject: hello\r\n\r\n.gr\xc3\xbc\xc3\x9f\x65\r\n"
#define UTF8_LETTER  "Subject: gr\xc3\xbc\xc3\x9f\x65\r\n\r\nplain\r\n"

/* ---- the relay: one session at a time, good at everything ---- */

struct relay {
    const char *offers; /* of EHLO, but for the first line */
    int listener;
    pthread_t thread;
    const char *no;    /* said to MAIL; NULL: it is taken */
    const char *flood; /* said to MAIL for as long as somebody listens; NULL: not */
    unsigned sessions;
    char heard[8192]; /* every line from MAIL on */
};

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void say_for_ever(int fd, const char *text)
{
    char block[65536];
    size_t len = 0;

    for (; len + strlen(text) <= sizeof(block); len += strlen(text))
        memcpy(block + len, text, strlen(text));
    while (send(fd, block, len, MSG_NOSIGNAL) > 0)
        continue;
}

static void answer(struct relay *relay, int fd, const char *line, bool *in_letter)
{
    if (relay->flood != NULL && strncmp(line, "MAIL", 4) == 0) {
        say_for_ever(fd, relay->flood);
        return;
    }
    if (strncmp(line, "EHLO", 4) == 0) {
        say(fd, "250-relay\r\n");
        say(fd, relay->offers);
        return;
    }
    strncat(relay->heard, line, sizeof(relay->heard) - strlen(relay->heard) - 1);
    if (*in_letter && strcmp(line, ".\r\n") != 0)
        return;
    if (!*in_letter && strcmp(line, "DATA\r\n") == 0) {
        *in_letter = true;
        say(fd, "354 go\r\n");
        return;
    }
    *in_letter = false;
    if (relay->no != NULL && strncmp(line, "MAIL", 4) == 0) {
        say(fd, relay->no);
        return;
    }
    if (strcmp(line, "QUIT\r\n") != 0)
        say(fd, "250 ok\r\n");
}

static void *serve(void *context)
{
    struct relay *relay = context;
    int fd;

    while ((fd = accept(relay->listener, NULL, NULL)) >= 0) {
        char line[512];
        bool in_letter = false;
        FILE *in = fdopen(fd, "r");
        relay->sessions++;
        say(fd, "220 hello\r\n");
        while (fgets(line, sizeof(line), in) != NULL)
            answer(relay, fd, line, &in_letter);
        fclose(in);
    }
    return NULL;
}

static uint16_t relay_start(struct relay *relay, const char *offers)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    *relay = (struct relay){.offers = offers, .listener = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(relay->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(relay->listener, 8), 0);
    assert_int_equal(getsockname(relay->listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(pthread_create(&relay->thread, NULL, serve, relay), 0);
    return ntohs(address.sin_port);
}

static void relay_stop(struct relay *relay)
{
    shutdown(relay->listener, SHUT_RDWR);
    pthread_join(relay->thread, NULL);
    close(relay->listener);
}

/* ---- the mailer's side ---- */

struct told {
    unsigned count;
    struct judgement judgement;
    char reply[DELIVERY_REPLY_MAX_BYTES + 1];
};

static void on_outcome(void *context, struct delivery *delivery, const struct outcome *outcome)
{
    struct told *told = context;
    (void)delivery;
    told->count++;
    told->judgement = outcome->judgement;
    snprintf(told->reply, sizeof(told->reply), "%.*s", (int)outcome->reply.len, outcome->reply.at);
}

static struct transport *open_transport(uint16_t port, struct told *told)
{
    static const struct relay_secrets secrets[RELAYS_MAX]; /* borrowed by the transport */
    const struct config config = {
        .smtp_host = "127.0.0.1",
        .smtp_port = port,
        .smtp_tls = CONFIG_TLS_NONE,
        .smtp_ca_file = "",
        .smtp_user = "",
        .smtp_token_file = "",
        .smtp_token_command = "",
        .smtp_connections = 1,
        .smtp_letters_per_connection = 100,
        .smtp_idle_s = 60,
        .smtp_timeout_s = 10,
        .smtp2_host = "",
        .smtp3_host = "",
        .smtp4_host = "",
        .mail_from = "post@example.org",
    };
    struct err err = {""};
    struct transport *transport = smtp_open(&config, secrets, &err);

    if (transport == NULL)
        fail_msg("%s", err.text);
    static struct return_path return_path;
    return_path = (struct return_path){.base = "", .from = config.mail_from};
    transport->return_path = &return_path;
    transport->on_outcome = on_outcome;
    transport->context = told;
    return transport;
}

static void send_letter(struct transport *transport, struct told *told, const char *to,
                        const char *letter)
{
    struct delivery *delivery = xcalloc(1, sizeof(*delivery) + strlen(to) + 1);
    const unsigned before = told->count;

    memcpy(delivery->to, to, strlen(to) + 1);
    transport->send(transport, delivery, slice_of_text(letter));
    assert_int_equal(told->count, before); /* only work() tells */
    for (int i = 0; i < 2000 && told->count == before; i++) {
        (void)transport->work(transport);
        if (told->count == before)
            transport->wait(transport, NULL, 0, 10);
    }
    assert_int_equal(told->count, before + 1);
    free(delivery);
}

static void expect_sent(const char *offers, const char *to, const char *letter, const char *wire)
{
    struct relay relay;
    struct told told = {0};
    struct transport *transport = open_transport(relay_start(&relay, offers), &told);

    send_letter(transport, &told, to, letter);
    assert_int_equal(told.judgement.verdict, VERDICT_DELIVERED);
    transport->close(&transport);
    relay_stop(&relay);
    assert_non_null(strstr(relay.heard, wire));
}

/* The connection is kept, and the next letter goes over it. */
static void expect_unsent(const char *offers, const char *to, const char *letter, const char *why)
{
    struct relay relay;
    struct told told = {0};
    struct transport *transport = open_transport(relay_start(&relay, offers), &told);

    for (int i = 0; i < 2; i++) {
        send_letter(transport, &told, to, letter);
        assert_int_equal(told.judgement.verdict, VERDICT_REFUSED);
        assert_false(told.judgement.relay_troubled);
        assert_non_null(strstr(told.reply, why));
        assert_string_equal(relay.heard, "");
    }
    send_letter(transport, &told, "a@b.example", PLAIN_LETTER);
    assert_int_equal(told.judgement.verdict, VERDICT_DELIVERED);
    transport->close(&transport);
    relay_stop(&relay);
    assert_int_equal(relay.sessions, 1);
}

static void test_a_letter_of_8_bits_is_declared_and_sent_as_it_is(void **state)
{
    (void)state;
    expect_sent("250-PIPELINING\r\n250 8BITMIME\r\n", "a@b.example", BODY_LETTER,
                "MAIL FROM:<post@example.org> BODY=8BITMIME\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
                "Subject: hello\r\n\r\n..gr\xc3\xbc\xc3\x9f\x65\r\n.\r\n");
    expect_sent("250 8BITMIME\r\n", "a@b.example", PLAIN_LETTER,
                "MAIL FROM:<post@example.org>\r\n");
}

static void test_a_header_or_an_address_that_is_not_ascii_is_declared(void **state)
{
    static const char offers[] = "250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE\r\n";
    (void)state;
    expect_sent(offers, "a@b.example", UTF8_LETTER,
                "MAIL FROM:<post@example.org> SIZE=27 BODY=8BITMIME SMTPUTF8\r\n");
    expect_sent(offers, "gr\xc3\xbcn@b.example", PLAIN_LETTER,
                "MAIL FROM:<post@example.org> SIZE=26 SMTPUTF8\r\n"
                "RCPT TO:<gr\xc3\xbcn@b.example>\r\n");
}

static void test_what_the_relay_does_not_offer_to_take_is_refused_and_never_changed(void **state)
{
    (void)state;
    expect_unsent("250-PIPELINING\r\n250 SIZE 1000\r\n", "a@b.example", BODY_LETTER, "8BITMIME");
    expect_unsent("250-PIPELINING\r\n250 8BITMIME\r\n", "a@b.example", UTF8_LETTER, "SMTPUTF8");
    expect_unsent("250 8BITMIME\r\n", "gr\xc3\xbcn@b.example", PLAIN_LETTER, "SMTPUTF8");
    expect_unsent("250-PIPELINING\r\n250 SIZE 26\r\n", "a@b.example", PLAIN_LETTER "more\r\n",
                  "(SIZE)");
}

/* Faster than it can be read: the turn has to end, for other relays wait. */
static void test_a_relay_that_never_stops_talking_is_left(void **state)
{
    static const char *const floods[] = {"250-and more\r\n", "no line's end "};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
        struct relay relay;
        struct told told = {0};
        struct transport *transport = open_transport(relay_start(&relay, "250 SIZE\r\n"), &told);

        relay.flood = floods[i];
        send_letter(transport, &told, "a@b.example", PLAIN_LETTER);
        assert_int_equal(told.judgement.verdict, VERDICT_RELAY);
        relay.flood = NULL;
        send_letter(transport, &told, "a@b.example", PLAIN_LETTER);
        assert_int_equal(told.judgement.verdict, VERDICT_DELIVERED);
        transport->close(&transport);
        relay_stop(&relay);
        assert_true(relay.sessions >= 2);
    }
}

static void test_a_link_that_a_relay_quotes_is_not_told_on(void **state)
{
    struct relay relay;
    struct told told = {0};
    struct transport *transport = open_transport(relay_start(&relay, "250 SIZE\r\n"), &told);

    (void)state;
    relay.no =
        "550 5.7.1 bad link: https://id.example/reset?token=AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
        "-_AbCdEfGhIjKlMnOp, id 01a22105-8c86-7d68-9d52-8355d0e22707\r\n";
    send_letter(transport, &told, "a@b.example", PLAIN_LETTER);
    assert_string_equal(
        told.reply, "550 5.7.1 bad link: https://id.example/reset?token=**************************"
                    "****************************, id 01a22105-8c86-7d68-9d52-8355d0e22707");
    transport->close(&transport);
    relay_stop(&relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_letter_of_8_bits_is_declared_and_sent_as_it_is),
        cmocka_unit_test(test_a_header_or_an_address_that_is_not_ascii_is_declared),
        cmocka_unit_test(test_what_the_relay_does_not_offer_to_take_is_refused_and_never_changed),
        cmocka_unit_test(test_a_relay_that_never_stops_talking_is_left),
        cmocka_unit_test(test_a_link_that_a_relay_quotes_is_not_told_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

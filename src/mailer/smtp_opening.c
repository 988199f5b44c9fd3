/* A connection from nothing to logged in, by libcurl.
 *
 * libcurl does what it does well: name, TCP, TLS, EHLO, STARTTLS, AUTH; CURLOPT_CONNECT_ONLY stops
 * it there. Where the login needs a token, that is waited for first: in WAITING, without blocking.
 * Closing never waits: QUIT is written and not listened for. */
#include "gatepost/fault.h"
#include "gatepost/log.h"

#include "smtp.h"

/* Without a token, or with a relay that offers no login that is wanted: nothing of the letter is
 * sent, and the operator has something to mend. */
static void tell_no_login(struct smtp_connection *connection, const char *why)
{
    const struct outcome outcome = {
        .judgement = verdict_of(SMTP_STAGE_SESSION, SMTP_ANSWER_NONE),
        .trouble = TROUBLE_LOGIN,
        .reply = slice_of_text(why),
    };

    connection_close(connection, false);
    connection_give_back(connection, &outcome);
}

static void start_opening(struct smtp_connection *connection)
{
    FAULT("m.connect");
    CURLMcode added = curl_multi_add_handle(connection->smtp->multi, connection->easy);
    BUG_ON(added != CURLM_OK);
    connection->state = CONNECTION_OPENING;
    connection->smtp->opening_count++;
}

void connection_look_for_token(struct smtp_connection *connection, mono_ns now)
{
    const char *text = NULL;

    switch (smtp_token_look(connection_relay(connection)->token, now, &text,
                            &connection->token_serial, &connection->why)) {
    case SMTP_TOKEN_READY: {
        CURLcode set = curl_easy_setopt(connection->easy, CURLOPT_XOAUTH2_BEARER, text);
        BUG_ON(set != CURLE_OK);
        start_opening(connection);
        break;
    }
    case SMTP_TOKEN_COMING:
        break;
    case SMTP_TOKEN_MISSING:
        tell_no_login(connection, connection->why.text);
        break;
    }
}

/* A token is looked for in the turn's work: until then the delivery must not end. */
void connection_open(struct smtp_connection *connection)
{
    BUG_ON(connection->state != CONNECTION_CLOSED || connection->delivery == NULL);
    connection->error[0] = '\0';
    connection->letters = 0;
    connection->needs_reset = false;
    connection->spoke_nonsense = false;
    smtp_dialogue_connect(&connection->dialogue);
    if (connection_relay(connection)->token == NULL)
        start_opening(connection);
    else
        connection->state = CONNECTION_WAITING;
}

void connection_close(struct smtp_connection *connection, bool say_quit)
{
    static const char quit[] = "QUIT\r\n";
    enum connection_state state = connection->state;
    size_t written;

    connection->state = CONNECTION_CLOSED;
    connection->fd = CURL_SOCKET_BAD;
    if (state == CONNECTION_CLOSED || state == CONNECTION_WAITING)
        return;
    if (state == CONNECTION_OPENING)
        connection->smtp->opening_count--;
    else if (say_quit)
        (void)curl_easy_send(connection->easy, quit, sizeof(quit) - 1, &written);
    /* libcurl closes a CONNECT_ONLY connection here, at once and without a QUIT of its own. */
    curl_multi_remove_handle(connection->smtp->multi, connection->easy);
}

static void log_opened(const struct smtp_connection *connection)
{
    const struct smtp_offers *offers = &connection->dialogue.offers;

    log_debug("relay.opened",
              "relay=%s pipelining=%d size=%llu 8bitmime=%d smtputf8=%d enhanced=%d",
              connection->smtp->transport.relays[connection->relay].name, offers->pipelining,
              (unsigned long long)offers->size_max, offers->eightbit, offers->utf8,
              offers->enhanced_codes);
}

/* With no AUTH on offer libcurl goes on without a login; with none that it may use, it denies one
 * before anybody was asked. */
static bool offers_no_login(const struct smtp_connection *connection, CURLcode result)
{
    const struct smtp_dialogue *dialogue = &connection->dialogue;

    if (result == CURLE_LOGIN_DENIED)
        return dialogue->session_code == 250;
    return result == CURLE_OK && connection_relay(connection)->logs_in && !dialogue->logged_in;
}

void connection_opened(struct smtp_connection *connection, CURLcode result)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (result == CURLE_OK)
        result = curl_easy_getinfo(connection->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (offers_no_login(connection, result)) {
        tell_no_login(connection, "not sent: the relay offers no login that auth allows");
        return;
    }
    if (result == CURLE_OK && fd != CURL_SOCKET_BAD) {
        connection->smtp->opening_count--;
        connection->fd = fd;
        FAULT("m.connected");
        log_opened(connection);
        connection_begin(connection);
        return;
    }
    if (connection_relay(connection)->token != NULL &&
        connection_trouble(connection, result) == TROUBLE_LOGIN)
        smtp_token_refused(connection_relay(connection)->token, connection->token_serial);
    connection_close(connection, false);
    connection_tell(connection, result, false, curl_easy_strerror(result));
}

/* One connection to the relay: opened by libcurl, used by us.
 *
 * libcurl does what it does well: name, TCP, TLS, EHLO, STARTTLS, AUTH (CURLOPT_CONNECT_ONLY stops
 * it there). The transaction is ours, over curl_easy_send and curl_easy_recv, because libcurl 7.88
 * waits for the reply to the final dot in a blocking loop (smtp_done): one relay that thinks for
 * ten seconds would stop the whole process. Ours also sends MAIL, RCPT and DATA together where the
 * relay offers PIPELINING: two round trips a letter instead of four, and one write.
 *
 * Invariant: a connection that is BUSY or OPENING has a delivery, and ends it with one outcome.
 * Closing never waits: QUIT is written and not listened for. */
#include <stdio.h>

#include "gatepost/fault.h"

#include "smtp.h"

static bool is_tls_failure(CURLcode result)
{
    return result == CURLE_USE_SSL_FAILED || result == CURLE_SSL_CONNECT_ERROR ||
           result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE ||
           result == CURLE_SSL_CERTPROBLEM || result == CURLE_SSL_CIPHER ||
           result == CURLE_SSL_ISSUER_ERROR || result == CURLE_SSL_SHUTDOWN_FAILED;
}

static enum trouble trouble_of(const struct smtp_dialogue *dialogue, CURLcode result)
{
    if (is_tls_failure(result))
        return TROUBLE_TLS;
    if (result == CURLE_LOGIN_DENIED || smtp_dialogue_answer(dialogue) == SMTP_ANSWER_LOCKED)
        return TROUBLE_LOGIN;
    return TROUBLE_NETWORK;
}

/* The relay's own words where it said no, else ours. */
static struct slice words_for(struct smtp_connection *connection, const char *otherwise)
{
    struct smtp_dialogue *dialogue = &connection->dialogue;
    bool relay_said_no = dialogue->text_len > 0 && dialogue->text[0] >= '4';

    if (dialogue->code != 0 || (dialogue->stage == SMTP_STAGE_SESSION && relay_said_no))
        return slice_of(dialogue->text, dialogue->text_len);
    if (connection->error[0] != '\0')
        return slice_of_text(connection->error);
    return slice_of_text(otherwise);
}

/* Ends the delivery. The connection's own fate is decided before: the callback may use it again. */
static void tell(struct smtp_connection *connection, CURLcode result, bool was_reused,
                 const char *otherwise)
{
    const struct smtp_dialogue *dialogue = &connection->dialogue;
    struct delivery *delivery = connection->delivery;
    const struct transport *transport = &connection->smtp->transport;
    struct outcome outcome = {
        .judgement = verdict_of_reply(dialogue->stage, dialogue->code,
                                      slice_of(dialogue->text, dialogue->text_len)),
        .trouble = trouble_of(dialogue, result),
        .reply = words_for(connection, otherwise),
    };

    /* Gone before the letter was whole: a relay that closes idle connections. Nothing happened. */
    if (was_reused && dialogue->code == 0 && dialogue->stage != SMTP_STAGE_DOT &&
        !delivery->fresh_connection)
        outcome.try_fresh = true;
    connection->delivery = NULL;
    transport->on_outcome(transport->context, delivery, &outcome);
}

void connection_open(struct smtp_connection *connection)
{
    BUG_ON(connection->state != CONNECTION_CLOSED || connection->delivery == NULL);
    connection->error[0] = '\0';
    connection->letters = 0;
    connection->needs_reset = false;
    smtp_dialogue_connect(&connection->dialogue);
    FAULT("m.connect");
    CURLMcode added = curl_multi_add_handle(connection->smtp->multi, connection->easy);
    BUG_ON(added != CURLM_OK);
    connection->state = CONNECTION_OPENING;
    connection->smtp->opening_count++;
}

void connection_close(struct smtp_connection *connection, bool say_quit)
{
    static const char quit[] = "QUIT\r\n";
    size_t written;

    if (connection->state == CONNECTION_CLOSED)
        return;
    if (connection->state == CONNECTION_OPENING)
        connection->smtp->opening_count--;
    else if (say_quit)
        (void)curl_easy_send(connection->easy, quit, sizeof(quit) - 1, &written);
    /* libcurl closes a CONNECT_ONLY connection here, at once and without a QUIT of its own. */
    curl_multi_remove_handle(connection->smtp->multi, connection->easy);
    connection->state = CONNECTION_CLOSED;
    connection->fd = CURL_SOCKET_BAD;
}

void connection_opened(struct smtp_connection *connection, CURLcode result)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (result == CURLE_OK)
        result = curl_easy_getinfo(connection->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (result == CURLE_OK && fd != CURL_SOCKET_BAD) {
        connection->smtp->opening_count--;
        connection->fd = fd;
        FAULT("m.connected");
        connection_begin(connection);
        return;
    }
    connection_close(connection, false);
    tell(connection, result, false, curl_easy_strerror(result));
}

/* now may be older than used_at: it is the turn's, not the moment's. */
static bool is_stale(const struct smtp_connection *connection, mono_ns now)
{
    return now >= connection->used_at + SMTP_IDLE_S * NS_PER_S;
}

/* Looks whether an idle connection can take a letter: not worn out, and silent. A relay that has
 * something to say now says goodbye. */
bool connection_is_fit(struct smtp_connection *connection, mono_ns now)
{
    char byte;
    size_t got;

    BUG_ON(connection->state != CONNECTION_IDLE);
    if (connection->letters >= SMTP_LETTERS_PER_CONNECTION || is_stale(connection, now))
        return false;
    return curl_easy_recv(connection->easy, &byte, 1, &got) == CURLE_AGAIN;
}

/* The addresses were checked (email_is_canonical), so nothing in them ends a command. */
static void write_command(struct smtp_connection *connection)
{
    const struct smtp_dialogue *dialogue = &connection->dialogue;
    const char *to = connection->delivery->to;
    const char *reset = dialogue->awaits_reset ? "RSET\r\n" : "";
    char from[RETURN_PATH_TEXT_BYTES] = "";
    int len = 0;

    if (dialogue->stage == SMTP_STAGE_MAIL)
        return_path_make(connection->smtp->transport.return_path, &connection->delivery->job_id,
                         from);
    if (dialogue->stage == SMTP_STAGE_MAIL && dialogue->pipelining)
        len = snprintf(connection->commands, sizeof(connection->commands),
                       "%sMAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n", reset, from, to);
    else if (dialogue->stage == SMTP_STAGE_MAIL)
        len = snprintf(connection->commands, sizeof(connection->commands), "%sMAIL FROM:<%s>\r\n",
                       reset, from);
    else if (dialogue->stage == SMTP_STAGE_RCPT)
        len = snprintf(connection->commands, sizeof(connection->commands), "RCPT TO:<%s>\r\n", to);
    else
        len = snprintf(connection->commands, sizeof(connection->commands), "DATA\r\n");
    BUG_ON(len <= 0 || (size_t)len >= sizeof(connection->commands));
    connection->out = slice_of(connection->commands, (size_t)len);
    FAULT_ON("m.before_command", connection->out);
}

void connection_begin(struct smtp_connection *connection)
{
    connection->state = CONNECTION_BUSY;
    connection->is_ready = true;
    connection->deadline = clock_mono_ns() + SMTP_TRANSACTION_S * NS_PER_S;
    connection->error[0] = '\0';
    connection->letters++;
    /* RSET and MAIL together would be pipelining as well: without it, a new connection. */
    smtp_dialogue_begin(&connection->dialogue, connection->needs_reset);
    write_command(connection);
}

static void finish(struct smtp_connection *connection)
{
    const struct smtp_dialogue *dialogue = &connection->dialogue;
    enum smtp_answer answer = smtp_dialogue_answer(dialogue);

    connection->needs_reset = dialogue->stage != SMTP_STAGE_DOT;
    if (dialogue->out_of_step || answer == SMTP_ANSWER_LOCKED || answer == SMTP_ANSWER_NONE ||
        (connection->needs_reset && !dialogue->pipelining)) {
        connection_close(connection, true);
    } else {
        connection->state = CONNECTION_IDLE;
        connection->used_at = clock_mono_ns();
    }
    tell(connection, CURLE_OK, false, "a reply that makes no sense");
}

static void lose(struct smtp_connection *connection, const char *why)
{
    bool was_reused = connection->letters > 1;
    connection_close(connection, false);
    tell(connection, CURLE_OK, was_reused, why);
}

/* All of it; but where there are fault points a letter goes in two, so that one lies between. */
static size_t piece_len(const struct smtp_connection *connection)
{
#ifdef GATEPOST_FAULTS
    if (connection->out.at == connection->letter)
        return connection->letter_len / 2;
    if (connection->out.at > connection->letter)
        FAULT("m.mid_letter");
#endif
    return connection->out.len;
}

/* Writes what there is. Returns false when the connection is lost. */
static bool write_out(struct smtp_connection *connection)
{
    while (connection->out.len > 0) {
        size_t written = 0;
        CURLcode result =
            curl_easy_send(connection->easy, connection->out.at, piece_len(connection), &written);
        if (result == CURLE_AGAIN)
            return true;
        if (result != CURLE_OK)
            return false;
        connection->out.at += written;
        connection->out.len -= written;
        if (connection->out.at != connection->letter + connection->letter_len)
            continue;
        smtp_dialogue_letter_sent(&connection->dialogue);
        FAULT("m.after_dot");
    }
    return true;
}

/* Does what the replies so far ask for. Returns false when the delivery has ended. */
static bool react(struct smtp_connection *connection, struct slice bytes)
{
    while (bytes.len > 0) {
        switch (smtp_dialogue_feed(&connection->dialogue, &bytes)) {
        case SMTP_STEP_WAIT:
            break;
        case SMTP_STEP_COMMAND:
            write_command(connection);
            break;
        case SMTP_STEP_LETTER:
            if (connection->out.len > 0 || bytes.len > 0) {
                lose(connection, "a reply before its command"); /* not a relay we understand */
                return false;
            }
            connection->out = slice_of(connection->letter, connection->letter_len);
            break;
        case SMTP_STEP_END:
            if (connection->out.len > 0 || bytes.len > 0)
                connection->dialogue.out_of_step = true;
            finish(connection);
            return false;
        }
    }
    return true;
}

void connection_move(struct smtp_connection *connection)
{
    char bytes[4096];

    connection->is_ready = false;
    while (connection->state == CONNECTION_BUSY) {
        size_t got = 0;
        if (!write_out(connection)) {
            lose(connection, "the connection was lost");
            return;
        }
        CURLcode result = curl_easy_recv(connection->easy, bytes, sizeof(bytes), &got);
        if (result == CURLE_AGAIN)
            return;
        if (result != CURLE_OK || got == 0) {
            lose(connection, "the connection was lost");
            return;
        }
        if (!react(connection, slice_of(bytes, got)))
            return;
    }
}

void connection_expire(struct smtp_connection *connection, mono_ns now)
{
    if (connection->state == CONNECTION_BUSY && now >= connection->deadline) {
        connection->letters = 1; /* a stall is no stale connection */
        lose(connection, "no answer in time");
    } else if (connection->state == CONNECTION_IDLE && is_stale(connection, now)) {
        connection_close(connection, true);
    }
}

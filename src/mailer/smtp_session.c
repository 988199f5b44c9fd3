/* One connection's transactions: what is written, what is read, and when it is given up.
 *
 * The transaction is ours, over curl_easy_send and curl_easy_recv, because libcurl 7.88 waits for
 * the reply to the final dot in a blocking loop (smtp_done): one relay that thinks for ten seconds
 * would stop the whole process. Ours also sends MAIL, RCPT and DATA together where the relay offers
 * PIPELINING: two round trips a letter instead of four, and one write.
 *
 * Invariant: a connection that is WAITING, OPENING or BUSY has a delivery, and ends it with one
 * outcome. */
#include "gatepost/fault.h"

#include "smtp.h"

/* now may be older than used_at: it is the turn's, not the moment's. */
static bool is_stale(const struct smtp_connection *connection, mono_ns now)
{
    return now >= connection->used_at + connection_relay(connection)->idle_ns;
}

/* Looks whether an idle connection can take a letter: not worn out, and silent. A relay that has
 * something to say now says goodbye. One that was busy a moment ago is not looked at: should it be
 * gone, the letter goes over a fresh connection. */
bool connection_is_fit(struct smtp_connection *connection, mono_ns now)
{
    char byte;
    size_t got;

    BUG_ON(connection->state != CONNECTION_IDLE);
    if (connection->letters >= connection_relay(connection)->letters_max ||
        is_stale(connection, now))
        return false;
    if (now < connection->used_at + NS_PER_S)
        return true;
    return curl_easy_recv(connection->easy, &byte, 1, &got) == CURLE_AGAIN;
}

/* ---- a transaction ---- */

static void write_command(struct smtp_connection *connection)
{
    size_t len =
        smtp_command_write(&connection->dialogue, &connection->envelope, connection->commands);

    connection->out = slice_of(connection->commands, len);
    FAULT_ON("m.before_command", connection->out);
}

void connection_begin(struct smtp_connection *connection)
{
    connection->state = CONNECTION_BUSY;
    connection->is_ready = true;
    connection->deadline = clock_mono_ns() + connection_relay(connection)->transaction_ns;
    connection->error[0] = '\0';
    connection->is_unsuited = !smtp_offers_suffice(&connection->dialogue.offers,
                                                   &connection->envelope.needs, &connection->why);
    if (connection->is_unsuited)
        return;
    connection->letters++;
    connection->heard = 0;
    /* RSET and MAIL together would be pipelining as well: without it, a new connection. */
    smtp_dialogue_begin(&connection->dialogue, connection->needs_reset);
    write_command(connection);
}

static void become_idle(struct smtp_connection *connection)
{
    connection->state = CONNECTION_IDLE;
    connection->used_at = clock_mono_ns();
}

/* Nothing was said about it to the relay, whose connection is as good as before. */
static void refuse_unsuited(struct smtp_connection *connection)
{
    const struct outcome outcome = {
        .judgement = {VERDICT_REFUSED, false},
        .reply = slice_of_text(connection->why.text),
    };

    become_idle(connection);
    connection_give_back(connection, &outcome);
}

/* A no to the first command on a kept connection may be about the connection: a relay that counts
 * its letters. A fresh one shows whether it is about more. */
static bool is_worn_out(const struct smtp_connection *connection, enum smtp_answer answer)
{
    return connection->letters > 1 && connection->dialogue.stage == SMTP_STAGE_MAIL &&
           (answer == SMTP_ANSWER_CLOSING || answer == SMTP_ANSWER_LATER);
}

static void finish(struct smtp_connection *connection)
{
    const struct smtp_dialogue *dialogue = &connection->dialogue;
    enum smtp_answer answer = smtp_dialogue_answer(dialogue);
    bool try_fresh = is_worn_out(connection, answer);

    connection->needs_reset = dialogue->stage != SMTP_STAGE_DOT;
    if (dialogue->out_of_step || answer == SMTP_ANSWER_LOCKED || answer == SMTP_ANSWER_NONE ||
        try_fresh || (connection->needs_reset && !dialogue->offers.pipelining))
        connection_close(connection, true);
    else
        become_idle(connection);
    connection_tell(connection, CURLE_OK, try_fresh, "a reply that makes no sense");
}

static void lose(struct smtp_connection *connection, const char *why)
{
    const struct smtp_dialogue *dialogue = &connection->dialogue;
    /* Gone before the letter was whole: a relay that closes idle connections. Nothing happened. */
    bool try_fresh =
        connection->letters > 1 && dialogue->code == 0 && dialogue->stage != SMTP_STAGE_DOT;

    connection_close(connection, false);
    connection_tell(connection, CURLE_OK, try_fresh, why);
}

/* All of it; but where there are fault points a letter goes in two, so that one lies between. */
static size_t piece_len(const struct smtp_connection *connection)
{
#ifdef GATEPOST_FAULTS
    if (connection->out.at == connection->wire)
        return connection->wire_len / 2;
    if (connection->out.at > connection->wire)
        FAULT("m.mid_letter");
#endif
    return connection->out.len;
}

/* What a fresh connection would only repeat: a stall, a flood. */
static void give_up(struct smtp_connection *connection, const char *why)
{
    connection->letters = 1; /* it is no stale connection */
    lose(connection, why);
}

/* Writes what there is, as far as it goes. Returns false when the relay takes no more. */
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
        if (connection->out.at != connection->wire + connection->wire_len)
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
            connection->out = slice_of(connection->wire, connection->wire_len);
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

/* After a write that went through the relay needs time to answer: looking at once would find
 * nothing. A read that did not fill its buffer took all there was, of a TLS record too. A relay
 * that takes no more may have said why before it closed. One that never stops talking would keep
 * this loop, and with it every other relay, waiting. */
static void converse(struct smtp_connection *connection)
{
    char bytes[4096];
    size_t got = sizeof(bytes);

    while (connection->state == CONNECTION_BUSY) {
        bool had_to_write = connection->out.len > 0;
        bool is_taken = write_out(connection);
        if (is_taken && connection->out.len == 0 && (had_to_write || got < sizeof(bytes)))
            return;
        CURLcode result = curl_easy_recv(connection->easy, bytes, sizeof(bytes), &got);
        if (result == CURLE_AGAIN && is_taken)
            return;
        if (result != CURLE_OK || got == 0) {
            lose(connection, "the connection was lost");
            return;
        }
        connection->heard += got;
        if (!react(connection, slice_of(bytes, got)))
            return;
        if (connection->heard > SMTP_HEARD_MAX_BYTES) {
            give_up(connection, "replies without end");
            return;
        }
    }
}

void connection_move(struct smtp_connection *connection, mono_ns now)
{
    switch (connection->state) {
    case CONNECTION_WAITING:
        connection_look_for_token(connection, now);
        break;
    case CONNECTION_BUSY:
        if (connection->is_unsuited) {
            refuse_unsuited(connection);
            break;
        }
        if (connection->is_ready) {
            connection->is_ready = false;
            converse(connection);
        }
        if (connection->state == CONNECTION_BUSY && now >= connection->deadline)
            give_up(connection, "no answer in time");
        break;
    case CONNECTION_IDLE:
        if (is_stale(connection, now))
            connection_close(connection, true);
        break;
    case CONNECTION_CLOSED:
    case CONNECTION_OPENING:
        break;
    }
}

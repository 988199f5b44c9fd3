/* How an attempt's end is told: the verdict, whose trouble it is, and in whose words.
 *
 * Invariant: each delivery that a connection has is given back once, with one outcome. */
#include "redact.h"
#include "smtp.h"

struct smtp_relay *connection_relay(const struct smtp_connection *connection)
{
    return &connection->smtp->relays[connection->relay];
}

/* A relay whose STARTTLS goes wrong after its 220 is one that somebody may be talking for. */
static bool is_tls_failure(const struct smtp_connection *connection, CURLcode result)
{
    return result == CURLE_USE_SSL_FAILED || result == CURLE_SSL_CONNECT_ERROR ||
           result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE ||
           result == CURLE_SSL_CERTPROBLEM || result == CURLE_SSL_CIPHER ||
           result == CURLE_SSL_ISSUER_ERROR || result == CURLE_SSL_SHUTDOWN_FAILED ||
           (result == CURLE_WEIRD_SERVER_REPLY && connection_relay(connection)->starts_tls &&
            connection->dialogue.session_code == 220);
}

/* A login that is put off (4xx) is no trouble that the operator could mend. */
enum trouble connection_trouble(const struct smtp_connection *connection, CURLcode result)
{
    const struct smtp_dialogue *dialogue = &connection->dialogue;

    if (is_tls_failure(connection, result))
        return TROUBLE_TLS;
    if (smtp_dialogue_answer(dialogue) == SMTP_ANSWER_LOCKED ||
        (result == CURLE_LOGIN_DENIED && dialogue->session_code / 100 != 4))
        return TROUBLE_LOGIN;
    return TROUBLE_NETWORK;
}

/* The relay's own words where it said no or nonsense, else ours. */
static struct slice words_for(struct smtp_connection *connection, CURLcode result,
                              const char *otherwise)
{
    struct smtp_dialogue *dialogue = &connection->dialogue;
    bool relay_said_no = dialogue->session_code >= 400 || connection->spoke_nonsense ||
                         (result == CURLE_LOGIN_DENIED && dialogue->session_code >= 300);

    if (dialogue->text_len > 0 &&
        (dialogue->code != 0 || (dialogue->stage == SMTP_STAGE_SESSION && relay_said_no)))
        return slice_of(dialogue->text, dialogue->text_len);
    if (connection->error[0] != '\0')
        return slice_of_text(connection->error);
    return slice_of_text(otherwise);
}

void connection_give_back(struct smtp_connection *connection, const struct outcome *outcome)
{
    struct delivery *delivery = connection->delivery;
    const struct transport *transport = &connection->smtp->transport;

    connection->delivery = NULL;
    transport->on_outcome(transport->context, delivery, outcome);
}

/* Ends the delivery. The connection's own fate is decided before: the callback may use it again. */
void connection_tell(struct smtp_connection *connection, CURLcode result, bool try_fresh,
                     const char *otherwise)
{
    struct smtp_dialogue *dialogue = &connection->dialogue;

    redact_tokens(dialogue->text, dialogue->text_len);
    struct outcome outcome = {
        .judgement = verdict_of_reply(dialogue->stage, dialogue->code,
                                      slice_of(dialogue->text, dialogue->text_len)),
        .trouble = connection_trouble(connection, result),
        .try_fresh = try_fresh && !connection->delivery->fresh_connection,
        .reply = words_for(connection, result, otherwise),
    };

    connection_give_back(connection, &outcome);
}

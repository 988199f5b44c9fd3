/* A report and its envelope: which letter it is about, and the word on it to the store.
 *
 * A letter is known by its return path, whose MAC only this server can make, or by its Message-ID,
 * which nobody can guess and only its reader and the relays between have seen. */
#ifndef MAILER_BOUNCE_H
#define MAILER_BOUNCE_H

#include "gatepost/config.h"
#include "gatepost/store_messages.h"
#include "report.h"

/* What reports are told by; borrowed. */
struct bounce_rules {
    const struct config *config;   /* mail.from and mail.return_path */
    const struct secret *mail_key; /* of the return paths */
};

/* Do reports come here? To mail.from, to mail.return_path without anything in its '+' part, and to
 * every return path that this server made. address: as RCPT has it. */
MUST_USE bool bounce_is_ours(const struct bounce_rules *rules, struct slice address);

enum bounce_match { BOUNCE_UNMATCHED, BOUNCE_BY_RETURN_PATH, BOUNCE_BY_MESSAGE_ID };

/* The letter that a report is about: by the address that it came to, else by one that stands in it,
 * else by the Message-ID that it quotes. */
enum bounce_match bounce_find_job(const struct bounce_rules *rules, struct slice recipient,
                                  const struct report *report, struct uuid *job_id_out);

/* What the store is told about a report of a kind that it wants to know: not REPORT_NONE, not
 * REPORT_HARMLESS. The note's texts: the report's. */
struct bounce_note_ask bounce_note(const struct report *report, const struct uuid *job_id,
                                   wall_ms now);

/* The same, when the address that the report names is not the letter's: one of several behind it
 * has a fault, which is worth noting and no reason to give the letter's address up. */
struct bounce_note_ask bounce_note_of_another(const struct report *report,
                                              const struct uuid *job_id, wall_ms now);

/* What the Message-IDs of our letters end with. */
const char *bounce_domain(const struct bounce_rules *rules);

#endif

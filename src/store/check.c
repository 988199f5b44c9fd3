/* See check.h.
 *
 * A list and what it lists are held against each other both ways: a row must be listed under each
 * of its keys, and an entry must lead to a row that has that key. So a row that is missing, one
 * that is too many and one that was changed are all told, whichever side it is on. */
#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "check_rows.h"
#include "gatepost/encoding.h"
#include "gatepost/log.h"

#define PROGRESS_ROWS 1000U

static const char *const table_names[] = {
#define TABLE(NAME, file) [TABLE_##NAME] = (file),
    TABLES(TABLE)
#undef TABLE
};

/* ---- telling ------------------------------------------------------------------------------------
 */

static void tell(struct checking *checking, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell(struct checking *checking, const char *format, ...)
{
    struct check *check = checking->check;
    char sentence[512];
    va_list arguments;

    if (check->problems++ >= CHECK_PROBLEMS_MAX)
        return;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    check->on_problem(check->context, sentence);
}

/* A key for people: as text where it is one, else in hex. */
static const char *shown(struct slice key, char text_out[160])
{
    bool plain = key.len > 0;

    if (key.len > 70)
        key.len = 70;
    for (size_t i = 0; i < key.len && plain; i++)
        plain = key.at[i] >= 0x20 && key.at[i] < 0x7f;
    if (plain)
        (void)snprintf(text_out, 160, "%.*s", (int)key.len, key.at);
    else
        hex_encode(key.at, key.len, text_out);
    return text_out;
}

/* About the row at hand. */
void check_tell(struct checking *checking, const char *what)
{
    char text[160];

    tell(checking, "%s: row %s %s", table_names[checking->walk.table],
         shown(walk_key(&checking->walk), text), what);
}

/* ---- all of it ----------------------------------------------------------------------------------
 */

/* What is in `meta` was read when the environment was opened. */
static void check_fact(struct checking *checking)
{
    (void)checking;
}

static void (*const check_row[])(struct checking *checking) = {
    [TABLE_USERS] = check_user,
    [TABLE_USERS_BY_NAME] = check_way,
    [TABLE_USERS_BY_EMAIL] = check_way,
    [TABLE_USERS_BY_SUBJECT] = check_way,
    [TABLE_ANSWERS] = check_answer,
    [TABLE_SESSIONS] = check_session,
    [TABLE_SESSIONS_BY_USER] = check_session_entry,
    [TABLE_PROOFS] = check_proof,
    [TABLE_OUTBOX] = check_letter,
    [TABLE_OUTBOX_BY_DUE] = check_due_entry,
    [TABLE_AUDIT] = check_event,
    [TABLE_AUDIT_BY_USER] = check_event_entry,
    [TABLE_OUTBOX_BY_ADDRESS] = check_address_entry,
    [TABLE_SUPPRESSIONS] = check_suppression,
    [TABLE_META] = check_fact,
};
_Static_assert(ARRAY_LEN(check_row) == TABLE_COUNT, "a check for each table");

static void check_table(struct checking *checking, enum table table, uint64_t *looked)
{
    struct check *check = checking->check;

    walk_open(&checking->walk, &checking->call, table, (struct slice){0});
    while (walk_next(&checking->walk)) {
        check->rows[table]++;
        check_row[table](checking);
        if (++*looked % PROGRESS_ROWS == 0) {
            life_sign(check->env->segment, check->env->slot);
            check->on_progress(check->context, *looked);
        }
    }
    walk_close(&checking->walk);
    if (checking->call.failure != 0)
        tell(checking, "%s: cannot be read: %s", table_names[table],
             db_strerror(checking->call.failure));
    checking->call.failure = 0;
}

static void check_tally(struct checking *checking)
{
    const struct tally *found = &checking->tally;
    const struct tally *said = &checking->check->env->tally;
    const struct {
        const char *what;
        uint64_t found;
        uint64_t said;
    } facts[] = {
        {"accounts", found->users, said->users},
        {"letters that wait", found->pending, said->pending},
        {"letters that were given up", found->dead, said->dead},
        {"letters that were sent", found->sent, said->sent},
        {"suppressed addresses", found->suppressed, said->suppressed},
    };

    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        if (facts[i].found != facts[i].said)
            tell(checking, "meta.db: says %" PRIu64 " %s, there are %" PRIu64, facts[i].said,
                 facts[i].what, facts[i].found);
    }
}

void check_all(struct check *check)
{
    struct checking *checking = xcalloc(1, sizeof(*checking));
    uint64_t looked = 0;

    checking->check = check;
    checking->call.env = check->env;
    check->problems = 0;
    memset(check->rows, 0, sizeof(check->rows));
    for (size_t i = 0; i < TABLE_COUNT; i++)
        check_table(checking, (enum table)i, &looked);
    check_tally(checking);
    if (check->audit_events > 0 && !checking->anchored)
        tell(checking,
             "audit.db: does not go through event %" PRIu64 " as the backup's manifest has it",
             check->audit_events - 1);
    if (check->problems > CHECK_PROBLEMS_MAX) {
        char sentence[64];

        (void)snprintf(sentence, sizeof(sentence), "and %" PRIu64 " more",
                       check->problems - CHECK_PROBLEMS_MAX);
        check->on_problem(check->context, sentence);
    }
    free(checking);
}

/* A database with so many users, at the rate of the disk: the store's own functions, in large
 * transactions that nobody waits for.
 *
 *     fill DIR USERS PASSWORD     PASSWORD: the stored form that each of them gets
 *
 * What is written is what an import of them would leave (src/store/moving.c). One that was cut
 * short is continued; one that is complete stays as it is. Prints one JSON object. */
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/log.h"
#include "store/audit.h"
#include "store/durable.h"
#include "store/meta.h"
#include "store/users.h"

#include "population.h"

#define CACHE_MIB        4096
#define BATCH_USERS      5000U
#define CHECKPOINT_USERS 1000000U /* seldom: each writes every page that changed */

struct filling {
    struct env env;
    struct slice password;
    uint64_t users; /* wanted */
};

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "fill: %s: %s\n", what, why);
    exit(1);
}

static void check(const char *what, int failure)
{
    if (failure != 0)
        give_up(what, db_strerror(failure));
}

static void add_person(struct call *call, uint64_t number, struct slice password)
{
    const struct person person = population_person(number);
    const struct slice name = slice_of_text(person.name);
    const struct slice email = slice_of_text(person.email);
    char subject[UUID_TEXT_BYTES];

    uuid_format(&person.user_id, subject);
    const struct user_row user = {
        .subject = slice_of_text(subject),
        .username = name,
        .username_key = name,
        .email = email,
        .email_key = email,
        .password = password,
        .active = 1,
        .email_verified = 1,
        .date_joined = person.joined,
    };
    user_add(call, &person.user_id, &user);
    audit_add(call, AUDIT_IMPORTED, &person.user_id, (struct slice){0});
}

/* One transaction; the tally, which says where a next try goes on, is in it. */
static void add_batch(struct filling *filling)
{
    struct env *env = &filling->env;
    struct call call = {.env = env, .now = clock_wall_ms()};
    const uint64_t first = env->tally.users;

    check("begin", env->db_env->txn_begin(env->db_env, NULL, &call.txn, 0));
    for (uint64_t i = 0; i < BATCH_USERS && first + i < filling->users; i++)
        add_person(&call, first + i, filling->password);
    meta_put_tally(&call);
    check("add", call.failure);
    check("commit", call.txn->commit(call.txn, DB_TXN_NOSYNC));
}

static void checkpoint(struct env *env)
{
    uint64_t kept;

    check("flush", env_flush(env));
    check("checkpoint", env->db_env->txn_checkpoint(env->db_env, 0, 0, 0));
    check("old logs", durable_remove_old(env->db_env, env->durable_fd, 0, &kept));
}

static void fill(struct filling *filling)
{
    const struct tally *tally = &filling->env.tally;
    uint64_t covered = tally->users;

    while (tally->users < filling->users) {
        add_batch(filling);
        if (tally->users - covered < CHECKPOINT_USERS && tally->users < filling->users)
            continue;
        checkpoint(&filling->env);
        covered = tally->users;
        fprintf(stderr, "  %llu users\n", (unsigned long long)covered);
    }
}

int main(int argc, char **argv)
{
    struct filling filling = {0};
    struct err err = {{0}};
    struct segment *segment;
    const mono_ns began = clock_mono_ns();

    if (argc != 4 || (filling.users = strtoull(argv[2], NULL, 10)) == 0)
        give_up("usage", "fill DIR USERS PASSWORD");
    filling.password = slice_of_text(argv[3]);
    log_init("fill", LOG_LEVEL_ERROR);
    segment = segment_create(1, &err);
    if (!segment ||
        !env_open(&filling.env, argv[1], CACHE_MIB, segment, segment_store_slot(segment), &err))
        give_up(argv[1], err.text);

    const uint64_t before = filling.env.tally.users;
    if (before > filling.users)
        give_up(argv[1], "it has more users");
    fill(&filling);
    env_close(&filling.env);
    segment_close(&segment);
    printf("{\"users\":%llu,\"added\":%llu,\"seconds\":%.2f}\n", (unsigned long long)filling.users,
           (unsigned long long)(filling.users - before),
           (double)(clock_mono_ns() - began) / (double)NS_PER_S);
    return 0;
}

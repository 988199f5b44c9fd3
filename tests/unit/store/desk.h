/* A database of its own, and requests carried out on it one by one, without lanes. */
#ifndef TESTS_STORE_DESK_H
#define TESTS_STORE_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/answers.h"
#include "store/requests.h"
#include "store_rig.h"

struct desk {
    struct rig rig;
    struct env env;
    wall_ms now;      /* by the store's clock */
    struct call call; /* the last one */
    uint8_t ask[8192];
    uint8_t answer[LANE_RECORD_MAX_BYTES];
};

/* settings: Berkeley DB's, a line each; NULL: none but the store's own. */
static inline int start_with(void **state, const char *settings)
{
    struct desk *desk = xcalloc(1, sizeof(*desk));
    struct err err = {{0}};

    rig_init(&desk->rig);
    if (settings != NULL) {
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/DB_CONFIG", desk->rig.dir);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fputs(settings, file);
        assert_int_equal(fclose(file), 0);
    }
    desk->now = RIG_NOW;
    if (!env_open(&desk->env, desk->rig.dir, 16, desk->rig.segment,
                  segment_store_slot(desk->rig.segment), &err))
        fail_msg("%s", err.text);
    *state = desk;
    return 0;
}

static inline int start(void **state)
{
    return start_with(state, NULL);
}

/* Log files that are soon full. */
static inline int start_small(void **state)
{
    return start_with(state, "set_lg_bsize 32768\nset_lg_max 131072\n");
}

static inline int end(void **state)
{
    struct desk *desk = *state;

    env_close(&desk->env);
    rig_fini(&desk->rig);
    free(desk);
    return 0;
}

static inline struct packer asking(struct desk *desk)
{
    return packer_over(desk->ask, sizeof(desk->ask));
}

/* Carries out one request in a transaction of its own. */
static inline enum store_status carry_out(struct desk *desk, enum store_request request,
                                          struct packer *packed)
{
    enum store_status status;

    assert_false(packed->overflow);
    desk->call = (struct call){.env = &desk->env,
                               .roles = SEAT_WORKER | SEAT_ADMIN | SEAT_MAILER,
                               .now = desk->now,
                               .packed = packer_slice(packed),
                               .answer = packer_over(desk->answer, sizeof(desk->answer))};
    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &desk->call.txn, 0), 0);
    status = request_carry_out(&desk->call, (uint8_t)request);
    assert_int_equal(desk->call.failure, 0);
    assert_int_equal(desk->call.txn->commit(desk->call.txn, 0), 0);
    return status;
}

static inline struct slice answered(struct desk *desk)
{
    assert_false(desk->call.answer.overflow);
    return packer_slice(&desk->call.answer);
}

static inline enum store_status sign_up_with(struct desk *desk, const struct rig_person *person,
                                             const char *key, const char *body)
{
    struct packer packer = asking(desk);

    rig_pack_signup(&packer, person, slice_of_text(key), slice_of_text(body));
    return carry_out(desk, STORE_ACCOUNT_CREATE, &packer);
}

static inline enum store_status sign_up(struct desk *desk, uint64_t number)
{
    struct rig_person person = rig_person(number);

    return sign_up_with(desk, &person, "", "");
}

static inline struct account_create_answer created(struct desk *desk)
{
    struct account_create_answer answer;

    assert_true(account_create_answer_unpack(answered(desk), &answer));
    return answer;
}

#endif

/* A worker that was taken over asks the store whatever it likes: nothing crashes it, and a refusal
 * changes nothing.
 *
 * Shape of an input: a byte of choices, a request number, then the ask message. With choice bit 0
 * the first sign-up is made before, so that there is something to find. */
#include <stdlib.h>
#include <unistd.h>

#include "../unit/store/store_rig.h"
#include "store/answers.h"
#include "store/purge.h"
#include "store/requests.h"

static struct env env;
static struct rig rig;

static void clean_up(void)
{
    env_close(&env);
    store_client_free(&rig.client);
    segment_close(&rig.segment);
    nftw(rig.dir, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static void set_up(void)
{
    struct err err = {{0}};

    rig_init(&rig);
    atexit(clean_up);
    if (!env_open(&env, rig.dir, 4, rig.segment, segment_store_slot(rig.segment), &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

static enum store_status carry_out(struct call *call, uint8_t request, struct slice packed)
{
    static uint8_t answer[LANE_RECORD_MAX_BYTES - 9];

    call->packed = packed;
    call->now = RIG_NOW;
    call->answer = packer_over(answer, sizeof(answer));
    enum store_status status = request_carry_out(call, request);
    BUG_ON(call->failure != 0 || call->answer.overflow);
    return status;
}

static void sign_up_first(struct call *call)
{
    uint8_t bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(0);

    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    BUG_ON(carry_out(call, STORE_ACCOUNT_CREATE, packer_slice(&packer)) != STORE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct call call = {.env = &env};
    struct tally before;
    uint8_t *copy;

    if (!rig.segment)
        set_up();
    if (len < 2 || request_kind(bytes[1]) == REQUEST_UNKNOWN)
        return 0;
    copy = malloc(len - 2 > 0 ? len - 2 : 1); /* a heap block: ASan sees its ends */
    memcpy(copy, bytes + 2, len - 2);
    before = env.tally;
    BUG_ON(env.db_env->txn_begin(env.db_env, NULL, &call.txn, DB_TXN_NOSYNC) != 0);
    if (bytes[0] & 1)
        sign_up_first(&call);
    call.changed = false;
    if (carry_out(&call, bytes[1], slice_of(copy, len - 2)) == STORE_REFUSED)
        BUG_ON(call.changed);
    BUG_ON(request_kind(bytes[1]) == REQUEST_READ && call.changed);
    BUG_ON(call.txn->abort(call.txn) != 0);
    env.tally = before;
    free(copy);
    return 0;
}

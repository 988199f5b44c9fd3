/* Files that are not what they were: a flipped byte anywhere, a log file that is gone.
 *
 * The store refuses with a sentence, gives up by name when it meets the damage, or serves; and as
 * long as it serves, everybody who was acknowledged is there with the right password. What it never
 * does is to answer wrongly without a word. GATEPOST_DEEP=1 flips 500 bytes, otherwise 40. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "copies.h"

#define PEOPLE   120U
#define HANGS_MS 60000

struct world {
    struct rig intact; /* never started again once it is made */
    struct rig rig;
    char said[100];
    uint64_t random;
};

static char said[100]; /* what the store at hand writes to standard error goes there */

static void speak_into_the_file(void)
{
    int fd = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd >= 0)
        dup2(fd, STDERR_FILENO);
}

static bool has_said(const char *what)
{
    char line[1024];
    FILE *file = fopen(said, "r");
    bool found = false;

    while (file && !found && fgets(line, sizeof(line), file))
        found = strstr(line, what) != NULL;
    if (file)
        fclose(file);
    return found;
}

static char damage[200]; /* what was done to the files */

/* An assertion that says what the damage was and what the store said to it. */
#define MUST(condition) must((condition), #condition, __LINE__)
static void must(bool condition, const char *text, int line)
{
    char words[1024];
    FILE *file;

    if (condition)
        return;
    print_error("line %d: %s, after %s; the store said:\n", line, text, damage);
    file = fopen(said, "r");
    while (file && fgets(words, sizeof(words), file))
        print_error("    %s", words);
    if (file)
        fclose(file);
    fail();
}

static uint64_t random_below(struct world *world, uint64_t limit)
{
    world->random = world->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (world->random >> 24) % limit;
}

/* A database with a few pages in every table that matters; its log files are small, so that there
 * are several. */
static void make_intact(struct world *world, bool killed)
{
    struct rig *rig = &world->intact;
    char path[4096];
    struct rig_answer answer;
    FILE *file;

    rig_init(rig);
    assert_true(snprintf(path, sizeof(path), "%s/DB_CONFIG", rig->dir) < (int)sizeof(path));
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("set_lg_max 131072\nset_lg_bsize 32768\nset_cachesize 0 2097152 1\n", file);
    fclose(file);
    rig_start(rig, NULL);
    for (uint64_t number = 0; number < PEOPLE; number++)
        assert_int_equal(rig_signup(rig, number, &answer), STORE_OK);
    if (killed)
        rig_kill(rig);
    else
        assert_int_equal(rig_stop(rig), 0);
}

static struct world *world_new(bool killed)
{
    struct world *world = xcalloc(1, sizeof(*world));

    make_intact(world, killed);
    rig_init(&world->rig);
    snprintf(said, sizeof(said), "%s-said", world->rig.dir);
    world->random = killed ? 1 : 2;
    return world;
}

static void world_free(struct world *world)
{
    rig_fini(&world->rig);
    rig_fini(&world->intact);
    (void)unlink(said);
    free(world);
}

/* ---- a look at a damaged one -------------------------------------------------------------------
 */

enum outcome { SERVED, REFUSED, GAVE_UP, OUTCOMES };

static enum outcome outcome_of(int status, bool told)
{
    MUST(WIFEXITED(status));
    switch (WEXITSTATUS(status)) {
    case EXIT_STORE_OPEN:
        MUST(has_said("store.dir"));
        return REFUSED;
    case EXIT_STORE_PANIC:
        MUST(has_said("store.panicked"));
        return GAVE_UP;
    default:
        MUST(told && WEXITSTATUS(status) == EXIT_DONE);
        return SERVED;
    }
}

static bool has_ended(struct rig *rig, int *status_out)
{
    if (waitpid(rig->store, status_out, WNOHANG) != rig->store)
        return false;
    close(rig->control_fd);
    close(rig->alive_fd);
    rig->store = 0;
    return true;
}

/* Returns false when the store ended instead of answering. */
static bool asks(struct rig *rig, enum store_request request, const struct packer *packer,
                 struct rig_answer *answer, int *status_out)
{
    answer->came = false;
    MUST(store_ask(rig->client, request, packer_slice(packer),
                   clock_mono_ns() + HANGS_MS * NS_PER_MS, rig_on_answer, answer));
    while (!answer->came) {
        rig_turn(rig, 5);
        if (!answer->came && has_ended(rig, status_out))
            return false;
    }
    MUST(answer->status != STORE_AWAY);
    return true;
}

/* The answer must be right, or say that the store could not tell. */
static bool looks_up(struct rig *rig, uint64_t number, int *status_out)
{
    char bytes[2048];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(number);
    struct credentials_answer credentials;
    struct rig_answer answer;

    credentials_ask_pack(&packer,
                         &(struct credentials_ask){.username_key = slice_of_text(person.username)});
    if (!asks(rig, STORE_CREDENTIALS, &packer, &answer, status_out))
        return false;
    if (answer.status == STORE_BUSY) {
        MUST(has_said("store.row_"));
        return true;
    }
    MUST(answer.status == STORE_OK);
    MUST(credentials_answer_unpack(slice_of(answer.payload, answer.len), &credentials));
    MUST(slice_equal(credentials.password, SLICE_LITERAL(RIG_PASSWORD)));
    MUST(uuid_equal(&credentials.user_id, &person.user_id));
    return true;
}

/* A name that is taken must not be given a second time. */
static bool signs_up(struct rig *rig, uint64_t number, enum store_status expected, int *status_out)
{
    char bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(number);
    struct rig_answer answer;

    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    if (!asks(rig, STORE_ACCOUNT_CREATE, &packer, &answer, status_out))
        return false;
    MUST(answer.status == expected || answer.status == STORE_BUSY);
    return true;
}

static enum outcome look(struct world *world)
{
    struct rig *rig = &world->rig;
    int status;

    rig_fork(rig, speak_into_the_file);
    for (int ms = 0; !rig_serves(rig); ms++) {
        if (has_ended(rig, &status))
            return outcome_of(status, false);
        MUST(ms < HANGS_MS);
        usleep(1000);
    }
    for (uint64_t number = 0; number < PEOPLE; number++) {
        if (!looks_up(rig, number, &status))
            return outcome_of(status, false);
    }
    for (uint64_t number = 0; number < PEOPLE; number += 10) {
        if (!signs_up(rig, number, STORE_DUPLICATE, &status))
            return outcome_of(status, false);
    }
    if (!signs_up(rig, PEOPLE + 1, STORE_OK, &status))
        return outcome_of(status, false);
    return outcome_of(rig_stop(rig), true);
}

/* A new segment each time: what was in work at the last one's end is no suspect here. */
static void begin_again(struct world *world)
{
    struct rig *rig = &world->rig;
    struct err err = {{0}};

    store_client_free(&rig->client);
    segment_close(&rig->segment);
    rig->segment = segment_create(2, &err);
    assert_non_null(rig->segment);
    assert_true(seat_take(rig->segment, SEAT_WORKER | SEAT_MAILER, &rig->slot));
    rig->client = store_client_new(rig->segment, rig->slot);
    empty_directory(rig->dir);
    copy_directory(world->intact.dir, rig->dir);
}

/* ---- a flipped byte ----------------------------------------------------------------------------
 */

#define FILES_MAX 32
static char names[FILES_MAX][64];
static size_t name_count;

static int note_name(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    const char *name = path + ftw->base;

    (void)stat;
    if (type == FTW_F && (strstr(name, ".db") || strncmp(name, "log.", 4) == 0)) {
        assert_true(name_count < FILES_MAX);
        snprintf(names[name_count++], sizeof(names[0]), "%s", name);
    }
    return 0;
}

static void flip(struct world *world, const char *name)
{
    char path[4096];
    struct stat stat;
    uint8_t byte;
    off_t at;
    int fd;

    assert_true(snprintf(path, sizeof(path), "%s/%s", world->rig.dir, name) < (int)sizeof(path));
    fd = open(path, O_RDWR);
    assert_true(fd >= 0 && fstat(fd, &stat) == 0);
    at = (off_t)random_below(world, (uint64_t)stat.st_size);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= (uint8_t)(1U << random_below(world, 8));
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    snprintf(damage, sizeof(damage), "a flip at %lld of %s", (long long)at, name);
}

static void flip_many(bool killed, unsigned count)
{
    struct world *world = world_new(killed);
    unsigned outcomes[OUTCOMES] = {0};

    name_count = 0;
    assert_int_equal(nftw(world->intact.dir, note_name, 8, FTW_PHYS), 0);
    for (unsigned i = 0; i < count; i++) {
        begin_again(world);
        flip(world, names[random_below(world, name_count)]);
        outcomes[look(world)]++;
    }
    print_message("%u bytes of a %s database flipped: %u refused, %u given up, %u served\n", count,
                  killed ? "killed" : "stopped", outcomes[REFUSED], outcomes[GAVE_UP],
                  outcomes[SERVED]);
    assert_true(outcomes[REFUSED] + outcomes[GAVE_UP] > 0);
    world_free(world);
}

static unsigned flips(void)
{
    return getenv("GATEPOST_DEEP") ? 250 : 20;
}

static void test_a_flipped_byte_of_a_stopped_database_is_never_a_wrong_answer(void **state)
{
    (void)state;
    flip_many(false, flips());
}

static void test_a_flipped_byte_of_a_killed_database_is_never_a_wrong_answer(void **state)
{
    (void)state;
    flip_many(true, flips());
}

/* ---- a log file that is gone --------------------------------------------------------------------
 */

static void test_a_lost_log_file_is_named_or_was_not_needed(void **state)
{
    struct world *world = world_new(true);
    unsigned refused = 0;
    unsigned logs = 0;

    (void)state;
    name_count = 0;
    assert_int_equal(nftw(world->intact.dir, note_name, 8, FTW_PHYS), 0);
    for (size_t i = 0; i < name_count; i++) {
        char path[4096];

        if (strncmp(names[i], "log.", 4) != 0)
            continue;
        begin_again(world);
        assert_true(snprintf(path, sizeof(path), "%s/%s", world->rig.dir, names[i]) <
                    (int)sizeof(path));
        assert_int_equal(unlink(path), 0);
        snprintf(damage, sizeof(damage), "the loss of %s", names[i]);
        logs++;
        if (look(world) != SERVED) {
            refused++;
            MUST(has_said(names[i]));
        }
    }
    print_message("%u log files, %u of them needed\n", logs, refused);
    assert_true(logs >= 3 && refused >= 2);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flipped_byte_of_a_stopped_database_is_never_a_wrong_answer),
        cmocka_unit_test(test_a_flipped_byte_of_a_killed_database_is_never_a_wrong_answer),
        cmocka_unit_test(test_a_lost_log_file_is_named_or_was_not_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

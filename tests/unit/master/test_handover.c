/* What a master leaves its successor: what was written is read back, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/handover.h"

#include "gatepost/segment_parts.h"

struct rig {
    struct master master;
    char *text;
    size_t len;
};

static void no_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    fail_msg("%s: %s", where, sentence);
}

static struct child *add_child(struct master *master, enum proc_role role, uint32_t slot)
{
    struct child *child = &master->children[master->places++];
    *child = (struct child){
        .pid = (pid_t)(1000 + slot),
        .role = role,
        .slot = slot,
        .edition = 3,
        .generation = role == ROLE_STORE ? 7 : seat_look(master->segment, slot).generation,
        .control_fd = 100 + (int)slot,
        .ready = true,
        .started_ns = 12345678901,
    };
    return child;
}

/* A master in the middle of its life. Descriptors are numbers only: the format does not look. */
static void set_up(struct rig *rig)
{
    static const struct config_source nothing = {.file = "/dev/null"};
    struct err err = {0};
    *rig = (struct rig){
        .master = {
            .editions = 5,
            .current.number = 3,
            .store_edition = 2,
            .store_epoch = 7,
            .generation = 4,
            .served = true,
            .started_ns = 42,
            .lock = {90, 91},
            .alive_read_fd = 92,
            .alive_write_fd = 93,
            .pages.current = {.listener = {.fd = 94, .name = "unix:var/gatepost.sock"},
                              .mode = 0600},
            .pages.next.listener.fd = -1,
            .current.own.admin = {.listener = {.fd = 95, .name = "unix:var/admin.sock"},
                                  .mode = 0600},
            .current.own.bounces = {.listener.fd = -1, .mode = 0660},
            .stderr_fd = 96,
            .reload = {.waiting = true, .begun = 9, .done = 8, .done_ms = 1700000000000},
            .upgrade = {.begun = 2, .done = 1, .ok = true},
        }};
    struct master *master = &rig->master;
    snprintf(master->reload.outcome.text, sizeof master->reload.outcome.text, "two\nlines\tof it");
    master->current.config = config_load(&nothing, no_problem, NULL);
    assert_non_null(master->current.config);
    master->backoff[ROLE_MAILER] = (struct backoff){
        .deaths = {1, 2, 3, 4, 5, 6}, .next = 2, .delay_ns = 77, .not_before_ns = 88};
    master->current.listeners.count = 2;
    master->current.listeners.sockets[0] =
        (struct listen_socket){.listener = {.fd = 97, .name = "127.0.0.1:8000"},
                               .text = "127.0.0.1:0",
                               .inherited = true,
                               .fd_name = "public"};
    master->inherited.count = 2;
    master->inherited.sockets[0] = master->current.listeners.sockets[0];
    master->inherited.sockets[1] = (struct listen_socket){
        .listener = {.fd = 99, .name = "127.0.0.1:8001"}, .inherited = true, .fd_name = "spare"};
    master->current.listeners.sockets[1] =
        (struct listen_socket){.listener = {.fd = 98, .is_unix = true, .name = "unix:/a path/x"},
                               .text = "unix:/a path/x"};
    master->segment = segment_create(4, &err);
    assert_non_null(master->segment);
    segment_stamp(master->segment, 4711);
    master->children = xcalloc(8, sizeof *master->children);
    uint32_t slot = 0;
    assert_true(seat_take_mailer(master->segment));
    assert_true(seat_take_worker(master->segment, &slot));
    add_child(master, ROLE_MAILER, SLOT_MAILER);
    struct child *worker = add_child(master, ROLE_WORKER, slot);
    worker->number = 1;
    worker->leaving = true;
    worker->control_fd = -1;
    worker->kill_ns = 99;
    add_child(master, ROLE_STORE, segment_store_slot(master->segment));
}

static void tear_down(struct rig *rig)
{
    segment_close(&rig->master.segment);
    free(rig->master.children);
    config_free(&rig->master.current.config);
    free(rig->text);
}

static void write_it(struct rig *rig, bool with_children)
{
    struct err err = {0};
    int fd = handover_write(&rig->master, with_children, &err);
    assert_true(fd >= 0);
    free(rig->text);
    assert_true(handover_load(fd, &rig->text, &rig->len, &err));
    close(fd);
}

static bool accepts(const char *text, size_t len)
{
    struct handover handover;
    struct err err = {0};
    if (!handover_read(slice_of(text, len), &handover, &err)) {
        assert_true(err.text[0] != '\0');
        return false;
    }
    handover_fini(&handover);
    return true;
}

static void test_what_was_written_is_read_back(void **state)
{
    (void)state;
    struct rig rig;
    struct handover handover;
    struct err err = {0};
    set_up(&rig);
    write_it(&rig, true);
    assert_true(handover_read(slice_of(rig.text, rig.len), &handover, &err));
    const struct master *read = &handover.master;
    assert_int_equal(read->editions, 5);
    assert_int_equal(read->current.number, 3);
    assert_int_equal(read->store_epoch, 7);
    assert_true(read->served && !read->condemned && read->reload.waiting && !read->reload.ok);
    assert_int_equal(read->reload.done_ms, 1700000000000);
    assert_string_equal(read->reload.outcome.text, "two lines of it");
    assert_int_equal(read->upgrade.begun, 2);
    assert_memory_equal(read->backoff, rig.master.backoff, sizeof read->backoff);
    assert_int_equal(read->lock.write_fd, 91);
    assert_int_equal(read->current.own.bounces.listener.fd, -1);
    assert_int_equal(read->current.own.bounces.mode, 0660);
    assert_int_equal(read->current.own.admin.listener.fd, 95);
    assert_string_equal(read->current.own.admin.listener.name, "unix:var/admin.sock");
    assert_true(read->current.own.admin.listener.is_unix);
    assert_int_equal(read->pages.current.listener.fd, 94);
    assert_int_equal(read->pages.next.listener.fd, -1);
    assert_int_equal(read->next.own.admin.listener.fd, -1);
    assert_int_equal(read->inherited.count, 2);
    assert_string_equal(read->inherited.sockets[0].fd_name, "spare");
    assert_int_equal(read->inherited.sockets[1].listener.fd, 97);
    assert_int_equal(read->current.listeners.count, 2);
    assert_true(read->current.listeners.sockets[0].inherited);
    assert_string_equal(read->current.listeners.sockets[0].text, "127.0.0.1:0");
    assert_string_equal(read->current.listeners.sockets[1].listener.name, "unix:/a path/x");
    assert_int_equal(read->places, 7);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(&read->children[i], &rig.master.children[i], sizeof(struct child));
    assert_int_equal(handover.parts.worker_seats, 4);
    assert_int_equal(handover.parts.fd, segment_fd(rig.master.segment));
    assert_int_equal(handover.parts.wake_fds[6], wake_fd(rig.master.segment, 6));
    assert_int_equal(handover.parts.seats[0].state, SEAT_LIVE);
    assert_int_equal(handover.parts.seats[4].state, SEAT_FREE);
    assert_string_equal(handover.version, GATEPOST_VERSION);
    struct config *config =
        config_revive(slice_of_text(handover.config), handover.config_file, no_problem, NULL);
    assert_non_null(config);
    assert_int_equal(config_difference(rig.master.current.config, config, &err), 0);
    config_free(&config);
    handover_fini(&handover);
    tear_down(&rig);
}

static void test_without_children_there_is_no_segment(void **state)
{
    (void)state;
    struct rig rig;
    struct handover handover;
    struct err err = {0};
    set_up(&rig);
    write_it(&rig, false);
    assert_true(handover_read(slice_of(rig.text, rig.len), &handover, &err));
    assert_int_equal(handover.parts.worker_seats, 0);
    assert_int_equal(handover.master.places, 0);
    handover_fini(&handover);
    tear_down(&rig);
}

static void test_whatever_is_cut_off_is_noticed(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    write_it(&rig, true);
    assert_true(accepts(rig.text, rig.len));
    for (size_t len = 0; len < rig.len; len += len < 4000 ? 1 : 97)
        assert_false(accepts(rig.text, len));
    assert_false(accepts(rig.text, rig.len - 1));
    tear_down(&rig);
}

/* Every line of it is needed, and none may stand twice where that would mean two of a thing. */
static void test_a_line_that_is_missing_is_noticed(void **state)
{
    (void)state;
    struct rig rig;
    size_t refused = 0;
    size_t lines = 0;
    set_up(&rig);
    write_it(&rig, true);
    const char *end = strstr(rig.text, "\nconfiguration\n") + 1;
    for (const char *line = rig.text; line < end; line = strchr(line, '\n') + 1) {
        size_t before = (size_t)(line - rig.text);
        size_t len = (size_t)(strchr(line, '\n') + 1 - line);
        char *cut = xcalloc(rig.len, 1);
        memcpy(cut, rig.text, before);
        memcpy(cut + before, line + len, rig.len - before - len);
        /* An outcome's text, a role's past, one listener of two, the store: nobody can miss them.
         */
        bool needed = strncmp(line, "text ", 5) != 0 && strncmp(line, "backoff ", 8) != 0 &&
                      strncmp(line, "listener", 8) != 0 && strncmp(line, "spare ", 6) != 0 &&
                      strncmp(line, "child 1005 store", 16) != 0;
        bool taken = accepts(cut, rig.len - len);
        if (needed)
            assert_false(taken);
        refused += !taken;
        lines++;
        free(cut);
    }
    assert_true(lines > 50 && refused > 35);
    tear_down(&rig);
}

/* Puts `new` in the place of the first `old`. */
static bool accepts_with(const struct rig *rig, const char *old, const char *new)
{
    char *found = memmem(rig->text, rig->len, old, strlen(old));
    assert_non_null(found);
    size_t before = (size_t)(found - rig->text);
    size_t len = rig->len - strlen(old) + strlen(new);
    char *text = xcalloc(len, 1);
    memcpy(text, rig->text, before);
    memcpy(text + before, new, strlen(new));
    memcpy(text + before + strlen(new), found + strlen(old), rig->len - before - strlen(old));
    bool taken = accepts(text, len);
    free(text);
    return taken;
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"gatepost handover 1", "gatepost handover 2"},
        {"number editions 5", "number editions -5"},
        {"number editions 5", "number editions 4294967296"},
        {"number editions 5", "number editions 99999999999999999999999"},
        {"number editions 5", "number editions 18446744073709551616"},
        {"number editions 5", "number editions five"},
        {"number editions 5", "number editions"},
        {"number served 1", "number served 2"},
        {"descriptor lock 90", "descriptor lock 2"},
        {"descriptor lock 90", "descriptor lock 4294967299"},
        {"descriptor lock 90", "descriptor lock 91"}, /* which is the pid file */
        {"listener 97 0 1", "listener 98 0 1"},
        {"listener 97 0 1", "listener 97 7 1"},
        {"backoff mailer 2", "backoff mailer 6"},
        {"backoff mailer 2", "backoff postman 2"},
        {"seat 0 1", "seat 0 3"},
        {"seat 0 1", "seat 1 1"},
        {"seat 0 1", "seat 0 0"}, /* and the mailer sits there */
        {"child 1000 mailer 0", "child 1000 mailer 2"},
        {"child 1000 mailer 0", "child 1 mailer 0"},
        {"child 1000 mailer 0", "child 1000 master 0"},
        {"child 1000 mailer 0", "child 1000 worker 0"},
        {"child 1000 mailer 0", "child 1001 mailer 0"}, /* a pid twice */
        {"child 1000 mailer 0", "child 1000 mailer 4000000000"},
        {"child 1001 worker 1", "child 1001 worker 5"},
        {"child 1005 store 5", "child 1005 store 1"},
    };
    struct rig rig;
    set_up(&rig);
    write_it(&rig, true);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        if (accepts_with(&rig, wrong[i][0], wrong[i][1]))
            fail_msg("taken: %s", wrong[i][1]);
    }
    tear_down(&rig);
}

static void test_what_a_later_version_adds_is_passed_over(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    write_it(&rig, true);
    assert_true(accepts_with(&rig, "number editions 5",
                             "number editions 5\nnumber of_the_beast 666\nsomething else entirely\n"
                             "descriptor for_what 200\ntext whose nobody's"));
    assert_true(accepts_with(&rig, "[http]", "[later]\nkey = value\n[http]\nlater = 7"));
    tear_down(&rig);
}

static void test_random_damage_is_refused_or_harmless(void **state)
{
    (void)state;
    struct rig rig;
    unsigned seed = 4711;
    set_up(&rig);
    write_it(&rig, true);
    size_t head = (size_t)(strstr(rig.text, "\nconfiguration\n") - rig.text);
    for (int i = 0; i < 3000; i++) {
        size_t at = (size_t)rand_r(&seed) % head;
        char kept = rig.text[at];
        rig.text[at] = (char)rand_r(&seed);
        (void)accepts(rig.text, rig.len);
        rig.text[at] = kept;
    }
    assert_true(accepts(rig.text, rig.len));
    tear_down(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read_back),
        cmocka_unit_test(test_without_children_there_is_no_segment),
        cmocka_unit_test(test_whatever_is_cut_off_is_noticed),
        cmocka_unit_test(test_a_line_that_is_missing_is_noticed),
        cmocka_unit_test(test_what_makes_no_sense_is_refused),
        cmocka_unit_test(test_what_a_later_version_adds_is_passed_over),
        cmocka_unit_test(test_random_damage_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

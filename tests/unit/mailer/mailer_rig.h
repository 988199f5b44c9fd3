/* The real mailer process, with the test as its master, its workers and its store. */
#ifndef TEST_MAILER_RIG_H
#define TEST_MAILER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatepost/lane.h"
#include "gatepost/letter.h"
#include "gatepost/proc.h"
#include "gatepost/store_messages.h"

#define RIG_ROWS_MAX 1024
#define RIG_WAIT_MS  10000

struct rig_row {
    struct outbox_row row;
    uint8_t job[512];
    bool gone;
    unsigned verdict; /* the last one; 99: none */
    char reply[513];
};

struct rig {
    char folder[64];
    struct segment *segment;
    struct config *config;
    struct letter_set *letters;
    struct heritage heritage;
    int master_end, alive_end;
    pid_t mailer;
    uint32_t worker_slot;
    struct lane mail, asks, answers;
    struct rig_row rows[RIG_ROWS_MAX];
    size_t row_count;
    size_t sweeps, settles, claims;
    enum store_status claim_status;  /* what claims are answered with; STORE_OK: as the row says */
    bool renews;                     /* claims are answered with a new link */
    enum store_status settle_status; /* what settles are answered with */
    bool mute;                       /* settles are heard and not answered */
    int bounce_fd;                   /* a listening socket for the mailer; 0: none */
    size_t bounces;                  /* notes of reports */
    struct bounce_note_ask bounce;   /* the last one; its texts are in the two below */
    char bounce_recipient[255], bounce_detail[513];
    enum store_status bounce_status; /* what they are answered with */
    bool bounce_mute;
};

static void rig_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    print_error("%s: %s\n", where, sentence);
}

static void rig_start(struct rig *rig)
{
    int control[2], alive[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, control), 0);
    assert_int_equal(pipe(alive), 0);
    assert_true(seat_take_mailer(rig->segment));
    rig->heritage = (struct heritage){
        .role = ROLE_MAILER,
        .slot = SLOT_MAILER,
        .generation = seat_look(rig->segment, SLOT_MAILER).generation,
        .config = rig->config,
        .letters = rig->letters,
        .segment = rig->segment,
        .control_fd = control[1],
        .alive_fd = alive[0],
        .lock_fd = -1,
        .master_pid = getpid(),
        .listeners = {{.fd = rig->bounce_fd, .is_unix = true}},
        .listener_count = rig->bounce_fd > 0,
    };
    rig->master_end = control[0];
    rig->alive_end = alive[1];
    fflush(NULL);
    rig->mailer = fork();
    if (rig->mailer == 0) {
        close(control[0]);
        close(alive[1]);
        exit(mailer_main(&rig->heritage)); /* not _exit: leaks are looked for */
    }
    close(control[1]);
    close(alive[0]);
    rig->asks = lane_open(rig->segment, SLOT_MAILER, LANE_ASK);
    rig->answers = lane_open(rig->segment, SLOT_MAILER, LANE_ANSWER);
}

/* The segment with a worker's seat, a key, the configuration; no mailer yet. */
static void rig_open(struct rig *rig, const char *const *overrides, size_t override_count)
{
    char key_file[128], mail_dir[128];
    const char *all[16] = {key_file, mail_dir, "mail.sweep_s=1", "mail.retry_s=1"};
    struct err err = {""};

    *rig = (struct rig){.settle_status = STORE_OK};
    snprintf(rig->folder, sizeof(rig->folder), "/tmp/mailer_rig.XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    snprintf(key_file, sizeof(key_file), "mail.key_file=%s/mail.key", rig->folder);
    snprintf(mail_dir, sizeof(mail_dir), "mail.dir=%s/mail", rig->folder);
    assert_true(secret_make_file(strchr(key_file, '=') + 1, &err));
    for (size_t i = 0; i < override_count; i++)
        all[4 + i] = overrides[i];
    const struct config_source source = {.overrides = all, .override_count = 4 + override_count};
    rig->config = config_load(&source, rig_problem, NULL);
    assert_non_null(rig->config);
    rig->letters = letter_set_load("", "en", rig_problem, NULL);
    assert_non_null(rig->letters);
    rig->segment = segment_create(2, &err);
    assert_non_null(rig->segment);
    board_set(rig->segment, BOARD_STORE_EPOCH, 1);
    assert_true(seat_take_worker(rig->segment, &rig->worker_slot));
    rig->mail = lane_open(rig->segment, rig->worker_slot, LANE_MAIL);
}

/* A job, and its row unless the outbox is not to have it. age_ms: how long ago. */
static struct rig_row *rig_job(struct rig *rig, bool with_row, int64_t age_ms)
{
    struct rig_row *row = &rig->rows[rig->row_count++];
    struct packer packer = packer_over(row->job, sizeof(row->job));
    char to[64];
    wall_ms created = clock_wall_ms() - age_ms;

    assert_true(rig->row_count <= RIG_ROWS_MAX);
    snprintf(to, sizeof(to), "person%zu@example.com", rig->row_count - 1);
    const struct mail_job job = {
        .job_id = uuid_new(created),
        .purpose = MAIL_VERIFY,
        .proof_id = uuid_new(created),
        .to = slice_of_text(to),
        .username = SLICE_LITERAL("anna"),
        .created = created,
        .expires = created + 86400000,
    };
    mail_job_pack(&packer, &job);
    *row = (struct rig_row){.gone = !with_row, .verdict = 99};
    packer = packer_over(row->job, sizeof(row->job));
    mail_job_pack(&packer, &job);
    row->row = (struct outbox_row){
        .job_id = job.job_id, .due = created, .created = created, .job = packer_slice(&packer)};
    return row;
}

static void rig_push(struct rig *rig, const struct rig_row *row)
{
    uint8_t record[LANE_RECORD_MAX_BYTES];
    struct packer packer = packer_over(record, sizeof(record));

    pack_slice(&packer, SLICE_LITERAL("request-1"));
    pack_raw(&packer, row->row.job.at, row->row.job.len);
    assert_true(lane_push(&rig->mail, record, packer.len));
}

static void rig_answer(struct rig *rig, uint64_t sequence, enum store_status status,
                       struct slice payload)
{
    uint8_t bytes[LANE_RECORD_MAX_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct answer_head head = {.sequence = sequence, .status = (uint8_t)status};

    answer_head_pack(&packer, &head);
    pack_raw(&packer, payload.at, payload.len);
    assert_false(packer.overflow);
    assert_true(lane_push(&rig->answers, bytes, packer.len));
}

/* The rows that are due, as many as go into one page. */
static void rig_page(struct rig *rig, uint64_t sequence, struct slice packed)
{
    struct outbox_page_ask ask;
    uint8_t rows[15000], row[1024], bytes[LANE_RECORD_MAX_BYTES];
    struct packer all = packer_over(rows, sizeof(rows));
    struct packer packer = packer_over(bytes, sizeof(bytes));

    assert_true(outbox_page_ask_unpack(packed, &ask));
    for (size_t i = 0; i < rig->row_count; i++) {
        struct packer one = packer_over(row, sizeof(row));
        if (rig->rows[i].gone || rig->rows[i].row.due >= ask.due_before)
            continue;
        outbox_row_pack(&one, &rig->rows[i].row);
        if (all.len + one.len + 2 > all.max)
            break;
        pack_slice(&all, packer_slice(&one));
    }
    assert_false(all.overflow);
    const struct outbox_page_answer page = {.rows = packer_slice(&all)};
    outbox_page_answer_pack(&packer, &page);
    rig_answer(rig, sequence, STORE_OK, packer_slice(&packer));
    rig->sweeps++;
}

static void rig_settle(struct rig *rig, uint64_t sequence, struct slice packed)
{
    struct outbox_settle_ask ask;

    assert_true(outbox_settle_ask_unpack(packed, &ask));
    for (size_t i = 0; i < rig->row_count; i++) {
        struct rig_row *row = &rig->rows[i];
        if (!uuid_equal(&row->row.job_id, &ask.job_id))
            continue;
        row->verdict = ask.verdict;
        assert_true(slice_to_text(ask.reply, row->reply, sizeof(row->reply)));
        if (rig->settle_status == STORE_OK) {
            row->gone = ask.verdict != OUTBOX_RETRY;
            row->row.due = ask.due;
            row->row.tries++;
        }
    }
    rig->settles++;
    if (rig->mute)
        return;
    rig_answer(rig, sequence, rig->settle_status, SLICE_LITERAL(""));
}

/* Is the letter still wanted? A row that is there, and as it was seen, is. */
static void rig_claim(struct rig *rig, uint64_t sequence, struct slice packed)
{
    struct outbox_claim_ask ask;
    uint8_t bytes[1024];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct rig_row *found = NULL;

    assert_true(outbox_claim_ask_unpack(packed, &ask));
    rig->claims++;
    for (size_t i = 0; i < rig->row_count; i++) {
        const struct rig_row *row = &rig->rows[i];
        bool settled = row->verdict != 99 && row->verdict != OUTBOX_RETRY;
        if (uuid_equal(&row->row.job_id, &ask.job_id) && !row->gone && !settled &&
            row->row.due == ask.due)
            found = row;
    }
    if (found == NULL || rig->claim_status != STORE_OK) {
        rig_answer(rig, sequence, found == NULL ? STORE_NOT_FOUND : rig->claim_status,
                   SLICE_LITERAL(""));
        return;
    }
    struct mail_job job;
    uint8_t renewed[512];
    struct packer job_packer = packer_over(renewed, sizeof(renewed));
    assert_true(mail_job_unpack(found->row.job, &job));
    if (rig->renews) {
        job.proof_id = ask.proof_id;
        job.expires = ask.now + 86400000;
    }
    mail_job_pack(&job_packer, &job);
    outbox_claim_answer_pack(
        &packer,
        &(struct outbox_claim_answer){.renewed = rig->renews, .job = packer_slice(&job_packer)});
    rig_answer(rig, sequence, STORE_OK, packer_slice(&packer));
}

static void rig_bounce(struct rig *rig, uint64_t sequence, struct slice packed)
{
    assert_true(bounce_note_ask_unpack(packed, &rig->bounce));
    assert_true(
        slice_to_text(rig->bounce.recipient, rig->bounce_recipient, sizeof(rig->bounce_recipient)));
    assert_true(slice_to_text(rig->bounce.detail, rig->bounce_detail, sizeof(rig->bounce_detail)));
    rig->bounces++;
    if (!rig->bounce_mute)
        rig_answer(rig, sequence, rig->bounce_status, SLICE_LITERAL(""));
}

/* The store, for so long, or until the condition holds. */
static bool rig_serve(struct rig *rig, bool (*done)(const struct rig *), unsigned for_ms)
{
    static uint8_t record[LANE_RECORD_MAX_BYTES];
    mono_ns end = clock_mono_ns() + for_ms * NS_PER_MS;
    size_t len;

    for (;;) {
        while (lane_take(&rig->asks, record, &len) == LANE_RECORD) {
            struct unpacker unpacker = unpacker_over(slice_of(record, len));
            struct ask_head head;
            assert_true(ask_head_unpack(&unpacker, &head));
            struct slice packed = slice_of(unpacker.bytes, unpacker.len);
            if (head.request == STORE_OUTBOX_PAGE)
                rig_page(rig, head.sequence, packed);
            else if (head.request == STORE_OUTBOX_CLAIM)
                rig_claim(rig, head.sequence, packed);
            else if (head.request == STORE_BOUNCE_NOTE)
                rig_bounce(rig, head.sequence, packed);
            else
                rig_settle(rig, head.sequence, packed);
        }
        if (done != NULL && done(rig))
            return true;
        if (clock_mono_ns() >= end)
            return done == NULL;
        usleep(1000);
    }
}

static bool rig_is_ready(const struct rig *rig)
{
    return board_get(rig->segment, BOARD_MAILER_READY) == rig->heritage.generation &&
           rig->sweeps > 0;
}

/* Is there a letter of that job in mail.dir? */
static bool rig_has_letter(const struct rig *rig, const struct rig_row *row)
{
    char id[UUID_TEXT_BYTES], path[192];
    struct stat info;

    uuid_format(&row->row.job_id, id);
    snprintf(path, sizeof(path), "%s/mail/%s.eml", rig->folder, id);
    return stat(path, &info) == 0;
}

/* Ends the mailer by order; its exit code. Then its seat is given back. */
static int rig_stop(struct rig *rig)
{
    int status;

    proc_send(rig->master_end, ORDER_STOP, SLOT_MAILER, 2000, -1);
    while (waitpid(rig->mailer, &status, WNOHANG) == 0)
        (void)rig_serve(rig, NULL, 5);
    assert_true(WIFEXITED(status));
    close(rig->master_end);
    close(rig->alive_end);
    seat_bury(rig->segment, SLOT_MAILER);
    seat_close(rig->segment, SLOT_MAILER, rig->heritage.generation, SEAT_CLOSED_BY_STORE);
    assert_true(seat_recycle(rig->segment, SLOT_MAILER));
    return WEXITSTATUS(status);
}

static void rig_close(struct rig *rig)
{
    char command[128];

    segment_close(&rig->segment);
    letter_set_free(&rig->letters);
    config_free(&rig->config);
    snprintf(command, sizeof(command), "rm -rf %s", rig->folder);
    assert_int_equal(system(command), 0);
}

#endif

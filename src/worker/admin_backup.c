/* POST /admin/backup?log=FILE&offset=N&digest=HEX
 * GET  /admin/backup/{id}?at=N
 * POST /admin/backup/{id}/whole   DELETE /admin/backup/{id}
 *
 *   step      where  fails how
 *   1 read    loop   400 a parameter that makes no sense
 *   2 tell    store  503: without a trace in the audit trail nothing goes out, but on a full disk
 *   3 begin   store  409 another one is under way; 503
 *   4 pieces  store  404 there is no such backup, or no more of it from there; 503
 *   5 end     store  404; 503
 *
 * A page is the stream's next bytes (gatepost/backup.h), as many as were there; an empty one says
 * that there will be some. So who asks decides how fast it goes, and who leaves holds nothing up.
 */
#include "endpoints.h"

#include <inttypes.h>
#include <stdio.h>

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#include "admin.h"
#include "form.h"
#include "member.h"
#include "reply.h"

#define PAGE_PIECES 32
#define PIECE_BYTES 16000

struct backup_reading {
    struct backup_begin_ask ask;
    uint8_t digest[DIGEST_BYTES];
    uint64_t id;
    uint64_t at; /* of the next byte */
    bool waited;
    size_t len;
    uint8_t bytes[PAGE_PIECES * PIECE_BYTES]; /* of the pages alone */
};

static void on_told(void *context, enum store_status status, struct slice payload);
static void on_begun(void *context, enum store_status status, struct slice payload);
static void on_piece(void *context, enum store_status status, struct slice payload);

/* ---- 1, 2, 3: begin -----------------------------------------------------------------------------
 */

/* Without `log` it is a full one. Returns the name of what makes no sense, or NULL. */
static const char *read_begin(struct slice text, struct backup_reading *reading)
{
    struct json_object query;
    const char *wrong = NULL;
    uint64_t file = 0;
    uint64_t offset = 0;
    size_t len = 0;

    if (!form_read(text, &query)) {
        wrong = "non_field_errors";
    } else if (admin_parameter(&query, "log").len > 0) {
        if (!admin_number(admin_parameter(&query, "log"), UINT32_MAX, &file) || file == 0)
            wrong = "log";
        else if (!admin_number(admin_parameter(&query, "offset"), UINT32_MAX, &offset))
            wrong = "offset";
        else if (!hex_decode(admin_parameter(&query, "digest"), reading->digest, DIGEST_BYTES,
                             &len) ||
                 len != DIGEST_BYTES)
            wrong = "digest";
        reading->ask = (struct backup_begin_ask){
            .logs_only = 1,
            .log_file = (uint32_t)file,
            .log_offset = (uint32_t)offset,
        };
    }
    json_object_fini(&query);
    return wrong;
}

void backup_start_on_request(struct request *request)
{
    struct backup_reading *reading = request_keep(request, sizeof(*reading));
    const char *wrong = read_begin(request_query(request), reading);
    uint8_t bytes[256];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    if (wrong != NULL) {
        reply_field(&request, wrong, "This makes no sense.");
        return;
    }
    audit_note_ask_pack(&packer, &(struct audit_note_ask){
                                     .event = AUDIT_ADMIN_BACKED_UP,
                                     .peer = slice_of_text(request_peer(request)),
                                     .detail = reading->ask.logs_only ? SLICE_LITERAL("logs")
                                                                      : SLICE_LITERAL("full")});
    request_ask(&request, STORE_AUDIT_NOTE, &packer, on_told);
}

static void on_told(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct backup_reading *reading = request->state;
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    (void)payload;
    /* A disk that is short takes no audit row, and is what a backup may make room on: the store's
     * log line has to do. */
    if (status != STORE_OK && status != STORE_BUSY) {
        reply_store_trouble(&request, status);
        return;
    }
    if (reading->ask.logs_only)
        reading->ask.digest = slice_of(reading->digest, DIGEST_BYTES);
    backup_begin_ask_pack(&packer, &reading->ask);
    request_ask(&request, STORE_BACKUP_BEGIN, &packer, on_begun);
}

static void on_begun(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct backup_begin_answer begun;
    char id[24];

    if (status == STORE_DUPLICATE) {
        reply_detail(&request, 409, "Another backup is under way.");
        return;
    }
    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!backup_begin_answer_unpack(payload, &begun)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    (void)snprintf(id, sizeof(id), "%" PRIu64, begun.id);
    struct json_writer *writer = json_writer_new();
    json_object_begin(writer);
    member_text(writer, "id", slice_of_text(id));
    member_number(writer, "bytes", (int64_t)(begun.bytes & INT64_MAX));
    json_object_end(writer);
    reply_json(&request, 200, &writer);
}

/* ---- 4: pieces ----------------------------------------------------------------------------------
 */

static void ask_piece(struct request *request)
{
    const struct backup_reading *reading = request->state;
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    backup_piece_ask_pack(&packer,
                          &(struct backup_piece_ask){.id = reading->id, .at = reading->at});
    request_ask(&request, STORE_BACKUP_PIECE, &packer, on_piece);
}

void backup_read_on_request(struct request *request)
{
    struct backup_reading *reading = request_keep(request, sizeof(*reading));
    struct json_object query;
    bool fine = form_read(request_query(request), &query);

    fine = fine && admin_number(slice_of_text(request->segment), UINT64_MAX, &reading->id) &&
           admin_number(admin_parameter(&query, "at"), UINT64_MAX, &reading->at);
    json_object_fini(&query);
    if (fine)
        ask_piece(request);
    else
        reply_field(&request, "at", "This makes no sense.");
}

static void reply_page(struct request *request)
{
    struct backup_reading *reading = request->state;

    reply_text(&request, 200, "application/octet-stream", NULL,
               slice_of(reading->bytes, reading->len));
}

/* Nothing is there yet: once more in a moment, then who asked asks again. */
static void on_nothing(struct request *request)
{
    struct backup_reading *reading = request->state;

    if (reading->len > 0 || reading->waited || request->h2o == NULL) {
        reply_page(request);
        return;
    }
    reading->waited = true;
    request_call_later(request, ask_piece);
}

static void on_piece(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct backup_reading *reading = request->state;
    struct backup_piece_answer piece;

    if (status == STORE_NOT_FOUND && reading->len > 0) {
        reply_page(request); /* the next page says that there is no more */
        return;
    }
    if (status != STORE_OK) {
        admin_reply_not_found(&request, status);
        return;
    }
    if (!backup_piece_answer_unpack(payload, &piece) || piece.bytes.len > PIECE_BYTES) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    if (piece.bytes.len == 0) {
        on_nothing(request);
        return;
    }
    memcpy(reading->bytes + reading->len, piece.bytes.at, piece.bytes.len);
    reading->len += piece.bytes.len;
    reading->at += piece.bytes.len;
    if (reading->len + PIECE_BYTES > sizeof(reading->bytes) || request->h2o == NULL)
        reply_page(request);
    else
        ask_piece(request);
}

/* ---- 5: end -------------------------------------------------------------------------------------
 */

static void end(struct request *request, bool whole)
{
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    uint64_t id;

    if (!admin_number(slice_of_text(request->segment), UINT64_MAX, &id)) {
        reply_problem(&request, PROBLEM_NOT_FOUND);
        return;
    }
    backup_end_ask_pack(&packer, &(struct backup_end_ask){.id = id, .whole = whole});
    request_ask(&request, STORE_BACKUP_END, &packer, admin_on_done);
}

void backup_whole_on_request(struct request *request)
{
    end(request, true);
}

void backup_give_up_on_request(struct request *request)
{
    end(request, false);
}

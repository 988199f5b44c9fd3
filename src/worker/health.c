/* GET /healthz   this worker is alive: 200
 * GET /readyz    the whole server can do its work: 200, or 503 with what cannot
 *
 *   step   where  fails how
 *   1 ask  store  no answer within READY_WAIT_NS: "store" failed
 *   2 look loop   "mailer": the seat's tenant has not reported; "disk": under a watermark */
#include "endpoints.h"
#include "reply.h"

#define READY_WAIT_NS (1 * NS_PER_S)
#define ASK_BYTES     64

static void on_pong(void *context, enum store_status status, struct slice payload);
static void tell(struct request *request, bool store_answers);

void healthz_on_request(struct request *request)
{
    reply_constant(&request, 200, "{\"status\":\"ok\"}");
}

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void readyz_on_request(struct request *request)
{
    struct worker *worker = request->worker;
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct ping_ask ask = {.nonce = worker->id_count};

    ping_ask_pack(&packer, &ask);
    if (board_get(worker->segment, BOARD_STORE_CONDEMNED) != 0 ||
        !store_ask(worker->store, STORE_PING, packer_slice(&packer),
                   clock_mono_ns() + READY_WAIT_NS, on_pong, request))
        tell(request, false);
}

static void on_pong(void *context, enum store_status status, struct slice payload)
{
    (void)payload;
    tell(context, status == STORE_OK);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static bool mailer_serves(const struct segment *segment)
{
    struct seat_view seat = seat_look(segment, SLOT_MAILER);

    return seat.state == SEAT_LIVE && board_get(segment, BOARD_MAILER_READY) == seat.generation;
}

static void write_check(struct json_writer *writer, const char *name, bool fine)
{
    json_string(writer, slice_of_text(name));
    json_string(writer, fine ? SLICE_LITERAL("ok") : SLICE_LITERAL("failed"));
}

static void tell(struct request *request, bool store_answers)
{
    const struct segment *segment = request->worker->segment;
    bool mailer = mailer_serves(segment);
    bool disk = board_get(segment, BOARD_DISK) == 0;
    bool ready = store_answers && mailer && disk;
    struct json_writer *writer = json_writer_new();

    json_object_begin(writer);
    json_string(writer, SLICE_LITERAL("status"));
    json_string(writer, ready ? SLICE_LITERAL("ok") : SLICE_LITERAL("unavailable"));
    json_string(writer, SLICE_LITERAL("checks"));
    json_object_begin(writer);
    write_check(writer, "store", store_answers);
    write_check(writer, "mailer", mailer);
    write_check(writer, "disk", disk);
    json_object_end(writer);
    json_object_end(writer);
    reply_json(&request, ready ? 200 : 503, &writer);
}

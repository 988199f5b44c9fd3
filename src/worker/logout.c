/* POST /api/auth/logout {refresh}
 *
 *   step     where  fails how
 *   1 read   loop   400 field errors; 401 token_not_valid; 403 a foreign page with the cookie
 *   2 end    store  401 the session does not stand
 *   3 answer loop   200 {}
 *
 * A spent token of a session that stands will do: to log out does nobody harm. */
#include "gatepost/metrics.h"

#include "cookie.h"
#include "endpoints.h"
#include "reply.h"
#include "tokens.h"

#define ASK_BYTES 256

static void end_session(struct request *request, const struct token_claims *claims);
static void on_ended(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void logout_on_request(struct request *request)
{
    struct token_claims claims;

    request_peer(request);
    if (token_read_refresh(&request, &claims))
        end_session(request, &claims);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void end_session(struct request *request, const struct token_claims *claims)
{
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct session_logout_ask ask = {
        .session_id = token_session(claims),
        .adopt = !claims->has_session,
        .subject = slice_of_text(claims->subject),
        .token_expires = claims->expires_s * 1000,
        .peer = slice_of_text(request->peer),
        .now = clock_wall_ms(),
    };

    session_logout_ask_pack(&packer, &ask);
    request_ask(&request, STORE_SESSION_LOGOUT, &packer, on_ended);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void on_ended(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    (void)payload;
    if (status == STORE_NOT_FOUND) {
        cookie_refuse(&request, token_status_sentence(TOKEN_INVALID));
    } else if (status != STORE_OK) {
        reply_store_trouble(&request, status);
    } else {
        metric_count(METRIC_LOGOUTS);
        if (request->in_cookie)
            cookie_clear(request);
        reply_constant(&request, 200, "{}");
    }
}

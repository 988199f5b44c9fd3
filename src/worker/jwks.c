/* GET /.well-known/jwks.json   the public keys that tokens can be checked with (RFC 7517)
 *
 *   step    where  fails how
 *   1 tell  loop   200 always: {"keys":[]} where only HS256 is used
 *
 * A checker may keep it for as long as Cache-Control says; a new key is in it for token.publish_s
 * before anything is signed with it, which must be longer. */
#include "endpoints.h"
#include "reply.h"

#define CACHE_CONTROL "public, max-age=300"

void jwks_on_request(struct request *request)
{
    request->cache = CACHE_CONTROL;
    reply_text(&request, 200, "application/json", NULL,
               token_keys_jwks(request->worker->token_keys, clock_wall_ms()));
}

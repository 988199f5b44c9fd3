/* GET /openapi.json: the description of every route, docs/openapi.json as it was built in. */
#include "endpoints.h"
#include "reply.h"

/* The path is from the top of the tree, where make runs; the Makefile knows of the dependency. */
__asm__(".pushsection .rodata\n"
        ".global openapi_json\n"
        ".hidden openapi_json\n"
        ".type openapi_json, %object\n"
        "openapi_json:\n"
        ".incbin \"docs/openapi.json\"\n"
        ".byte 0\n"
        ".size openapi_json, . - openapi_json\n"
        ".popsection\n");

extern const char openapi_json[];

void openapi_on_request(struct request *request)
{
    request->cache = "public, max-age=300";
    reply_constant(&request, 200, openapi_json);
}

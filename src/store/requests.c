/* See requests.h. */
#include "requests.h"

static const struct {
    enum store_status (*carry_out)(struct call *call);
    enum request_kind kind;
    uint8_t roles; /* of the seats that may ask */
    const char *name;
} requests[] = {
#define REQUEST(number, NAME, message, access, who)                                                \
    [(number)] = {message##_on_request, REQUEST_##access, (who), #message},
#include "gatepost/store_requests.def"
#undef REQUEST
};

enum request_kind request_kind(uint8_t request)
{
    return request < ARRAY_LEN(requests) ? requests[request].kind : REQUEST_UNKNOWN;
}

const char *request_name(uint8_t request)
{
    return request_kind(request) != REQUEST_UNKNOWN ? requests[request].name : "unknown";
}

bool request_is_for(uint8_t request, uint8_t roles)
{
    BUG_ON(request_kind(request) == REQUEST_UNKNOWN);
    return (requests[request].roles & roles) != 0;
}

enum store_status request_carry_out(struct call *call, uint8_t request)
{
    BUG_ON(request_kind(request) == REQUEST_UNKNOWN);
    return requests[request].carry_out(call);
}

/* Does the store answer at all? */
enum store_status ping_on_request(struct call *call)
{
    struct ping_ask ask;

    return ping_ask_unpack(call->packed, &ask) ? STORE_OK : STORE_REFUSED;
}

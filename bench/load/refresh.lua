-- wrk: rotates refresh tokens. A file has those to begin with, more than there are connections;
-- each answer brings the one that takes its place.
dofile(os.getenv("GATEPOST_LOAD") .. "/get.lua")
local tokens = {}
local first, last = 1, 0

function init(args)
    for token in io.lines(args[1]) do
        last = last + 1
        tokens[last] = token
    end
end

function request()
    local token = tokens[first]
    tokens[first] = nil
    first = first + 1
    return wrk.format("POST", "/api/auth/token/refresh", {["Content-Type"] = "application/json"},
                      '{"refresh":"' .. token .. '"}')
end

function response(status, headers, body)
    local token = body:match('"refresh":"([^"]+)"')
    if token then
        last = last + 1
        tokens[last] = token
    end
end

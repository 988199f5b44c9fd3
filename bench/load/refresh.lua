-- wrk: spends refresh tokens. Arguments: a file of those to begin with, more than there are
-- connections; the path, the type, what stands before and after a token in a body; then "rotate": each
-- answer brings the token that takes its place, or "keep": a token is not spent by its use.
dofile(os.getenv("GATEPOST_LOAD") .. "/get.lua")
local tokens = {}
local first, last = 1, 0
local path, headers, before, after, keeps

local function add(token)
    last = last + 1
    tokens[last] = token
end

function init(args)
    for token in io.lines(args[1]) do
        add(token)
    end
    path, headers, before, after = args[2], {["Content-Type"] = args[3]}, args[4], args[5]
    keeps = args[6] == "keep"
    if not keeps then
        response = on_answer
    end
end

function request()
    local token = tokens[first] or "none is left"
    tokens[first] = nil
    first = math.min(first + 1, last + 1)
    if keeps then
        add(token)
    end
    return wrk.format("POST", path, headers, before .. token .. after)
end

function on_answer(status, headers, body)
    local token = body:match('"refresh":"([^"]+)"')
    if token then
        add(token)
    end
end

-- wrk: everybody is somebody new, at one of a hundred domains; every hundredth one's relay puts him
-- off. Arguments: a prefix of the names, and milliseconds between two requests of a connection.
local counter = 0
local threads = 0

function setup(thread)
    thread:set("id", threads)
    threads = threads + 1
end

function init(args)
    prefix = args[1]
    pause_ms = tonumber(args[2])
end

function delay()
    return pause_ms
end

function request()
    counter = counter + 1
    local name = prefix .. "t" .. id .. "n" .. counter
    local domain = counter % 100 == 0 and "poison.example" or "d" .. counter % 100 .. ".example"
    local body = '{"username":"' .. name .. '","email":"' .. name .. "@" .. domain ..
                 '","password":"correct horse 4711"}'
    return wrk.format("POST", "/api/auth/signup", {["Content-Type"] = "application/json"}, body)
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format("REQUESTS %d ERRORS %d\n", summary.requests, errors.status +
        errors.connect + errors.read + errors.write + errors.timeout))
end

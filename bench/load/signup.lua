-- wrk: every request signs somebody new up. Names differ by run, thread and count.
dofile(os.getenv("GATEPOST_LOAD") .. "/get.lua")
local counter = 0
local thread_id = 0
local threads = 0

function setup(thread)
    thread:set("id", threads)
    threads = threads + 1
end

function init(args)
    thread_id = id or 0
    run = args[1] or "r"
end

function request()
    counter = counter + 1
    local name = run .. "t" .. thread_id .. "n" .. counter
    local body = '{"username":"' .. name .. '","email":"' .. name ..
                 '@example.com","password":"correct horse 4711"}'
    return wrk.format("POST", "/api/auth/signup", {["Content-Type"] = "application/json"}, body)
end

-- wrk: POST of the bodies of a file, a line each. Arguments: the file, the path, the type; then "again":
-- in order, again and again; or "once": each once, then the load ends, and how many were answered by
-- 200 within what time is printed on a line of its own.
dofile(os.getenv("GATEPOST_LOAD") .. "/get.lua")
local finish = done
local ffi = require("ffi")
ffi.cdef([[struct now { long s, ns; };
           int clock_gettime(int, struct now *); int getpid(void); int kill(int, int);]])
local now = ffi.new("struct now")
local bodies, count, next_one = {}, 0, 0
local path, headers, is_once, is_looked_at, began
local the_thread

local function seconds()
    ffi.C.clock_gettime(1, now)
    return tonumber(now.s) + tonumber(now.ns) / 1e9
end

function setup(thread)
    the_thread = thread
end

function init(args)
    for body in io.lines(args[1]) do
        count = count + 1
        bodies[count] = body
    end
    path, headers, is_once = args[2], {["Content-Type"] = args[3]}, args[4] == "once"
    answered, answered_s, left = 0, 0, count
    if is_once then
        response = on_answer
    end
end

function request()
    if not is_looked_at then    -- wrk calls it once to look at what it gives, and sends nothing
        is_looked_at = true
        return wrk.format("POST", path, headers, bodies[1])
    end
    began = began or seconds()
    next_one = next_one + 1
    if next_one > count then
        if is_once then     -- the last answers are on their way; this one is not counted
            return wrk.format("GET", "/nothing-more")
        end
        next_one = 1
    end
    return wrk.format("POST", path, headers, bodies[next_one])
end

-- In "once" alone: a function named response costs every load that has it. wrk sleeps for as long as it
-- was told to, unless it is interrupted.
function on_answer(status)
    if status == 404 then
        return
    end
    if status == 200 then
        answered, answered_s = answered + 1, seconds() - began
    end
    left = left - 1
    if left == 0 then
        ffi.C.kill(ffi.C.getpid(), 2)
    end
end

function done(summary, latency, requests)
    finish(summary, latency, requests)
    io.write(string.format("GATEPOST_ONCE answered=%d seconds=%.6f\n",
        the_thread:get("answered") or 0, the_thread:get("answered_s") or 0))
end

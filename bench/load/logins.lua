-- wrk: logins with the bodies of a file, one a line, each drawn at random.
dofile(os.getenv("GATEPOST_LOAD") .. "/get.lua")
local requests = {}

function init(args)
    math.randomseed(tonumber(args[2]))
    for body in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format("POST", "/api/auth/login",
                                             {["Content-Type"] = "application/json"}, body)
    end
end

function request()
    return requests[math.random(#requests)]
end

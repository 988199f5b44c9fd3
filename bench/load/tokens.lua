-- wrk: GET with the bearer tokens of a file, in order, again and again.
dofile(os.getenv("GATEPOST_LOAD") .. "/get.lua")
local requests = {}
local count = 0

function init(args)
    for token in io.lines(args[1]) do
        requests[#requests + 1] = "GET " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host ..
                                  "\r\nAuthorization: Bearer " .. token .. "\r\n\r\n"
    end
end

function request()
    count = count % #requests + 1
    return requests[count]
end

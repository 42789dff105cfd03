-- What wrk sends: GET /check with a token of Magento's shape that nobody has issued, another one each time, so many a
-- second as the command line says. That is kept by waiting: a request is due when its turn has come, and goes out at once
-- when that is over.

local ffi = require("ffi")
ffi.cdef([[
    typedef struct { long seconds; long nanoseconds; } moment;
    int clock_gettime(int clock, moment *now);
]])

local MONOTONIC = 1
local SYMBOLS = "0123456789abcdefghijklmnopqrstuvwxyz"
local symbols = {}
for number = 1, #SYMBOLS do symbols[number] = SYMBOLS:sub(number, number) end

local before = "GET /check?require=customer HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "
local after = "\r\n\r\n"
local now = ffi.new("moment")
local token = {}
local step
local due

local function milliseconds()
    ffi.C.clock_gettime(MONOTONIC, now)
    return tonumber(now.seconds) * 1e3 + tonumber(now.nanoseconds) / 1e6
end

function init(arguments)
    step = 1e3 / tonumber(arguments[1])
    math.randomseed(os.time())
end

function delay()
    local moment = milliseconds()
    due = (due or moment) + step
    return math.max(0, math.floor(due - moment))
end

function request()
    for place = 1, 32 do token[place] = symbols[math.random(#symbols)] end
    return before .. table.concat(token) .. after
end

-- Every answer is a refusal, which wrk would count as an error.
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        'RESULT {"requests":%d,"microseconds":%d,"failed":%d,"p50":%d,"p99":%d,"max":%d}\n',
        summary.requests, summary.duration, errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency:percentile(99), latency.max
    ))
end

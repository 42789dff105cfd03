-- What wrk sends: GET /check with a token drawn at random from the file that is named on the command line. A second
-- argument takes the place of the question.
-- nginx is sent the same, so that both are driven by the same work.

-- The tokens stay one piece of text: as a million strings they would keep the collector of this very process busy, for
-- tens of milliseconds at a time, which would be taken for the server's.

local ffi = require("ffi")

local before
local after = "\r\n\r\n"
local text
local starts
local count = 0

-- Calls `found` with the place of each end of a line. Looking for a fixed text is many times faster than for a pattern,
-- which matters for a million JWTs.
local function each_end(found)
    local at = text:find("\n", 1, true)
    while at do
        found(at)
        at = text:find("\n", at + 1, true)
    end
end

function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    text = file:read("*a")
    file:close()
    local lines = 0
    each_end(function() lines = lines + 1 end)
    starts = ffi.new("uint32_t[?]", lines + 1, 1)
    each_end(function(at)
        count = count + 1
        starts[count] = at + 1
    end)
    math.randomseed(os.time())
    local question = arguments[2] or "require=customer"
    before = "GET /check?" .. question .. " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "
end

function request()
    local line = math.random(count)
    return before .. text:sub(starts[line - 1], starts[line] - 2) .. after
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        'RESULT {"requests":%d,"microseconds":%d,"failed":%d,"p50":%d,"p90":%d,"p99":%d,"p999":%d}\n',
        summary.requests, summary.duration,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9)
    ))
end

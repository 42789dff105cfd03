-- What wrk sends: GET /check with a token drawn at random from the file that is named on the command line. A second
-- argument takes the place of the question.
-- nginx is sent the same, so that both are driven by the same work.

local before
local after = "\r\n\r\n"
local tokens = {}
local count = 0

function init(arguments)
    for line in io.lines(arguments[1]) do
        count = count + 1
        tokens[count] = line
    end
    math.randomseed(os.time())
    local question = arguments[2] or "require=customer"
    before = "GET /check?" .. question .. " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "
end

function request()
    return before .. tokens[math.random(count)] .. after
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

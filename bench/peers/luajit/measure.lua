-- SPDX-License-Identifier: Apache-2.0
--
-- What a span of spanring.lua costs the thread that makes it: measure.lua [SLICES]. run.sh starts the agent, which drains all the while.
-- A slice is 500 spans, and what it made is with the agent before the next one. Time is CPU time of the thread; the figure is the
-- median of the lower half of the slices, because other programs only ever make one slower. Memory is what Lua's collector counted.
local ffi = require "ffi"
local spanring = require "spanring"

ffi.cdef [[
struct timespec_of_measure { long seconds, nanoseconds; };
int clock_gettime(int clock, struct timespec_of_measure *time);
]]
local CLOCK_THREAD_CPUTIME_ID = 3
local SPANS = 500
local slices = tonumber(arg[1]) or 400

local time = ffi.new("struct timespec_of_measure")
local function now()
    ffi.C.clock_gettime(CLOCK_THREAD_CPUTIME_ID, time)
    return tonumber(time.seconds) * 1e9 + tonumber(time.nanoseconds)
end

local provider, problem = spanring.open { service_name = "measure.lua" }
assert(problem == nil, problem)
local tracer = provider:tracer("bench")
local parent = tracer:start("parent", false, spanring.SERVER)
local again = spanring.no_span()

local function a_span(_)
    tracer:start("GET /api/orders", parent, spanring.CLIENT):finish()
end

local function the_same_memory(_)
    tracer:start_into(again, "GET /api/orders", parent, spanring.CLIENT)
    again:finish()
end

local function three_attributes(i)
    tracer:start_into(again, "GET /api/orders", parent, spanring.CLIENT)
    again:set("http.request.method", "GET")
    again:set("url.path", "/api/orders/1234567")
    again:set("http.response.status_code", i)
    again:finish()
end

local function nothing(_) end

local SHAPES = {
    { "a span", a_span }, { "a span in the memory of the last", the_same_memory },
    { "three attributes, in the memory of the last", three_attributes },
}

-- A loop of its own for each: a compiled trace belongs to where it begins.
local LOOP = string.dump(function(make, count) for i = 1, count do make(i) end end)

local function measure(make)
    local loop = load(LOOP)
    local times, bytes = {}, 0
    for slice = 1, slices do
        collectgarbage()
        collectgarbage("stop")
        local before = collectgarbage("count")
        local begin = now()
        loop(make, SPANS)
        times[slice] = (now() - begin) / SPANS
        bytes = (collectgarbage("count") - before) * 1024 / SPANS
        collectgarbage("restart")
        if make ~= nothing then assert(provider:flush(10) == 0, "what was made did not go on its way, so this says nothing") end
    end
    table.sort(times)
    return times[math.floor(slices / 4) + 1], bytes
end

local empty = measure(nothing)
for _, shape in ipairs(SHAPES) do
    local nanoseconds, bytes = measure(shape[2])
    print(("%s: %.0f ns, %.0f bytes of Lua"):format(shape[1], nanoseconds - empty, bytes))
end
parent:finish()
local counted = provider:statistics()
assert(counted.started == counted.ended and counted.dropped_full == 0 and counted.not_started_slot == 0, "spans were lost")

-- SPDX-License-Identifier: Apache-2.0
--
-- Says with spanring.lua all that it can say; luajit_test.py looks at what arrives.
local spanring = require "spanring"

local TRACE = "0af7651916cd43dd8448eb211c80319c"

local function came(name)
    return ({
        traceparent = "00-" .. TRACE .. "-b7ad6b7169203331-01",
        tracestate = { "vendor=1", "other=x" },
        baggage = "user=ann,tier=%C3%A4",
    })[name]
end

local provider, problem = spanring.open { service_name = "lua", resource = { "deployment.environment.name", "test" } }
assert(problem == nil, problem)
local tracer = provider:tracer("spans.lua", "1.2", "https://example.com/schema")

local remote = spanring.extract(came)
local server = tracer:start_with("server", {
    parent = remote, kind = spanring.SERVER,
    attributes = { "text", "ä", "whole", 7, "part", 0.5, "yes", true, "list", { 1, "two", false, 2.5 }, "long", 2LL ^ 62LL },
})
assert(server:recording() and server:sampled())
assert(server:trace_id() == TRACE)
assert(server:set("later", "set") == 0 and server:set("again", 1) == 0 and server:set("again", 2) == 0)
assert(server:set_double("double", 3) == 0 and server:set("mixed", { "a", 1 }) == 0)
assert(server:event("an event", { key = "value" }, 1700000000000000000ULL) == 0)
assert(server:exception("it broke", "stack traceback: ...", "LuaError") == 0)

local client = tracer:start("client", server, spanring.CLIENT)
local sent = spanring.headers(client, {}, remote)
assert(sent.traceparent == "00-" .. TRACE .. "-" .. client:span_id() .. "-01", sent.traceparent)
assert(sent.tracestate == "vendor=1,other=x" and sent.baggage == "user=ann,tier=%C3%A4")
assert(spanring.baggage(remote, "tier") == "ä" and spanring.baggage(remote, "nobody") == nil)
assert(spanring.set_baggage(remote, "added", "a b") and spanring.headers(client, {}, remote).baggage:find("added=a%%20b"))
assert(spanring.set_baggage(remote, "no key", "") == nil)
assert(client:link(server, { why = "because" }) == 0)
assert(client:status(spanring.OK) == 0 and client:rename("renamed") == 0)
local client_id = client:span_id()
assert(client:finish() == 0 and client:finish() < 0 and client:set("late", 1) < 0)

-- The same memory for another span.
assert(tracer:start_into(client, "into", false, spanring.PRODUCER) == 1)
assert(client:trace_id() ~= TRACE and client:finish() == 0)
assert(tracer:start_with("whole", { parent = false, start_time = 1700000000000000000ULL }):finish(1700000000000000500ULL) == 0)
assert(tracer:start_with("dropped", { sampling = "drop" }):recording() == false)
assert(server:finish() == 0)

-- In coroutines, which all have the same thread: each has its own.
local running = {}
for i = 1, 3 do
    running[i] = coroutine.create(function()
        local span = tracer:start("coroutine " .. i, false)
        coroutine.yield()
        local inner = tracer:start("inside " .. i, span)
        coroutine.yield()
        assert(inner:finish() == 0 and span:finish() == 0)
    end)
end
for _ = 1, 3 do
    for i = 1, 3 do assert(coroutine.resume(running[i])) end
end

-- What is called to get and to set comes back into the module, or yields to others that do.
local other = "00-11111111111111111111111111111111-2222222222222222-01"
local function get_other(name) return name == "traceparent" and other or nil end
local function get_within(name)
    if name == "baggage" then assert(spanring.trace_id(spanring.extract(get_other)) == ("1"):rep(32)) end
    collectgarbage()
    return came(name)
end
local within = spanring.extract(get_within)
assert(spanring.trace_id(within) == TRACE and within.trace_state == "vendor=1,other=x", spanring.trace_id(within))
local function set_within(name, value, headers)
    headers[name] = value
    spanring.headers(spanring.extract(get_other))
end
local set = {}
assert(spanring.inject(server, set_within, set, within) == 0)
for name, value in pairs(spanring.headers(server, {}, within)) do assert(set[name] == value, set[name]) end

-- B3, beside W3C's.
assert(spanring.propagators("tracecontext,b3,b3multi,unheard-of") == 1)
local b3 = spanring.headers(server)
assert(b3.b3 == TRACE .. "-" .. server:span_id() .. "-1" and b3["x-b3-traceid"] == TRACE, b3.b3)
local read = spanring.extract(function(name) return name == "b3" and TRACE .. "-b7ad6b7169203331-1" or nil end)
assert(spanring.trace_id(read) == TRACE)
assert(spanring.extract(function() end) == nil)
assert(spanring.extract(function(name) return name == "traceparent" and { sent = 1 } or nil end) == nil)

local counted = provider:statistics()
assert(counted.started == counted.ended and counted.started == 10, counted.started)
print("sent " .. server:span_id() .. " " .. client_id)

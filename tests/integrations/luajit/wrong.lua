-- SPDX-License-Identifier: Apache-2.0
--
-- Whatever a function is given, it throws nothing: every function of the module, with values of every type in every place.
local ffi = require "ffi"
local spanring = require "spanring"

local provider, problem = spanring.open(arg[1] == "named" and { service_name = "wrong" } or nil)
local tracer = provider:tracer("wrong")
local calls, faults = 0, {}

local function values()
    return { { nil }, { true }, { 0 / 0 }, { 1e300 }, { -1 }, { "" }, { "\0\255" }, { ("x"):rep(100000) }, { {} }, { { {} } },
             { { 1, { 2 } } }, { { context = "no" } }, { print }, { coroutine.create(print) }, { 1LL }, { ffi.new("int[2]") },
             { tracer:start("a span") }, { spanring.no_span() },
             { setmetatable({}, { __tostring = function() error("no text") end }) },
             { setmetatable({}, { __tostring = function() return nil end }) } }
end

local function try(name, call, ...)
    calls = calls + 1
    local fine, why = pcall(call, ...)
    if not fine then faults[#faults + 1] = name .. ": " .. tostring(why) end
end

local function all(name, call, ...)
    local first = { ... }
    for _, a in ipairs(values()) do
        for _, b in ipairs(values()) do
            if #first == 0 then
                try(name, call, a[1], b[1])
            elseif #first == 1 then
                try(name, call, first[1], a[1], b[1], b[1])
            end
        end
    end
end

for _, name in ipairs { "set", "set_double", "event", "link", "exception", "status", "rename", "finish", "recording" } do
    local span = tracer:start("of " .. name)
    all("span:" .. name, span[name], span)
    span:finish()
end
for _, name in ipairs { "start", "start_with", "start_into" } do all("tracer:" .. name, tracer[name], tracer) end
for _, option in ipairs { "parent", "kind", "attributes", "start_time", "trace_state", "sampling", "link" } do
    for _, a in ipairs(values()) do try("start_with " .. option, tracer.start_with, tracer, "name", { [option] = a[1] }) end
end
all("provider:tracer", provider.tracer, provider)
for _, name in ipairs { "trace_id", "span_id", "baggage", "strerror", "headers", "propagators", "set_baggage" } do
    if name == "headers" then
        for _, a in ipairs(values()) do try(name, spanring.headers, a[1]) end
    else
        all(name, spanring[name])
    end
end
for _, a in ipairs(values()) do
    try("extract", spanring.extract, function() return a[1] end)
    try("flush", provider.flush, provider, type(a[1]) ~= "number" and a[1] or 0)
end

assert(calls > 2000, calls)
assert(#faults == 0, #faults .. " of " .. calls .. " threw: " .. table.concat(faults, "\n", 1, math.min(#faults, 20)))
print("calls " .. calls .. " problem " .. tostring(problem ~= nil))

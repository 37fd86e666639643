-- SPDX-License-Identifier: Apache-2.0
--
-- Loops of spans: what LuaJIT's compiler said of them. Prints "loops N of N, not supported N". With the word "planted" there is one more,
-- which makes a function at each turn: that it cannot compile.
local spanring = require "spanring"
local util, vmdef = require "jit.util", require "jit.vmdef"

local traces, unsupported = {}, {}
jit.attach(function(what, number, _, _, code)
    if what == "stop" then
        traces[#traces + 1] = number
    elseif what == "abort" then
        -- What it cannot compile. Others ("leaving loop", "return to lower frame") are its way to find out where a loop is.
        local reason = vmdef.traceerr[code] or "?"
        for _, word in ipairs { "bytecode", "FastFunc", "C function", "C type", "IR instruction", "blacklisted", "disabled", "?" } do
            if reason:find(word, 1, true) then unsupported[#unsupported + 1] = reason end
        end
    end
end, "trace")

local provider = spanring.open { service_name = "compiled" }
local tracer = provider:tracer("compiled")
local parent = tracer:start("parent", false, spanring.SERVER)
local span = spanring.no_span()

local loops = {
    function(i) tracer:start_into(span, "again", parent, spanring.CLIENT) span:set("i", i) span:finish() end,
    function() local one = tracer:start("one", parent, spanring.CLIENT) one:set("key", "value") one:finish() end,
    function() local one = tracer:start("root", false) one:set("part", 0.5) one:set("yes", true) one:finish() end,
    function(i)
        local one = tracer:start_with("with", { parent = parent, attributes = { "a", "b", "i", i } })
        one:event("event")
        one:status(spanring.ERROR, "why")
        one:finish()
    end,
}
if arg[1] == "planted" then
    loops[#loops + 1] = function(i)
        local make = function() return tracer:start("made " .. i, parent) end
        make():finish()
    end
end
local closed = 0
for _, body in ipairs(loops) do
    local first = #traces
    -- A loop of its own: a trace belongs to the bytecode that it begins at.
    local run = assert(load(string.dump(function(call) for i = 1, 2000 do call(i) end end)))
    run(body)
    for i = first + 1, #traces do
        if util.traceinfo(traces[i]).linktype == "loop" then
            closed = closed + 1
            break
        end
    end
end
parent:finish()
print(("loops %d of %d, not supported %d"):format(closed, #loops, #unsupported))
for _, reason in ipairs(unsupported) do print(reason) end

-- SPDX-License-Identifier: Apache-2.0
--
-- spanring for LuaJIT, over its FFI: docs/luajit.md. Spans are values (cdata of the struct spr_span): copied, passed to
-- coroutines and timers, ended anywhere in their process, spent and safe afterwards.
--
-- Nothing here throws, whatever it is given: what cannot be done is not done, and the answer says why (nil and a text, or a
-- negative errno). Where the library is missing or tracing is off, spans do nothing.
--
-- What is filled for one call of the library (options, attributes, headers) is memory of the module: nothing yields between
-- filling and calling, and a VM of Lua runs one thing at a time.
local ffi = require "ffi"
local abi = require "spanring.abi"
local attributes = require "spanring.attributes"

local C, missing = abi.load(os.getenv("SPANRING_LIBRARY"))
local type, tonumber, min = type, tonumber, math.min
local istype, fill, sizeof, string_of = ffi.istype, ffi.fill, ffi.sizeof, ffi.string

local PARENT_CURRENT, PARENT_EXPLICIT, PARENT_ROOT = 0, 1, 2
local SAMPLING_RECORD, SAMPLING_DROP = 1, 2
local EINVAL = -22

local new_span = ffi.typeof("spr_span")
local span_type, context_type = ffi.typeof("spr_span"), ffi.typeof("spr_context")
local int64_type, uint64_type = ffi.typeof("int64_t"), ffi.typeof("uint64_t")

local M = {
    INTERNAL = 1, SERVER = 2, CLIENT = 3, PRODUCER = 4, CONSUMER = 5,
    OK = 1, ERROR = 2,
}

local Span, Tracer, Provider = {}, {}, {}

-- ---- Contexts --------------------------------------------------------------------------------------------------

-- The context of a span, of what was extracted, or a context itself; nil where it is none of these.
local function context_of(from)
    if istype(span_type, from) then return from.context end
    if istype(context_type, from) then return from end
    if type(from) == "table" and istype(context_type, from.context) then return from.context end
end
M.context_of = context_of

local hex = ffi.new("char[33]")

-- Of a span or a context: lower-case digits, zeros where there is none.
function M.trace_id(from)
    local context = context_of(from)
    if not context or C.spr_trace_id_hex(context, hex) ~= 0 then return ("0"):rep(32) end
    return string_of(hex, 32)
end

function M.span_id(from)
    local context = context_of(from)
    if not context or C.spr_span_id_hex(context, hex) ~= 0 then return ("0"):rep(16) end
    return string_of(hex, 16)
end

-- ---- Spans -----------------------------------------------------------------------------------------------------

local start_options = ffi.new("spr_start_options")
local options_size = sizeof("spr_start_options")

-- parent: a span, a context, what extract() returned; nil: what the program attached to this thread, else a new trace;
-- false: a new trace.
local function prepare(parent, kind)
    local options = start_options
    fill(options, options_size)
    options.struct_size = options_size
    options.kind = kind or 1
    if parent then
        local context = context_of(parent)
        options.parent_mode = context and PARENT_EXPLICIT or PARENT_ROOT
        if context then options.parent = context end
    else
        options.parent_mode = parent == nil and PARENT_CURRENT or PARENT_ROOT
    end
    return options
end

-- Into a span of the caller's, whose old content is gone: no memory is taken.
function Tracer:start_into(span, name, parent, kind)
    if type(name) ~= "string" or not istype(span_type, span) then return EINVAL end
    if kind ~= nil and type(kind) ~= "number" then kind = nil end
    if parent == nil and kind == nil then return C.spr_span_start(self.pointer, name, #name, span) end
    return C.spr_span_start_with(self.pointer, name, #name, prepare(parent, kind), span)
end

function Tracer:start(name, parent, kind)
    local span = new_span()
    self:start_into(span, name, parent, kind)
    return span
end

local link_room = ffi.new("spr_link")
local sampling_of = { record = SAMPLING_RECORD, drop = SAMPLING_DROP }

-- options: parent, kind, attributes, start_time (ns), trace_state (text; that of `parent` where extract() made it), sampling
-- ("record", "drop"), link (a span or a context; more by span:link()).
function Tracer:start_with(name, options)
    local span = new_span()
    if type(name) ~= "string" or type(options) ~= "table" then return span, "a name and a table of options" end
    local parent = options.parent
    local said = prepare(parent, type(options.kind) == "number" and options.kind or nil)
    local count = attributes.put(options.attributes)
    if count > 0 then said.attributes, said.attribute_count = attributes.list, count end
    local start_time = options.start_time
    if type(start_time) == "number" or istype(uint64_type, start_time) then said.start_time_ns = start_time end
    local trace_state = options.trace_state or (type(parent) == "table" and parent.trace_state)
    if type(trace_state) == "string" then said.trace_state, said.trace_state_size = trace_state, #trace_state end
    said.sampling = sampling_of[options.sampling] or 0
    local linked = context_of(options.link)
    if linked then
        fill(link_room, sizeof(link_room))
        link_room.context = linked
        said.links, said.link_count = link_room, 1
    end
    C.spr_span_start_with(self.pointer, name, #name, said, span)
    return span
end

-- Whether a span of this tracer can be recorded at present: for costly arguments.
function Tracer:enabled() return C.spr_tracer_enabled(self.pointer) == 1 end

-- Sets an attribute: a string, a boolean, a number (an integer where it is a whole one), an int64_t, or a list of these.
-- 0, or a negative errno.
function Span:set(key, value)
    if type(key) ~= "string" then return EINVAL end
    local kind = type(value)
    if kind == "string" then return C.spr_span_set_string(self, key, #key, value, #value) end
    if kind == "number" then
        if attributes.is_integer(value) then
            return C.spr_span_set_int64(self, key, #key, value)
        end
        return C.spr_span_set_double(self, key, #key, value)
    end
    if kind == "boolean" then return C.spr_span_set_bool(self, key, #key, value and 1 or 0) end
    if kind == "table" then
        if not attributes.put_one(key, value) then return EINVAL end
        return C.spr_span_set_attributes(self, attributes.list, 1)
    end
    if istype(int64_type, value) or istype(uint64_type, value) then return C.spr_span_set_int64(self, key, #key, value) end
    return EINVAL
end

-- A double, also where it is a whole number.
function Span:set_double(key, value)
    if type(key) ~= "string" or type(value) ~= "number" then return EINVAL end
    return C.spr_span_set_double(self, key, #key, value)
end

local event_room = ffi.new("spr_event")

-- time: ns since 1970, now where it is left out.
function Span:event(name, list, time)
    if type(name) ~= "string" then return EINVAL end
    fill(event_room, sizeof(event_room))
    event_room.name, event_room.name_size = name, #name
    if type(time) == "number" or istype(uint64_type, time) then event_room.time_ns = time end
    local count = attributes.put(list)
    if count > 0 then event_room.attributes, event_room.attribute_count = attributes.list, count end
    return C.spr_span_add_event(self, event_room)
end

function Span:link(to, list)
    local context = context_of(to)
    if not context then return EINVAL end
    fill(link_room, sizeof(link_room))
    link_room.context = context
    local count = attributes.put(list)
    if count > 0 then link_room.attributes, link_room.attribute_count = attributes.list, count end
    return C.spr_span_add_link(self, link_room)
end

local exception_room = ffi.new("spr_exception")

-- An object's own __tostring may throw, or return no text.
local function text_of(value)
    local fine, text = pcall(tostring, value)
    return fine and type(text) == "string" and text or type(value)
end

-- What pcall() returned, and a traceback where there is one: the event "exception", and status ERROR.
function Span:exception(message, traceback, kind)
    message = text_of(message)
    kind = type(kind) == "string" and kind or nil
    fill(exception_room, sizeof(exception_room))
    exception_room.struct_size = sizeof(exception_room)
    exception_room.message, exception_room.message_size = message, #message
    if kind then exception_room.type, exception_room.type_size = kind, #kind end
    if type(traceback) == "string" then
        exception_room.stacktrace, exception_room.stacktrace_size = traceback, #traceback
    end
    local result = C.spr_span_record_exception(self, exception_room)
    C.spr_span_set_status(self, M.ERROR, message, #message)
    return result
end

-- code: OK or ERROR, the latter with a message.
function Span:status(code, message)
    if type(code) ~= "number" then return EINVAL end
    if type(message) ~= "string" then message = "" end
    return C.spr_span_set_status(self, code, message, #message)
end

function Span:rename(name)
    if type(name) ~= "string" then return EINVAL end
    return C.spr_span_set_name(self, name, #name)
end

function Span:recording() return C.spr_span_is_recording(self) == 1 end
function Span:sampled() return self.context.trace_flags % 2 == 1 end
Span.trace_id, Span.span_id = M.trace_id, M.span_id

local end_options = ffi.new("spr_end_options")
end_options.struct_size = sizeof(end_options)

-- 0: it is outside of this process and survives it. Ending twice is -ESTALE and does nothing.
function Span:finish(time)
    if type(time) == "number" or istype(uint64_type, time) then
        end_options.end_time_ns = time
        return C.spr_span_end_with(self, end_options)
    end
    return C.spr_span_end(self)
end

-- ---- Propagation -----------------------------------------------------------------------------------------------

-- The library's carrier of an environment is where headers go: no callback into Lua, which LuaJIT cannot compile. A carrier
-- of nine places: each field of each propagator, and the NULL after them.
local PLACES = 9
local TRACE_STATE, BAGGAGE, HEADERS = 512, 8192, 10240
local trace_state_room, baggage_room = ffi.new("char[?]", TRACE_STATE), ffi.new("char[?]", BAGGAGE)
local header_room = ffi.new("char[?]", HEADERS)
local variables = ffi.new("const char *[?]", PLACES)
local environment = ffi.new("spr_environment")
local carrier = ffi.new("spr_carrier")
local propagated = ffi.new("spr_propagated")

-- fields: header names of the propagators; variable: how the environment's variable of each begins.
local fields, variable = {}, {}

local function read_fields()
    for i = #fields, 1, -1 do fields[i] = nil end
    for i = 0, PLACES - 2 do
        local field = C.spr_propagation_field(i)
        if field == nil then break end
        fields[i + 1] = string_of(field)
        variable[fields[i + 1]] = fields[i + 1]:upper():gsub("[^A-Z0-9]", "_") .. "="
    end
end

-- Chooses the propagators of the process: "tracecontext,baggage,b3,b3multi". nil: OTEL_PROPAGATORS.
function M.propagators(names)
    local unknown
    if type(names) == "string" then
        unknown = C.spr_propagators_set(names, #names)
    else
        unknown = C.spr_propagators_set(nil, 0)
    end
    read_fields()
    return unknown
end

-- The headers that inject() may set.
function M.fields() return fields end

local function open_carrier()
    environment.struct_size, environment.reserved = sizeof(environment), 0
    environment.variables = variables
    environment.capacity = PLACES
    environment.memory.data, environment.memory.size, environment.memory.capacity = header_room, 0, HEADERS
    carrier.struct_size = sizeof(carrier)
    return C.spr_environment_carrier(environment, carrier) == 0
end

local function open_propagated()
    fill(propagated, sizeof(propagated))
    propagated.struct_size = sizeof(propagated)
end

local reading = { "traceparent", "tracestate", "baggage", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags" }
local reading_as = {}
for i, name in ipairs(reading) do reading_as[i] = name:upper():gsub("-", "_") .. "=" end
M.incoming = reading

-- Several values of one header; what is no text is left out.
local function joined(list)
    local all
    for i = 1, #list do
        if type(list[i]) == "string" then all = all and all .. "," .. list[i] or list[i] end
    end
    return all
end

-- What came with a request. get(name) returns a header's value, a list of values where it came several times, or nil; names
-- are lower-case. Returns {context, trace_state, baggage}, a parent for start(), or nil where nothing came.
function M.extract(get, from)
    if type(get) ~= "function" then return end
    local held = {} -- keeps the texts alive that `variables` points into
    local count = 0
    for i = 1, #reading do
        local value = get(reading[i], from)
        if type(value) == "table" then value = joined(value) end
        if type(value) == "string" then
            count = count + 1
            held[count] = reading_as[i] .. value
        end
    end
    if count == 0 then return end
    -- Not before: get() may yield, or come back here.
    for i = 1, count do variables[i - 1] = held[i] end
    variables[count] = nil
    if not open_carrier() then return end
    open_propagated()
    propagated.trace_state.data, propagated.trace_state.capacity = trace_state_room, TRACE_STATE
    propagated.baggage.data, propagated.baggage.capacity = baggage_room, BAGGAGE
    local found = C.spr_extract(carrier, propagated)
    if found < 0 or (found == 0 and propagated.baggage.size == 0) then return end
    local remote = { flags = propagated.flags }
    if found == 1 then remote.context = context_type(propagated.context) end
    if propagated.trace_state.size > 0 then
        remote.trace_state = string_of(trace_state_room, propagated.trace_state.size)
    end
    if propagated.baggage.size > 0 then remote.baggage = string_of(baggage_room, propagated.baggage.size) end
    return remote
end

local kept = ffi.new("spr_text")

-- Writes the headers of a request: set(name, value), with nil where a header must not be sent. from: the client span, or a
-- context. remote: what extract() returned, for its baggage and B3's debug flag.
function M.inject(from, set, into, remote)
    local context = context_of(from)
    if not context or type(set) ~= "function" then return EINVAL end
    open_propagated()
    propagated.context = context
    if istype(span_type, from) then
        kept.data, kept.size, kept.capacity = trace_state_room, 0, TRACE_STATE
        if C.spr_span_trace_state(from, kept) == 1 then
            propagated.trace_state.data, propagated.trace_state.size = trace_state_room, kept.size
        end
    end
    local baggage = type(remote) == "table" and remote.baggage
    if type(remote) == "table" then
        propagated.flags = remote.flags or 0
        -- A span that is not recorded keeps none; what came goes on.
        local came = remote.trace_state
        if propagated.trace_state.size == 0 and type(came) == "string" then
            propagated.trace_state.data, propagated.trace_state.size = came, #came
        end
    end
    if type(baggage) == "string" then propagated.baggage.data, propagated.baggage.size = baggage, #baggage end
    variables[0] = nil
    if not open_carrier() then return EINVAL end
    local result = C.spr_inject_with(propagated, carrier)
    if result < 0 then return result end
    -- All are read before the first one is set: set() may yield, or come back here.
    local texts, count = {}, 0
    while variables[count] ~= nil do
        texts[count + 1] = string_of(variables[count])
        count = count + 1
    end
    -- They are written in the order of the fields; one that has no value is left out.
    local names, place = fields, 1
    for i = 1, #names do
        local name, text = names[i], texts[place]
        local prefix = variable[name]
        local value
        if text and text:sub(1, #prefix) == prefix then
            value = text:sub(#prefix + 1)
            place = place + 1
        end
        set(name, value, into)
    end
    return 0
end

local function set_in_table(name, value, headers) headers[name] = value end

-- The same into a table, as HTTP clients take it.
function M.headers(from, headers, remote)
    if type(headers) ~= "table" then headers = {} end
    M.inject(from, set_in_table, headers, remote)
    return headers
end

-- The decoded value of a baggage key, or nil.
function M.baggage(remote, key)
    local baggage = type(remote) == "table" and remote.baggage
    if type(baggage) ~= "string" or type(key) ~= "string" then return end
    kept.data, kept.size, kept.capacity = header_room, 0, HEADERS
    if C.spr_baggage_get(baggage, #baggage, key, #key, kept) ~= 1 then return end
    return string_of(header_room, kept.size)
end

-- Sets one in what extract() returned (or in {}): it goes out with the next inject(). true, or nil and why not.
function M.set_baggage(remote, key, value)
    if type(remote) ~= "table" or type(key) ~= "string" or type(value) ~= "string" then return nil, M.strerror(EINVAL) end
    local baggage = type(remote.baggage) == "string" and remote.baggage or ""
    ffi.copy(baggage_room, baggage, min(#baggage, BAGGAGE))
    kept.data, kept.size, kept.capacity = baggage_room, min(#baggage, BAGGAGE), BAGGAGE
    local result = C.spr_baggage_set(kept, key, #key, value, #value, nil, 0)
    if result < 0 then return nil, M.strerror(result) end
    remote.baggage = string_of(baggage_room, kept.size)
    return true
end

-- ---- Provider --------------------------------------------------------------------------------------------------

local LANGUAGE = "telemetry.sdk.language"
local limits = {
    "attribute_count_limit", "attribute_value_length_limit", "event_count_limit", "link_count_limit",
    "event_attribute_count_limit", "link_attribute_count_limit",
}

-- options: service_name, resource (attributes), resource_schema_url, memory_limit (bytes), propagators, and the limits of a
-- span by their names in the header. Always a provider; a text beside it where tracing is off, and why.
function M.open(options)
    if type(options) ~= "table" then options = {} end
    local said = ffi.new("spr_provider_options")
    said.struct_size = sizeof(said)
    if type(options.service_name) == "string" then
        said.service_name, said.service_name_size = options.service_name, #options.service_name
    end
    local count, list, language = attributes.put(options.resource), attributes.list, true
    for i = 0, count - 1 do language = language and string_of(list[i].key, list[i].key_size) ~= LANGUAGE end
    if language then count = attributes.add(LANGUAGE, "lua") end
    if count > 0 then said.resource_attributes, said.resource_attribute_count = list, count end
    if type(options.resource_schema_url) == "string" then
        said.resource_schema_url, said.resource_schema_url_size = options.resource_schema_url, #options.resource_schema_url
    end
    if type(options.memory_limit) == "number" then said.memory_limit = options.memory_limit end
    for _, name in ipairs(limits) do
        if type(options[name]) == "number" then said[name] = options[name] end
    end
    local pointer = ffi.new("spr_provider *[1]")
    local result = C.spr_provider_open(said, pointer)
    local provider = setmetatable({ pointer = pointer[0] }, { __index = Provider })
    if missing then return provider, missing end
    M.propagators(options.propagators)
    if result == 0 then result = C.spr_provider_state(pointer[0]) end
    if result < 0 then return provider, M.strerror(result) end
    return provider
end

-- The same arguments give the same tracer. Always one; a text beside it where its spans do nothing, and why.
function Provider:tracer(name, version, schema_url)
    name = type(name) == "string" and name or ""
    version = type(version) == "string" and version or ""
    schema_url = type(schema_url) == "string" and schema_url or ""
    local pointer = ffi.new("spr_tracer *[1]")
    local result = C.spr_tracer_get(self.pointer, name, #name, version, #version, schema_url, #schema_url, pointer)
    local tracer = setmetatable({ pointer = pointer[0] }, { __index = Tracer })
    if result < 0 then return tracer, M.strerror(result) end
    return tracer
end

-- 1: recording. 0: the first span makes the segment. Negative: off, and strerror() says why.
function Provider:state() return C.spr_provider_state(self.pointer) end

local function nanoseconds(seconds) return type(seconds) == "number" and seconds > 0 and seconds * 1e9 or 0 end

-- Waits, in this thread, until the agent has what has ended: for scripts. A server needs neither.
function Provider:flush(seconds) return C.spr_provider_flush(self.pointer, nanoseconds(seconds)) end
function Provider:shutdown(seconds) return C.spr_provider_shutdown(self.pointer, nanoseconds(seconds)) end

-- How many spans were started, ended, refused; nil where there is no library.
function Provider:statistics()
    local counted = ffi.new("spr_statistics")
    counted.struct_size = sizeof(counted)
    if C.spr_provider_statistics(self.pointer, counted) < 0 then return end
    local result = {}
    for _, name in ipairs { "started", "ended", "unsampled", "not_started_slot", "dropped_full", "refused_data", "acknowledged" } do
        result[name] = tonumber(counted[name])
    end
    return result
end

function M.strerror(code)
    local text = C.spr_strerror(type(code) == "number" and code or EINVAL)
    return type(text) == "string" and text or string_of(text)
end

function M.version()
    local text = C.spr_version()
    return type(text) == "string" and text or string_of(text)
end

-- A span that does nothing: what functions return where there is none.
function M.no_span() return new_span() end

-- The second copy of the module in a VM finds the first one's methods.
pcall(ffi.metatype, "spr_span", { __index = Span })
read_fields()

return M

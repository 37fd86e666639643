-- SPDX-License-Identifier: Apache-2.0
--
-- spanring for nginx with its Lua module (OpenResty, Kong, APISIX; Debian's libnginx-mod-http-lua): docs/luajit.md.
--
-- A request has one server span, from the access (or rewrite) phase to the log phase, and one client span for each attempt
-- at an upstream. What is known of a request is kept by the address of nginx's own struct, which is one from the first phase
-- to the last: an internal redirect (error_page, try_files, ngx.exec) empties ngx.ctx, and light threads and timers
-- have their own. Names and attributes are those of the semantic conventions (HTTP, stable).
--
-- No error leaves a function of this module: it is written into the error log once for each function, and the request goes
-- on as if it were not traced.
local ffi = require "ffi"
local spanring = require "spanring"
local base = require "resty.core.base"

local ngx, type, tonumber, tostring, rawget, pcall, error =
    ngx, type, tonumber, tostring, rawget, pcall, error
local get_request = base.get_request
local ERROR, SERVER, CLIENT = spanring.ERROR, spanring.SERVER, spanring.CLIENT

local M = {}

local provider, tracer
local nothing = spanring.no_span()

-- Requests of this worker that have a span, by address. An entry goes at the log phase; one whose location has none goes
-- when nginx uses the memory again.
local requests = {}

local function key_of(r)
    return tonumber(ffi.cast("uintptr_t", r))
end

local function current()
    local r = get_request()
    return r and requests[key_of(r)]
end

local told = {}

-- Calls it; what it throws is told once, and the answer is `otherwise` then.
local function guarded(name, call, otherwise)
    return function(...)
        local fine, result = pcall(call, ...)
        if fine then return result end
        if not told[name] then
            told[name] = true
            ngx.log(ngx.ERR, "spanring: ", name, "(): ", tostring(result))
        end
        return otherwise
    end
end

-- ---- Attributes ------------------------------------------------------------------------------------------------

local METHODS = {}
for name in ("CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE"):gmatch("%u+") do METHODS[name] = true end

-- Whose values the semantic conventions (HTTP, url.query) keep out of spans.
local SECRET = { "AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature" }

local function redacted(query)
    -- Plain: LuaJIT compiles no patterns.
    if not (query:find("sig", 1, true) or query:find("Sig", 1, true) or query:find("AWSA", 1, true)) then return query end
    query = "&" .. query
    for _, name in ipairs(SECRET) do
        query = query:gsub("(&" .. name:gsub("%-", "%%-") .. "=)[^&]*", "%1REDACTED")
    end
    return query:sub(2)
end

-- Path and query of the request as it came, before any rewrite.
local function target_of(uri)
    local mark = uri:find("?", 1, true)
    if not mark then return uri end
    return uri:sub(1, mark - 1), redacted(uri:sub(mark + 1))
end

-- "host:port", "[v6]:port", "host": address and port.
local function host_and_port(text)
    local colon = text:find(":", 1, true)
    if not colon then return text end
    if text:byte(1) ~= 91 and not text:find(":", colon + 1, true) then -- no "["
        local port = tonumber(text:sub(colon + 1))
        if port or colon == #text then return text:sub(1, colon - 1), port end
        return text -- "unix:/path"
    end
    local host, port = text:match("^%[([^%]]*)%]:?(%d*)$")
    if not host then host, port = text:match("^([^:]*):?(%d*)$") end
    if not host then return text end
    return host, tonumber(port)
end

local function set(span, key, value)
    if value ~= nil and value ~= "" then span:set(key, value) end
end

local VERSIONS = { ["HTTP/1.0"] = "1.0", ["HTTP/1.1"] = "1.1", ["HTTP/2.0"] = "2", ["HTTP/3.0"] = "3" }

local function describe_request(span, var, method)
    local path, query = target_of(var.request_uri or "/")
    if METHODS[method] then
        span:set("http.request.method", method)
    else
        span:set("http.request.method", "_OTHER")
        set(span, "http.request.method_original", method)
    end
    span:set("url.path", path)
    set(span, "url.query", query)
    set(span, "url.scheme", var.scheme)
    local host = var.http_host
    if host and host ~= "" then
        local address, port = host_and_port(host)
        set(span, "server.address", address)
        set(span, "server.port", port or tonumber(var.server_port))
    end
    set(span, "client.address", var.remote_addr)
    set(span, "network.peer.address", var.remote_addr)
    set(span, "network.peer.port", tonumber(var.remote_port))
    set(span, "network.protocol.version", VERSIONS[var.server_protocol])
    set(span, "user_agent.original", var.http_user_agent)
end

-- ---- The request -----------------------------------------------------------------------------------------------

-- came: the request's headers, where some of a propagator were among them.
local function set_request_header(name, value, came)
    if value ~= nil then
        ngx.req.set_header(name, value)
    elseif came and rawget(came, name) ~= nil then
        ngx.req.clear_header(name)
    end
end

-- Names are lower-case there; for others the table would try them with '-'.
local function header(name, headers) return rawget(headers, name) end

local function finish_client(state)
    local span = state.client
    if not span then return end
    state.client = nil
    span:finish()
end

local function finish_server(state)
    finish_client(state)
    state.server:finish()
end

local COMING = {} -- "http_traceparent", ...: nginx's variables of what a propagator may read
for i, name in ipairs(spanring.incoming) do COMING[i] = "http_" .. name:gsub("%-", "_") end

-- What came, and the headers that it came in.
local function incoming(var)
    for i = 1, #COMING do
        if var[COMING[i]] then
            local came = ngx.req.get_headers(0)
            return spanring.extract(header, came), came
        end
    end
    return nil
end

-- Starts the server span of the request; in access_by_lua* or rewrite_by_lua*. options: name, route ("/users/{id}").
-- Returns the span. Called again (after an internal redirect) it returns the same one.
M.access = guarded("access", function(options)
    if not tracer then return nothing end
    local r = get_request()
    if not r then return nothing end
    local key = key_of(r)
    local state = requests[key]
    if state then
        if ngx.ctx.spanring == state or ngx.req.is_internal() then
            ngx.ctx.spanring = state
            return state.server
        end
        finish_server(state) -- of a request that is gone, and whose location had no log()
    end
    local var = ngx.var
    local method = ngx.req.get_method()
    local route = type(options) == "table" and type(options.route) == "string" and options.route or nil
    local name = type(options) == "table" and type(options.name) == "string" and options.name
    if not name then
        name = METHODS[method] and method or "HTTP"
        if route then name = name .. " " .. route end
    end
    local remote, came = incoming(var)
    local span
    if remote and remote.context then
        span = tracer:start_with(name, { parent = remote, kind = SERVER })
    else
        span = tracer:start(name, false, SERVER)
    end
    state = { server = span, remote = remote, came = came, attempts = 0, method = method }
    requests[key] = state
    ngx.ctx.spanring = state
    if span:recording() then
        describe_request(span, var, method)
        set(span, "http.route", route)
    end
    return span
end, nothing)

-- ---- Upstreams -------------------------------------------------------------------------------------------------

local function start_attempt(state)
    state.attempts = state.attempts + 1
    local name = METHODS[state.method] and state.method or "HTTP"
    local trace_state = state.remote and state.remote.trace_state
    local span
    if trace_state then
        span = tracer:start_with(name, { parent = state.server, kind = CLIENT, trace_state = trace_state })
    else
        span = tracer:start(name, state.server, CLIENT)
    end
    state.client = span
    if span:recording() then
        span:set("http.request.method", METHODS[state.method] and state.method or "_OTHER")
        if state.attempts > 1 then span:set("http.request.resend_count", state.attempts - 1) end
    end
    spanring.inject(span, set_request_header, state.came, state.remote)
    return span
end

local function set_peer(state, address, port)
    local span = state.client
    if type(address) ~= "string" then return end
    set(span, "server.address", address)
    set(span, "server.port", tonumber(port))
    set(span, "network.peer.address", address)
    set(span, "network.peer.port", tonumber(port))
    local shown = address:find(":", 1, true) and "[" .. address .. "]" or address
    local path, query = target_of(ngx.var.request_uri or "/")
    set(span, "url.full", (state.scheme or "http") .. "://" .. shown .. (port and ":" .. port or "") .. path
        .. (query and "?" .. query or ""))
end

-- "-" where there was none; of several attempts, "500, 200", and "500 : 200" behind an internal redirect, that of one.
local function of_attempt(text, number)
    if type(text) ~= "string" then return nil end
    if not text:find(" ", 1, true) then return number == 1 and text ~= "-" and text ~= "" and text or nil end
    local at = 0
    for one in text:gmatch("[^,%s]+") do
        if one ~= ":" then
            at = at + 1
            if at == number then return one ~= "-" and one or nil end
        end
    end
    return nil
end

local function count_attempts(text)
    local count = 0
    if type(text) == "string" then
        if not text:find(" ", 1, true) then return text ~= "" and 1 or 0 end
        for one in text:gmatch("[^,%s]+") do
            if one ~= ":" then count = count + 1 end
        end
    end
    return count
end

-- What became of an attempt: `number` counts those that nginx has told of.
local function conclude(state, number)
    local span, var = state.client, ngx.var
    if not span or not span:recording() then return end
    local status = tonumber(of_attempt(var.upstream_status, number))
    if of_attempt(var.upstream_header_time, number) and status then
        span:set("http.response.status_code", status)
        if status >= 400 then
            span:set("error.type", tostring(status))
            span:status(ERROR)
        end
    elseif status then -- 502 or 504 by nginx's own word: no header came
        span:set("error.type", status == 504 and "timeout" or "connection_error")
        span:status(ERROR)
    else
        span:set("error.type", "aborted")
        span:status(ERROR)
    end
end

-- Starts the client span of the request's upstream and puts it into the headers that go there; last in access_by_lua*, where
-- a proxy_pass (grpc_pass, fastcgi_pass) is what follows. options: scheme ("http").
M.upstream = guarded("upstream", function(options)
    local state = current()
    if not state then return nothing end
    local number = count_attempts(ngx.var.upstream_addr)
    if state.client then
        if number == state.told then return state.client end
        conclude(state, number) -- in the location before an internal redirect
        finish_client(state)
    end
    state.scheme = type(options) == "table" and type(options.scheme) == "string" and options.scheme or "http"
    state.told, state.chosen = number, nil
    return start_attempt(state)
end, nothing)

-- In balancer_by_lua*: the peer that was chosen. Called again for a retry it ends the attempt that failed and starts another
-- span, whose headers are sent in its place. Needs upstream() in the access phase.
M.balancer = guarded("balancer", function(address, port)
    local state = current()
    if not state or not state.told then return end
    if state.chosen then
        conclude(state, state.told + 1)
        finish_client(state)
        state.told = state.told + 1
        start_attempt(state)
        local balancer = require "ngx.balancer"
        if balancer.recreate_request then balancer.recreate_request() end
    end
    state.chosen = true
    set_peer(state, address, port)
end)

-- ---- Other spans, and the end ----------------------------------------------------------------------------------

-- The request's server span, in any phase of it; one that does nothing where there is none (a timer: pass it on).
M.span = guarded("span", function()
    local state = current()
    return state and state.server or nothing
end, nothing)

-- The client span of the attempt that is under way, likewise.
M.client = guarded("client", function()
    local state = current()
    return state and state.client or nothing
end, nothing)

-- A span below the request's, or below `parent`; the caller ends it. kind: spanring.INTERNAL, ...
M.start = guarded("start", function(name, parent, kind)
    if not tracer then return nothing end
    if parent == nil then
        local state = current()
        parent = state and state.server or false
    end
    return tracer:start(name, parent, kind)
end, nothing)

-- Headers for a request that Lua code sends itself (a cosocket client), below `span`, with the baggage that came.
M.headers = guarded("headers", function(span, headers)
    local state = current()
    return spanring.headers(span, headers, state and state.remote)
end)

-- Baggage: what came, and what goes on to upstreams.
M.baggage = guarded("baggage", function(key)
    local state = current()
    return state and spanring.baggage(state.remote, key)
end)

M.set_baggage = guarded("set_baggage", function(key, value)
    local state = current()
    if not state then return nil end
    state.remote = state.remote or {}
    return spanring.set_baggage(state.remote, key, value)
end)

local function describe_end(state)
    local var = ngx.var
    if state.client then
        local number = state.told + 1
        if not state.chosen then
            number = count_attempts(var.upstream_addr)
            -- Without a balancer of Lua's nginx chose: the span is of all attempts, and says the last one's peer.
            local address, port = host_and_port(of_attempt(var.upstream_addr, number) or "")
            if address and address ~= "" then set_peer(state, address, port) end
            if number > state.told + 1 then state.client:set("http.request.resend_count", number - state.told - 1) end
        end
        conclude(state, number)
    end
    local span, status = state.server, ngx.status
    if span:recording() and status and status > 0 then
        span:set("http.response.status_code", status)
        if status >= 500 then
            span:set("error.type", tostring(status))
            span:status(ERROR)
        end
    end
end

-- Ends the request's spans; in log_by_lua*.
M.log = guarded("log", function()
    local r = get_request()
    if not r then return end
    local key = key_of(r)
    local state = requests[key]
    if not state then return end
    requests[key] = nil
    local fine, why = pcall(describe_end, state)
    finish_server(state)
    if not fine then error(why, 0) end
end)

-- In init_worker_by_lua*. options: those of spanring.open(), and scope (a name; "nginx"), version. Returns true, or nil and
-- why nothing is traced; the log says it too.
function M.init(options)
    local fine, why = pcall(function()
        local problem
        provider, problem = spanring.open(options)
        local scope = type(options) == "table" and options.scope or "nginx"
        local told_by
        tracer, told_by = provider:tracer(scope, type(options) == "table" and options.version or ngx.config and
            tostring(ngx.config.nginx_version))
        return problem or told_by
    end)
    if not fine then tracer = nil end
    if why == nil then return true end
    ngx.log(ngx.WARN, "spanring: nothing is traced: ", tostring(why))
    return nil, tostring(why)
end

-- For code that wants more than a request's spans: those of init().
function M.provider() return provider end
function M.tracer() return tracer end

return M

# SPDX-License-Identifier: Apache-2.0
"""A gateway of Debian's nginx, traced by spanring.nginx: phases, headers in and out, retries, errors, workers that are killed and
reloaded under load."""

import collections
import pathlib
import re
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "integration"), str(HERE.parent.parent / "bindings")]
import harness  # noqa: E402
import nginx  # noqa: E402
import otlp_json  # noqa: E402
from data_test import attributes_of  # noqa: E402

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = ("Traceparent", f"00-{TRACE}-{CALLER}-01")
SERVER, CLIENT, INTERNAL = 2, 3, 1
ERROR = 2
CLIENTS = 12
ROUNDS = 6  # of a kill and a reload
REQUESTS_BETWEEN = 300
PER_KILL = 3  # spans of one request, which a worker that is killed may have begun or ended without having written it down

# Witness lines tell what the worker knew: "begin ID" behind a start, "end ID" behind an end.
GATEWAY = """
    init_worker_by_lua_block {{
        require("spanring.nginx").init {{ service_name = "gateway", propagators = {propagators}, scope = "gateway" }}
        local path = {witness}
        local file = path and assert(io.open(path, "a"))
        if file then file:setvbuf("no") end
        function witness(word, span)
            if file and span:recording() == (word == "begin") and span:sampled() then
                file:write(word .. " " .. span:trace_id() .. span:span_id() .. "\\n")
            end
        end
    }}
    upstream balanced {{
        server 0.0.0.1;
        balancer_by_lua_block {{
            local balancer, tracing = require "ngx.balancer", require "spanring.nginx"
            local peers = {{ {first}, {second} }}
            local try = (ngx.ctx.try or 0) + 1
            ngx.ctx.try = try
            if try == 1 then balancer.set_more_tries(1) end
            local before = tracing.client()
            tracing.balancer("127.0.0.1", peers[try])
            if try > 1 then witness("end", before) witness("begin", tracing.client()) end
            assert(balancer.set_current_peer("127.0.0.1", peers[try]))
        }}
    }}
    upstream plain {{ server 127.0.0.1:{first} max_fails=0; server 127.0.0.1:{second} max_fails=0 backup; }}
    server {{
        listen 127.0.0.1:{port};
        proxy_next_upstream error timeout http_503 non_idempotent;
        access_by_lua_block {{
            local tracing = require "spanring.nginx"
            witness("begin", tracing.access())
            witness("begin", tracing.upstream())
        }}
        log_by_lua_block {{
            local tracing = require "spanring.nginx"
            local server, client = tracing.span(), tracing.client()
            tracing.log()
            witness("end", client)
            witness("end", server)
        }}
        location / {{ proxy_pass http://balanced; }}
        location /plain/ {{ proxy_pass http://plain; }}
        location = /local {{
            access_by_lua_block {{ require("spanring.nginx").access {{ route = "/local" }} }}
            content_by_lua_block {{
                local tracing = require "spanring.nginx"
                local function part(name)
                    local span = tracing.start(name)
                    ngx.sleep(0.001)
                    span:finish()
                end
                local threads = {{ ngx.thread.spawn(part, "one"), ngx.thread.spawn(part, "two") }}
                for _, thread in ipairs(threads) do ngx.thread.wait(thread) end
                local later = tracing.start("timer")
                assert(ngx.timer.at(0, function(_, span)
                    assert(tracing.span():recording() == false)
                    local inner = tracing.start("in the timer", span)
                    inner:finish()
                    span:finish()
                end, later))
                ngx.say("baggage ", tracing.baggage("user") or "none")
                ngx.say("tracestate ", tracing.headers(tracing.span()).tracestate or "none")
            }}
        }}
        location = /broken {{
            access_by_lua_block {{ require("spanring.nginx").access() }}
            content_by_lua_block {{ error("it broke") }}
        }}
        location = /redirected {{
            access_by_lua_block {{ require("spanring.nginx").access() }}
            error_page 500 /error;
            content_by_lua_block {{ return ngx.exit(500) }}
        }}
        location = /error {{
            internal;
            access_by_lua_block {{ require("spanring.nginx").access() }}
            content_by_lua_block {{ ngx.say("error page") }}
        }}
        location = /without-log {{
            access_by_lua_block {{ require("spanring.nginx").access() }}
            log_by_lua_block {{ local nothing }}
            content_by_lua_block {{ ngx.say("port 0") }}
        }}
        location = /baggage {{
            access_by_lua_block {{
                local tracing = require "spanring.nginx"
                tracing.access()
                tracing.set_baggage("added", "here")
                tracing.upstream()
            }}
            proxy_pass http://plain;
        }}
        location = /misused {{
            access_by_lua_block {{
                local tracing = require "spanring.nginx"
                tracing.access(7)
                tracing.upstream("x")
                tracing.balancer({{}}, {{}})
                tracing.log()
                tracing.log()
                tracing.upstream()
                tracing.span():set({{}}, print)
                tracing.start(nil, 1, {{}}):finish()
            }}
            content_by_lua_block {{ ngx.say("port 0") }}
        }}
    }}
"""


class Gateway(harness.Case):
    def setUp(self):
        nginx.skip_where_missing()
        super().setUp()
        self.collector = self.workspace.collector().start()
        self.received = otlp_json.Received(self.collector.received)
        self.agent = self.workspace.agent("--endpoint", self.collector.endpoint)
        self.port, self.first, self.second = (harness.free_port() for _ in range(3))

    def start(self, workers=1, upstreams=2, propagators="nil", witness="nil", **environment):
        ports = [self.first, self.second][2 - upstreams:]
        upstreams = nginx.Nginx(self.workspace, "upstream", "".join(nginx.UPSTREAM.format(port=port) for port in ports), ports)
        self.addCleanup(upstreams.end)
        environment.setdefault("SPANRING_DIR", self.workspace.segments)
        self.gateway = nginx.Nginx(
            self.workspace, "gateway",
            GATEWAY.format(propagators=propagators, witness=witness, first=self.first, second=self.second, port=self.port),
            [self.port], workers, **environment)
        self.addCleanup(self.gateway.end)

    def get(self, path, *headers, method="GET"):
        return nginx.get(self.port, path, headers, method)

    def arrived(self):
        """{span id: fields} of all that was recorded, once nginx has ended; each came once."""
        self.gateway.stop()
        self.workspace.accounting()
        audit = self.workspace.command("audit")
        self.assertIn("OK", audit)
        self.collector.stop()
        spans = [span.fields for span in self.received.read()]
        found = {span["spanId"]: span for span in spans}
        self.assertEqual(len(found), len(spans))
        return found

    def server_and_clients(self):
        spans = self.arrived().values()
        (server,) = [span for span in spans if span["kind"] == SERVER]
        clients = sorted((span for span in spans if span["kind"] == CLIENT), key=lambda span: int(span["startTimeUnixNano"]))
        for client in clients:
            self.assertEqual((client["traceId"], client["parentSpanId"]), (server["traceId"], server["spanId"]))
            self.assertGreaterEqual(int(client["startTimeUnixNano"]), int(server["startTimeUnixNano"]))
        return server, clients


class Requests(Gateway):
    def test_a_request_is_a_server_and_a_client_span(self):
        self.start()
        status, said = self.get("/shop/item?id=7&sig=secret", PARENT, ("Tracestate", "vendor=1"), ("Tracestate", "other=x"),
                                ("Baggage", "user=ann"), ("Host", "shop.example:8080"), ("User-Agent", "a test"))
        self.assertEqual((status, said["port"]), (200, str(self.first)))
        server, (client,) = self.server_and_clients()
        self.assertEqual((server["traceId"], server["parentSpanId"], server["name"]), (TRACE, CALLER, "GET"))
        self.assertEqual((server["traceState"], client["traceState"]), ("vendor=1,other=x",) * 2)
        self.assertEqual(said["traceparent"], f"00-{TRACE}-{client['spanId']}-01")
        self.assertEqual((said["tracestate"], said["baggage"]), ("vendor=1,other=x", "user=ann"))
        attributes = attributes_of(server)
        self.assertGreater(attributes.pop("network.peer.port"), 0)
        self.assertEqual(attributes, {
            "http.request.method": "GET", "url.path": "/shop/item", "url.query": "id=7&sig=REDACTED", "url.scheme": "http",
            "server.address": "shop.example", "server.port": 8080, "client.address": "127.0.0.1",
            "network.peer.address": "127.0.0.1", "network.protocol.version": "1.1", "user_agent.original": "a test",
            "http.response.status_code": 200})
        self.assertEqual(attributes_of(client), {
            "http.request.method": "GET", "server.address": "127.0.0.1", "server.port": self.first,
            "network.peer.address": "127.0.0.1", "network.peer.port": self.first,
            "url.full": f"http://127.0.0.1:{self.first}/shop/item?id=7&sig=REDACTED", "http.response.status_code": 200})
        self.assertEqual((server.get("status", {}), client.get("status", {})), ({}, {}))
        self.assertEqual(self.gateway.complaints(), [])

    def test_a_trace_begins_here_where_none_came(self):
        self.start()
        _, said = self.get("/", ("Traceparent", "00-nonsense"), ("Tracestate", "lost=1"), ("Host", "[::1]:81"), method="FROB")
        server, (client,) = self.server_and_clients()
        self.assertEqual((server.get("parentSpanId", ""), server["name"]), ("", "HTTP"))
        self.assertEqual(said["traceparent"][3:52], f"{server['traceId']}-{client['spanId']}")
        self.assertNotIn("tracestate", said)
        attributes = attributes_of(server)
        self.assertEqual((attributes["http.request.method"], attributes["http.request.method_original"]), ("_OTHER", "FROB"))
        self.assertEqual((attributes["server.address"], attributes["server.port"]), ("::1", 81))

    def test_two_traceparents_are_none(self):
        self.start()
        self.get("/", PARENT, PARENT)
        server, _ = self.server_and_clients()
        self.assertNotEqual(server["traceId"], TRACE)

    def test_b3(self):
        self.start(propagators='"b3,b3multi,tracecontext"')
        _, said = self.get("/", ("B3", f"{TRACE}-{CALLER}-d"))
        server, (client,) = self.server_and_clients()
        self.assertEqual((server["traceId"], server["parentSpanId"]), (TRACE, CALLER))
        self.assertEqual(said["b3"], f"{TRACE}-{client['spanId']}-d")
        self.assertEqual(said["x-b3-traceid"], TRACE)

    def test_baggage_goes_on_with_what_was_added(self):
        self.start()
        _, said = self.get("/baggage", ("Baggage", "user=ann"))
        self.assertEqual(said["baggage"], "user=ann,added=here")
        self.server_and_clients()

    def test_what_is_not_sampled_is_not_recorded_and_goes_on(self):
        self.start()
        _, said = self.get("/", ("Traceparent", f"00-{TRACE}-{CALLER}-00"))
        self.assertEqual((said["traceparent"][:36], said["traceparent"][-2:]), (f"00-{TRACE}-", "00"))
        self.assertEqual(self.arrived(), {})

    def test_light_threads_and_timers(self):
        self.start()
        status, said = self.get("/local", PARENT, ("Baggage", "user=%C3%A4"), ("Tracestate", "vendor=1"))
        self.assertEqual((status, said), (200, {"baggage": "ä", "tracestate": "vendor=1"}))
        spans = self.arrived()
        parents = {span["name"]: spans.get(span["parentSpanId"], {}).get("name") for span in spans.values()}
        self.assertEqual(parents, {"GET /local": None, "one": "GET /local", "two": "GET /local", "timer": "GET /local",
                                   "in the timer": "timer"})

    def test_a_retry_is_another_span_with_headers_of_its_own(self):
        self.start(upstreams=1)
        status, said = self.get("/", PARENT)
        self.assertEqual((status, said["port"]), (200, str(self.second)))
        server, (failed, client) = self.server_and_clients()
        self.assertEqual(said["traceparent"], f"00-{TRACE}-{client['spanId']}-01")
        failed_attributes, attributes = attributes_of(failed), attributes_of(client)
        self.assertEqual((failed_attributes["error.type"], failed["status"]["code"]), ("connection_error", ERROR))
        self.assertNotIn("http.response.status_code", failed_attributes)
        self.assertEqual((failed_attributes["server.port"], attributes["server.port"]), (self.first, self.second))
        self.assertEqual((attributes["http.request.resend_count"], attributes["http.response.status_code"]), (1, 200))
        self.assertEqual(client.get("status", {}), {})
        self.assertEqual(attributes_of(server)["http.response.status_code"], 200)
        self.assertLessEqual(int(failed["endTimeUnixNano"]), int(client["startTimeUnixNano"]))

    def test_an_upstream_that_says_no_is_left_for_another(self):
        self.start()
        status, said = self.get(f"/down{self.first}/503")
        self.assertEqual((status, said["port"]), (200, str(self.second)))
        _, (failed, client) = self.server_and_clients()
        self.assertEqual((attributes_of(failed)["error.type"], attributes_of(failed)["http.response.status_code"]), ("503", 503))
        self.assertEqual(attributes_of(client)["http.request.resend_count"], 1)
        self.assertEqual(said["traceparent"][36:52], client["spanId"])

    def test_retries_of_nginx_itself_are_counted_in_one_span(self):
        self.start(upstreams=1)
        status, said = self.get("/plain/")
        self.assertEqual((status, said["port"]), (200, str(self.second)))
        _, (client,) = self.server_and_clients()
        attributes = attributes_of(client)
        self.assertEqual((attributes["server.port"], attributes["http.request.resend_count"]), (self.second, 1))
        self.assertEqual(said["traceparent"][36:52], client["spanId"])

    def test_errors_of_upstreams(self):
        self.start()
        self.assertEqual(self.get("/fail/500")[0], 500)
        server, (client,) = self.server_and_clients()
        for span in (server, client):
            self.assertEqual((attributes_of(span)["http.response.status_code"], attributes_of(span)["error.type"],
                              span["status"]["code"]), (500, "500", ERROR))

    def test_404_is_an_error_of_the_client_alone(self):
        self.start()
        self.assertEqual(self.get("/fail/404")[0], 404)
        server, (client,) = self.server_and_clients()
        self.assertEqual((server.get("status", {}), client["status"]["code"]), ({}, ERROR))

    def test_no_upstream_at_all(self):
        self.start(upstreams=0)
        self.assertEqual(self.get("/")[0], 502)
        server, clients = self.server_and_clients()
        self.assertEqual([attributes_of(client)["error.type"] for client in clients], ["connection_error"] * 2)
        self.assertEqual(attributes_of(server)["error.type"], "502")

    def test_errors_of_lua_code_end_the_span(self):
        self.start()
        self.assertEqual(self.get("/broken")[0], 500)
        (span,) = self.arrived().values()
        self.assertEqual((span["status"]["code"], attributes_of(span)["error.type"]), (ERROR, "500"))

    def test_an_internal_redirect_is_the_same_request(self):
        self.start()
        self.assertEqual(self.get("/redirected")[0], 500)
        (span,) = self.arrived().values()
        self.assertEqual(attributes_of(span)["http.response.status_code"], 500)

    def test_a_location_without_log_ends_its_spans_later(self):
        self.start()
        for _ in range(20):
            self.get("/without-log")
        spans = self.arrived().values()
        self.assertEqual(len(spans), 20)
        open_at_the_end = [span for span in spans if attributes_of(span).get("spanring.unfinished")]
        self.assertLess(len(open_at_the_end), 20)

    def test_misuse_is_no_error_of_the_request(self):
        self.start()
        self.assertEqual(self.get("/misused")[0], 200)
        self.arrived()


class Page(Gateway):
    def test_the_configuration_of_the_page_works(self):
        (block,) = re.findall(r"```nginx\n(.*?)```", (harness.SOURCE / "docs/luajit.md").read_text(), re.DOTALL)
        environment, block = block.split("# in http {}\n")
        self.assertIn("env SPANRING_DIR;", environment)
        for of_the_page, port in ((8080, self.port), (8081, self.first), (8082, self.second)):
            self.assertIn(str(of_the_page), block)
            block = block.replace(str(of_the_page), str(port))
        upstream = nginx.Nginx(self.workspace, "upstream", nginx.UPSTREAM.format(port=self.second), [self.second])
        self.addCleanup(upstream.end)
        self.gateway = nginx.Nginx(self.workspace, "gateway", block, [self.port], SPANRING_DIR=self.workspace.segments)
        self.addCleanup(self.gateway.end)
        status, said = self.get("/", PARENT)
        self.assertEqual((status, said["port"]), (200, str(self.second)))
        server, (failed, client) = self.server_and_clients()
        self.assertEqual((server["name"], said["traceparent"][36:52]), ("GET /", client["spanId"]))
        self.assertEqual(attributes_of(failed)["error.type"], "connection_error")


class Off(Gateway):
    def ask(self):
        status, said = self.get("/", PARENT)
        self.assertEqual((status, said["port"]), (200, str(self.first)))
        self.assertEqual(self.get("/local")[0], 200)
        self.gateway.stop()
        return said

    def test_switched_off(self):
        self.start(SPANRING_DISABLED="1")
        self.assertEqual(self.ask()["traceparent"], PARENT[1])
        self.assertIn("nothing is traced", self.gateway.process.stderr())

    def test_without_a_directory(self):
        self.start(SPANRING_DIR="/proc/nowhere")
        self.assertEqual(self.ask()["traceparent"], PARENT[1])

    def test_without_the_library(self):
        self.start(SPANRING_LIBRARY="/nowhere/libspanring.so.0")
        self.assertEqual(self.ask()["traceparent"], PARENT[1])
        self.assertIn("nothing is traced", self.gateway.process.stderr())

    def test_without_an_agent_nothing_is_lost(self):
        self.agent.stop()
        self.start()
        for _ in range(10):
            self.assertEqual(self.get("/")[0], 200)
        self.gateway.stop()
        self.workspace.agent("--endpoint", self.collector.endpoint)
        self.workspace.accounting()
        self.collector.stop()
        self.assertEqual(len({span.identity for span in self.received.read()}), 20)


class Load(Gateway):
    def test_workers_that_are_killed_and_reloaded_lose_nothing(self):
        witness = self.workspace.unique("witness")
        witness.touch()
        self.start(workers=2, upstreams=1, witness=f'"{witness}"')
        stopping = threading.Event()
        answered = collections.Counter()

        def ask():
            while not stopping.is_set():
                try:
                    answered[self.get("/load?hold=0.002")[0]] += 1
                except (OSError, nginx.http.client.HTTPException):
                    answered["cut off"] += 1

        threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(ROUNDS):
                for disturb in (self.gateway.kill_worker, self.gateway.reload):
                    before = answered[200]
                    harness.wait_until(lambda: answered[200] > before + REQUESTS_BETWEEN, "requests are answered")
                    disturb()
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        self.account(witness)
        print(f"requests: {dict(answered)}")

    def account(self, witness):
        lines = witness.read_text().splitlines()
        begun, ended = ({line.split()[1] for line in lines if line.startswith(word)} for word in ("begin ", "end "))
        self.arrived()  # and each once
        times = {span.identity for span in self.received.spans}
        unfinished = {span.identity for span in self.received.spans if attributes_of(span.fields).get("spanring.unfinished")}
        self.assertEqual(begun - times, set(), "did not arrive")
        self.assertEqual(ended & unfinished, set(), "ended, and arrived as unfinished")
        self.assertTrue(unfinished, "workers were killed under load")
        self.assertLessEqual(len(times - begun), PER_KILL * ROUNDS)
        self.assertLessEqual(len(begun - unfinished - ended), PER_KILL * ROUNDS)
        print(f"{len(ended)} ended, {len(unfinished)} open at {ROUNDS} kills; {len(times)} arrived")


if __name__ == "__main__":
    harness.main()

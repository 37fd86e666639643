# SPDX-License-Identifier: Apache-2.0
"""Real Envoys with the tracer: what a proxied request's spans say, field by field, beside what Envoy's own OpenTelemetry tracer says of
the same; what goes on to the upstream; a kill under load; a hot restart; what is refused.

    envoy_test.py MINOR...    each by the tests of Minor, the latest by all
"""

import asyncio
import collections
import json
import pathlib
import random
import signal
import subprocess
import sys

from running_envoy import LATEST, MODULES, Envoy, Loop, Upstream, cluster, harness, listener, opentelemetry_provider, program, provider, request

from offer import offer

ENDED_BEFORE_THE_KILL = 1_500
CLIENTS = 16
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
MINORS = [LATEST]


def trace_ids():
    return f"{random.getrandbits(128) | 1:032x}", f"{random.getrandbits(64) | 1:016x}"


class Case(harness.Case):
    minor = LATEST

    def setUp(self):
        super().setUp()
        self.loop = Loop()
        self.addCleanup(self.loop.close)
        self.upstream = Upstream(self.loop)
        self.port = harness.free_port()

    def tracing(self, spans, **more):
        return {"random_sampling": {"value": 100}, "provider": spans, **more}

    def envoy(self, tracing, clusters=(), **options):
        return Envoy(self.workspace, self.minor, [listener(self.port, tracing)],
                     [cluster("upstream", self.upstream.port), *clusters], **options)

    def get(self, path, *headers):
        return self.loop.do(request(self.port, path, headers))


class Collecting(Case):
    """An agent with a store and an OTLP receiver for Envoy's own tracer; `spanring tail` says what arrives, each span that does."""

    def setUp(self):
        super().setUp()
        self.otlp_port = harness.free_port()
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps({
            "receivers": {"spanring": None, "otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{self.otlp_port}"}}}},
            "exporters": {"store": None}, "processors": {"batch": {"timeout": "50ms"}},
            "service": {"pipelines": {"traces": {"receivers": ["spanring", "otlp"], "processors": ["batch"], "exporters": ["store"]}}}}))
        self.workspace.agent("--config", file)
        self.tail = harness.Process(self.workspace, "tail", [harness.COMMAND, "--state-dir", self.workspace.state, "--directory",
                                                             self.workspace.segments, "tail", "--json"], env=harness.environment())
        self.tail.wait_for_line("Spans that arrive", stream="stderr")

    def arrived(self):
        return [json.loads(line) for line in self.tail.stdout().split("\n")[:-1]]

    def of(self, service):
        return [span for span in self.arrived() if span["service"] == service]

    def everything(self):
        """What arrived in all, when every process's accounts come out."""
        processes = self.workspace.accounting()
        count = sum(exporter["exported"] for process in processes for exporter in process["exporters"])
        harness.wait_until(lambda: len(self.arrived()) >= count, f"the {count} spans that were stored are shown")
        return self.arrived()

    def killed_under_load(self, spans, *clusters):
        envoy = self.envoy(self.tracing(spans, spawn_upstream_span=True), clusters)
        load = Load(self.loop, self.port)
        harness.wait_until(lambda: len(load.ended) > ENDED_BEFORE_THE_KILL and len(self.upstream.paths["/hang"]) == CLIENTS,
                           "Envoy is under load")
        self.assertEqual(envoy.kill(), -signal.SIGKILL)
        load.wait()
        return load

    def account(self, load, services):
        """Every request that the upstream saw has two spans; those that were answered had ended, and none came twice."""
        spans = self.everything()
        times = collections.Counter((span["trace_id"], span["span_id"]) for span in spans)
        self.assertEqual([one for one, count in times.items() if count > 1], [], "arrived more than once")
        self.assertLessEqual({span["service"] for span in spans}, services)
        by_trace = collections.defaultdict(list)
        for span in spans:
            by_trace[span["trace_id"]].append(span)
        unfinished = 0
        for trace in self.upstream.seen.keys() & load.sent:
            with self.subTest(trace):
                kinds = sorted(span["kind"] for span in by_trace[trace])
                self.assertEqual(kinds, ["Client", "Server"])
                open_ones = [span for span in by_trace[trace] if span["unfinished"]]
                if trace in load.ended:
                    self.assertEqual(open_ones, [], "it had ended")
                unfinished += len(open_ones)
                client = next(span for span in by_trace[trace] if span["kind"] == "Client")
                sent = [headers["traceparent"][36:52] for headers in self.upstream.seen[trace]]
                self.assertEqual(sent, [client["span_id"]])
                for span in open_ones:
                    if span["kind"] == "Server":
                        self.assertIn(span["attributes"]["http.url"], ("http://test.example/hang", "http://test.example/ok"))
        self.assertEqual(load.ended - self.upstream.seen.keys(), set())
        self.assertEqual(by_trace.keys() - load.sent, set(), "spans of no request")
        print(f"Envoy {self.minor}: {len(load.ended)} requests ended, {unfinished} spans open; {len(spans)} spans arrived, each once")
        return unfinished


class Load:
    """Requests without end over connections that are kept, each with a trace of its own; every tenth is never answered. The caller's
    witness of what had begun is the upstream's, of what had ended the clients'."""

    def __init__(self, loop, port):
        self.port, self.ended, self.sent, self.broken = port, set(), set(), 0
        self.loop = loop
        self.clients = [asyncio.run_coroutine_threadsafe(self.client(), loop.loop) for _ in range(CLIENTS)]
        self.hanging = [asyncio.run_coroutine_threadsafe(self.one("/hang"), loop.loop) for _ in range(CLIENTS)]

    async def one(self, path, streams=None):
        trace, span = trace_ids()
        self.sent.add(trace)
        answer = await request(self.port, path, [("traceparent", f"00-{trace}-{span}-01")], streams)
        if answer is None:
            return False
        assert answer[0] == "200", answer
        self.ended.add(trace)
        return answer[1].get("connection") != "close"

    async def client(self):
        """Until the proxy is gone; a connection that it ends in between is made anew."""
        while True:
            try:
                streams = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionError:
                return
            try:
                while await self.one("/ok", streams):
                    pass
            except ConnectionError:
                self.broken += 1
            finally:
                streams[1].close()

    def wait(self):
        for client in self.clients:
            client.result(harness.WATCHDOG)


class Minor:
    """What is asked of each minor version."""

    def test_the_spans_are_those_of_envoys_own_tracer(self):
        """The same requests by each tracer in turn, into the same agent: to it one is a process, the other a sender of OTLP."""
        of, sent = {}, {}
        for name, spans in {"spanring": provider(self.minor, {"service_name": "spanring"}), "own": opentelemetry_provider("own")}.items():
            self.port = harness.free_port()
            envoy = self.envoy(self.tracing(spans, spawn_upstream_span=True, verbose=True),
                               [cluster("collector", self.otlp_port, http2=True)])
            for path in ("/ok?x=1", "/status/404", "/status/503", "/own"):
                answer = self.get(path, ("traceparent", f"00-{TRACE}-{CALLER}-01"), ("tracestate", "vendor=1"))
                self.assertEqual(answer[0], path.split("/")[2] if path.startswith("/status") else "200")
            wanted = 7  # four of the requests, three of those to the upstream
            sent[name] = {path: [headers["traceparent"][:36] + headers["traceparent"][52:] for headers in seen[0:]] + [seen[-1].get("tracestate")]
                          for path, seen in self.upstream.paths.items()}
            self.upstream.paths.clear()
            harness.wait_until(lambda: len(self.of(name)) >= wanted, f"the {wanted} spans of {name} arrive")
            envoy.stop()
            self.workspace.accounting()
            of[name] = self.by_request(self.of(name))
            self.assertEqual(len(of[name]), wanted)
        self.assertEqual(sent["spanring"], sent["own"])
        self.assertEqual(of["spanring"].keys(), of["own"].keys())
        for which, own in of["own"].items():
            for field, value in own.items():
                with self.subTest(which, field=field):
                    got = of["spanring"][which][field]
                    self.assertEqual(got, value)

    def by_request(self, spans):
        """{(name, path): what is the same in every run}."""
        ids = {span["span_id"]: span for span in spans}
        found = {}
        for span in spans:
            attributes = dict(span["attributes"])
            attributes.pop("guid:x-request-id", None)  # Envoy's, random
            parent = ids.get(span["parent_span_id"])
            url = attributes.get("http.url") or parent["attributes"]["http.url"]
            for varying in ("upstream_address", "peer.address"):
                if varying in attributes:
                    attributes[varying] = attributes[varying].split(":")[0]
            self.assertGreaterEqual(span["end_unix_nano"], span["start_unix_nano"])
            path = url.partition("test.example")[2]
            self.assertNotIn((span["name"], path), found)
            found[span["name"], path] = {
                "trace": span["trace_id"], "parent": parent["name"] if parent else span["parent_span_id"], "kind": span["kind"],
                "state": span.get("trace_state", ""), "status": (span["status"], span["status_message"]), "attributes": attributes,
                "events": [event["name"] for event in span["events"]], "unfinished": span["unfinished"]}
        return found

    def test_a_kill_under_load_loses_no_span_and_repeats_none(self):
        self.account(self.killed_under_load(provider(self.minor, {"service_name": "edge"})), {"edge"})


class Latest(Collecting):
    def test_what_envoys_own_tracer_loses(self):
        """The same load, and a kill of the same kind."""
        load = self.killed_under_load(opentelemetry_provider("own"), cluster("collector", self.otlp_port, http2=True))
        kinds = collections.Counter(span["trace_id"] for span in self.everything())
        began = self.upstream.seen.keys() & load.sent
        self.assertTrue(kinds, "it works")
        self.assertEqual(kinds.keys() - load.sent, set())
        ended, still_open = began & load.ended, began - load.ended
        lost = [2 * len(of) - sum(kinds[trace] for trace in of) for of in (ended, still_open)]
        print(f"Envoy's own tracer: of {2 * len(ended)} spans of requests that ended {lost[0]} did not arrive, "
              f"of {2 * len(still_open)} of requests that were open {lost[1]}")

    def test_a_hot_restart_under_load_loses_nothing(self):
        base = random.randrange(1, 2**31)
        tracing = self.tracing(provider(self.minor, {"service_name": "edge"}), spawn_upstream_span=True)
        old = self.envoy(tracing, epoch=0, base_id=base)
        load = Load(self.loop, self.port)
        harness.wait_until(lambda: len(load.ended) > 200, "the first Envoy is under load")
        new = self.envoy(tracing, epoch=1, base_id=base)
        harness.wait_until(lambda: not old.running(), "the new Envoy has drained and ended the old one")
        before = len(load.ended)
        harness.wait_until(lambda: len(load.ended) > before + 200, "the new one is under load")
        self.assertEqual(new.kill(), -signal.SIGKILL)
        load.wait()
        self.account(load, {"edge"})
        self.assertEqual(len({span["resource"]["process.pid"] for span in self.arrived()}), 2)

    def test_the_module_is_unloaded_with_its_last_listener_and_may_come_again(self):
        """By configuration that comes while Envoy runs (LDS), as a control plane sends it. Envoy closes the module as it does by default."""
        discovered = self.workspace.unique("listeners.json")

        def discover(*listeners):
            new = discovered.with_suffix(".new")
            new.write_text(json.dumps({"resources": [{
                "@type": "type.googleapis.com/envoy.config.listener.v3.Listener", **one} for one in listeners]}))
            new.rename(discovered)

        def is_loaded():
            return "libspanring_envoy" in pathlib.Path(f"/proc/{envoy.pid}/maps").read_text()

        def answers():
            try:
                return self.get("/ok") is not None
            except OSError:
                return False

        discover()
        envoy = Envoy(self.workspace, self.minor, [], [cluster("upstream", self.upstream.port)], more={
            "node": {"id": "test", "cluster": "test"},
            "dynamic_resources": {"lds_config": {"path_config_source": {"path": str(discovered)}}}})
        self.assertFalse(is_loaded())
        for number in range(3):
            discover({**listener(self.port, self.tracing(provider(self.minor, {"service_name": f"edge {number}"}))),
                      "drain_type": "MODIFY_ONLY"})
            harness.wait_until(answers, "the listener is there")
            self.assertTrue(is_loaded())
            discover()
            harness.wait_until(lambda: not is_loaded(), "the listener is gone, and the module with it")
        self.assertTrue(envoy.running())
        spans = self.everything()
        self.assertEqual({span["service"] for span in spans}, {f"edge {number}" for number in range(3)})
        self.assertFalse([span for span in spans if span["unfinished"]])
        self.assertEqual(len(spans), len(self.upstream.paths["/ok"]))
        envoy.stop()

    def test_two_listeners_have_propagators_and_services_of_their_own(self):
        second = harness.free_port()
        listeners = [listener(self.port, self.tracing(provider(self.minor, {"service_name": "first", "propagators": ["b3"]}))),
                     listener(second, self.tracing(provider(self.minor, {
                         "service_name": "second", "propagators": ["b3multi"], "attributes": "semantic_conventions"})), "OUTBOUND")]
        Envoy(self.workspace, self.minor, listeners, [cluster("upstream", self.upstream.port)])
        self.get("/first", ("b3", f"{TRACE}-{CALLER}-1"))
        self.loop.do(request(second, "/status/404", [("x-b3-traceid", TRACE), ("x-b3-spanid", CALLER), ("x-b3-sampled", "1")]))
        spans = {span["service"]: span for span in self.everything()}
        self.assertEqual({(span["trace_id"], span["parent_span_id"]) for span in spans.values()}, {(TRACE, CALLER)})
        (headers,) = self.upstream.paths["/first"]
        self.assertEqual(headers["b3"], f"{TRACE}-{spans['first']['span_id']}-1")
        (headers,) = self.upstream.paths["/status/404"]
        self.assertEqual((headers["x-b3-traceid"], headers["x-b3-spanid"], headers["x-b3-sampled"]), (TRACE, spans["second"]["span_id"], "1"))
        self.assertEqual((spans["first"]["name"], spans["first"]["kind"]), ("ingress", "Server"))
        self.assertEqual((spans["second"]["name"], spans["second"]["kind"]), ("egress test.example", "Client"))
        self.assertEqual(spans["second"]["status"], "Error", "to a client 404 is one")
        attributes = spans["second"]["attributes"]
        self.assertEqual({key: attributes[key] for key in ("http.request.method", "url.full", "http.response.status_code",
                                                           "network.protocol.version", "user_agent.original", "network.peer.address",
                                                           "http.response.body.size")},
                         {"http.request.method": "GET", "url.full": "http://test.example/status/404", "http.response.status_code": 404,
                          "network.protocol.version": "1.1", "user_agent.original": "test/1", "network.peer.address": "127.0.0.1",
                          "http.response.body.size": 2})
        self.assertFalse({"http.method", "http.url", "http.status_code", "error"} & attributes.keys())

    def test_what_envoy_does_not_sample_leaves_no_span_and_says_so_to_the_upstream(self):
        self.envoy({"random_sampling": {"value": 0}, "client_sampling": {"value": 100}, "provider": provider(self.minor, {})})
        self.get("/ok")
        self.get("/ok", ("x-client-trace-id", "forced"))
        first, second = (headers["traceparent"][-2:] for headers in self.upstream.paths["/ok"])
        self.assertEqual((first, second[-1]), ("02", "3"))
        (span,) = self.everything()
        self.assertEqual(span["attributes"]["guid:x-client-trace-id"], "forced")


class Refused(Case):
    """It ends, and its log says why."""

    def refused(self, tracing, **options):
        envoy = self.envoy(tracing, wait=False, **options)
        self.assertNotEqual(envoy.wait(), 0)
        return envoy.stderr()

    def test_the_module_of_another_minor(self):
        said = self.refused(self.tracing(provider("1.38", {})))
        self.assertIn("spanring: this module is for Envoy 1.38, and this is Envoy 1.40: use libspanring_envoy_1.40.so", said)
        self.assertIn("Failed to initialize dynamic module", said)

    def test_a_key_that_is_unknown_or_wrong(self):
        self.assertIn("spanring: tracer_config: service_nam: unknown", self.refused(self.tracing(provider(self.minor, {"service_nam": "x"}))))
        self.assertIn('spanring: tracer_config: memory_limit: "lots" is not a number of bytes',
                      self.refused(self.tracing(provider(self.minor, {"memory_limit": "lots"}))))

    def test_what_it_offers_is_what_the_module_knows(self):
        """The sums are those of a tool that reads the program from outside."""
        known = (harness.SOURCE / "integrations/envoy/envoy_build.cpp").read_text()
        for minor in MINORS:
            functions, total = offer(program(minor))
            self.assertIn('{"%s", {%d, 0x%016x}}' % (minor, functions, total), known)

    def test_the_modules_need_nothing_but_libc_and_envoy(self):
        modules = sorted(MODULES.glob("*.so"))
        self.assertEqual(len(modules), 3)
        for module in modules:
            needed = subprocess.run(["readelf", "-d", module], check=True, capture_output=True, text=True).stdout
            libraries = [line.split("[")[1].rstrip("]") for line in needed.splitlines() if "(NEEDED)" in line]
            self.assertLessEqual(set(libraries), {"libc.so.6", "ld-linux-x86-64.so.2"})
            symbols = subprocess.run(["nm", "-D", module], check=True, capture_output=True, text=True).stdout.splitlines()
            self.assertEqual([line for line in symbols if "_Z" in line], [], "no C++ runtime is asked for, no name given away")
            offered = [line.split()[2] for line in symbols if " T " in line]
            self.assertEqual([name for name in offered if not name.startswith("envoy_dynamic_module_on_")], [])


def of_minor(minor):
    return type(f"Minor_{minor.replace('.', '_')}", (Minor, Collecting), {"minor": minor})


if __name__ == "__main__":
    MINORS = sys.argv[1:]
    del sys.argv[1:]
    for each in MINORS:
        globals()[of_minor(each).__name__] = of_minor(each)
    if LATEST not in MINORS:
        del Latest, Refused
    harness.main()

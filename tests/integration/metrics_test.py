# SPDX-License-Identifier: Apache-2.0
"""The agent's own metrics: what is scraped, beside what `spanring audit` says of the same spans."""

import json
import re
import socket
import time
import urllib.error
import urllib.request

import harness

SERIES = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Page:
    """One scrape."""

    def __init__(self, agent):
        url = re.search(r"metrics=(\S+)", agent.wait_for_line("spanring-agent ready:", stream="stderr")).group(1)
        with urllib.request.urlopen(url, timeout=harness.WATCHDOG) as answer:
            self.text = answer.read().decode()
        self.types, self.series = {}, {}
        for line in self.text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                self.types[name] = kind
            elif not line.startswith("#"):
                name, labels, value = SERIES.match(line).groups()
                self.series[name, frozenset(LABEL.findall(labels or ""))] = float(value)

    def value(self, name, **labels):
        return self.series["spanring_" + name, frozenset(labels.items())]

    def sum(self, name, **labels):
        """Over all series with at least these labels."""
        wanted = set(labels.items())
        return sum(value for (family, found), value in self.series.items()
                   if family == "spanring_" + name and wanted <= found)

    def family(self, name, labels):
        """Of a histogram's series, that one's name and labels; of others their own."""
        of = re.sub("_(bucket|sum|count)$", "", name)
        if self.types.get(of) != "histogram":
            return name, labels
        return of, frozenset(pair for pair in labels if pair[0] != "le")

    def counters(self):
        return {key: value for key, value in self.series.items() if self.types.get(key[0]) == "counter"}

    def own_series(self):
        return {dict(labels)["instance_id"] for name, labels in self.series if name == "spanring_process_open_spans"}


def health(agent, which):
    """Status and text of /healthz or /readyz."""
    url = re.search(r"metrics=(http://[^/]+)/", agent.stderr()).group(1)
    try:
        with urllib.request.urlopen(f"{url}/{which}", timeout=harness.WATCHDOG) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def expected(processes):
    """The sums of an accounting, under the names of the metrics."""
    def total(*path):
        values = []
        for process in processes:
            value = process
            for step in path:
                value = value[step]
            values.append(value)
        return sum(values)

    wanted = {("spans_started_total", ()): total("started"), ("spans_ended_total", ()): total("ended"),
              ("open_spans", ()): total("open"), ("spans_unfinished_total", ()): total("unfinished"),
              ("spans_unsampled_total", ()): total("unsampled"), ("refused_data_total", ()): total("refused_data")}
    for cause in ("slot", "nested"):
        wanted["spans_not_started_total", (("cause", cause),)] = total("not_started", cause)
    for cause in ("full", "nested", "overwritten"):
        wanted["spans_dropped_total", (("cause", cause),)] = total("dropped", cause)
    for name in {exporter["name"] for process in processes for exporter in process["exporters"]}:
        rows = [exporter for process in processes for exporter in process["exporters"] if exporter["name"] == name]
        of = ("exporter", name)
        wanted["exporter_spans_exported_total", (of,)] = sum(row["exported"] for row in rows)
        wanted["exporter_spans_rejected_total", (of,)] = sum(row["rejected"] for row in rows)
        wanted["exporter_spans_filtered_total", (of,)] = sum(row["filtered"] for row in rows)
        wanted["exporter_spans_sampled_out_total", (of,)] = sum(row["sampled_out"] for row in rows)
        for where in ("ring", "spool"):
            wanted["exporter_pending_spans", (of, ("where", where))] = sum(row["pending_" + where] for row in rows)
        for cause in ("invalid", "queue", "spool"):
            wanted["exporter_spans_dropped_total", (of, ("cause", cause))] = sum(row["dropped"][cause] for row in rows)
    return wanted


class Metrics(harness.Case):
    def same_as(self, processes, agent):
        """A page is shown again for a moment; then the next one must say what the accounting says."""
        wanted = expected(processes)

        def page():
            found = Page(agent)
            values = {key: found.value(key[0], **dict(key[1])) for key in wanted}
            return found if values == wanted else None
        try:
            return harness.wait_until(page, "the metrics say what the accounting says", 20)
        except AssertionError:
            found = Page(agent)
            self.assertEqual({key: found.value(key[0], **dict(key[1])) for key in wanted}, wanted)
            raise

    def equations_hold(self, page, exporter):
        """docs/accounting.md, on nothing but the page."""
        self.assertEqual(page.value("spans_started_total"),
                         page.value("spans_ended_total") + page.value("open_spans")
                         + page.value("spans_unfinished_total"))
        self.assertEqual(page.value("spans_ended_total") + page.value("spans_unfinished_total"),
                         page.sum("spans_dropped_total")
                         + page.value("exporter_spans_exported_total", exporter=exporter)
                         + page.value("exporter_spans_rejected_total", exporter=exporter)
                         + page.value("exporter_spans_filtered_total", exporter=exporter)
                         + page.value("exporter_spans_sampled_out_total", exporter=exporter)
                         + page.sum("exporter_spans_dropped_total", exporter=exporter)
                         + page.sum("exporter_pending_spans", exporter=exporter)
                         + page.value("exporter_elsewhere_spans", exporter=exporter))

    def monotone(self, before, after):
        later = after.counters()
        for key, value in before.counters().items():
            if key in later:
                self.assertGreaterEqual(later[key], value, key)
            else:
                self.assertIn("instance_id", dict(key[1]), f"{key} is gone")

    def test_the_numbers_are_those_of_the_accounting(self):
        agent = self.workspace.agent("--exporter", "store", "--metrics-address", "127.0.0.1:0")

        def named():  # a thread names itself, a moment after it is there
            page = Page(agent)
            threads = {dict(labels).get("thread") for _, labels in page.series}
            return page if "spanring-agent" not in threads else None
        pages = [harness.wait_until(named, "all threads have their names")]
        self.assertEqual(pages[0].value("spans_started_total"), 0)
        self.assertEqual(pages[0].value("exporter_spans_exported_total", exporter="store"), 0)
        producers = [self.workspace.producer("--endless", "--seed", seed, "--service", f"service-{seed}", "--open", 2)
                     for seed in (1, 2, 3)]
        for producer in producers:
            producer.wait_for_line("ready")

        def moved():
            pages.append(Page(agent))
            self.monotone(pages[-2], pages[-1])
            return pages[-1].value("exporter_spans_exported_total", exporter="store") >= 2000
        harness.wait_until(moved, "two thousand spans are exported")
        self.assertEqual(pages[-1].value("agent_attached_segments"), 3)
        self.assertEqual(pages[-1].value("processes", state="live"), 3)
        self.assertEqual(len(pages[-1].own_series()), 4, "each its own, and the others")

        producers[0].kill()
        producers[1].end_input()
        producers[1].expect(0)
        harness.wait_until(lambda: len(self.workspace.segment_files()) == 1, "two segments are drained and gone")
        held = self.workspace.producer("--count", 500, "--open", 4, "--hold", "--seed", 4, "--service", 'say "hi"\\')
        held.wait_for_line("ready")
        producers[2].end_input()
        producers[2].expect(0)
        processes = self.workspace.accounting()
        self.assertEqual(len(processes), 4)
        page = self.same_as(processes, agent)
        self.monotone(pages[-1], page)
        self.equations_hold(page, "store")
        self.assertGreater(page.value("exporter_spans_exported_total", exporter="store"), 2500)

        live = next(process for process in processes if process["state"] == "live")
        own = {"service": r'say \"hi\"' + "\\\\", "pid": str(held.pid), "instance_id": live["instance"][:8]}
        self.assertEqual(page.value("process_spans_started_total", **own), live["started"])
        self.assertEqual(page.value("process_spans_ended_total", **own), live["ended"])
        self.assertEqual(page.value("process_open_spans", **own), 4)
        self.assertEqual(page.value("process_pending_spans", **own), 0)
        self.assertEqual(page.own_series(), {live["instance"][:8], "other"})
        self.assertEqual(page.value("processes", state="finished"), 3)

        for thread in "main", "drain/0", "ledger", "store/store", "metrics":
            self.assertGreaterEqual(page.value("agent_thread_cpu_seconds_total", thread=thread), 0)
        agent.stop()

    def test_an_agent_that_starts_again_goes_on_counting(self):
        agent = self.workspace.agent("--exporter", "store", "--metrics-address", "127.0.0.1:0")
        self.workspace.producer("--count", 300, "--flush", 60).expect(0)
        first = self.same_as(self.workspace.accounting(), agent)
        agent.kill()
        agent = self.workspace.agent("--exporter", "store", "--metrics-address", "127.0.0.1:0")
        second = self.same_as(self.workspace.accounting(), agent)
        self.assertEqual(second.value("spans_started_total"), first.value("spans_started_total"))
        self.equations_hold(second, "store")
        agent.stop()

    def test_a_backend_that_is_down_shows(self):
        configuration = self.workspace.unique("agent.yaml")
        configuration.write_text(f"""
exporters:
  otlp_grpc:
    endpoint: http://127.0.0.1:{harness.free_port()}
    timeout: 1s
    retry_on_failure: {{initial_interval: 100ms, max_interval: 200ms}}
  debug:
service:
  telemetry:
    metrics:
      readers:
        - pull:
            exporter:
              prometheus:
                host: 127.0.0.1
                port: 0
""")
        agent = self.workspace.agent("--config", configuration)
        self.workspace.producer("--count", 400, "--flush", 60).expect(0)

        def down():
            page = Page(agent)
            spooled = page.value("exporter_spans_spooled_total", exporter="otlp_grpc")
            failed = page.value("exporter_attempts_total", exporter="otlp_grpc", result="failed")
            return page if spooled == 400 and failed >= 3 else None
        page = harness.wait_until(down, "all spans are spooled, and it was tried again")
        self.assertEqual(page.value("exporter_healthy", exporter="otlp_grpc"), 0)
        self.assertGreater(page.value("exporter_spool_bytes", exporter="otlp_grpc"), 0)
        self.assertEqual(page.value("exporter_pending_spans", exporter="otlp_grpc", where="spool"), 400)
        self.assertEqual(page.value("exporter_healthy", exporter="debug"), 1)
        circuit = {state: page.value("exporter_circuit", exporter="otlp_grpc", state=state)
                   for state in ("closed", "open", "probing")}
        self.assertEqual((circuit["closed"], circuit["open"] + circuit["probing"]), (0, 1))
        self.assertEqual(page.value("exporter_spool_limit_bytes", exporter="otlp_grpc"), 1 << 30)
        self.assertEqual(health(agent, "healthz"), (200, "ok\n"))
        code, said = health(agent, "readyz")
        self.assertEqual(code, 503)
        self.assertRegex(said, r"^exporter otlp_grpc: spans have not been taken for \d+m?\d*s; the log says why\n$")
        code, said = health(agent, "readyz?format=json")
        finding, = json.loads(said)["findings"]
        self.assertEqual((code, finding["component"], finding["reason"], finding["wrong"]),
                         (503, "exporter otlp_grpc", "away", True))
        self.assertLessEqual(finding["since_unix_nano"], time.time_ns())
        harness.wait_until(lambda: Page(agent).value("exporter_best_effort_spans_total", exporter="debug",
                                                     result="exported") == 400, "the console has them all")
        self.equations_hold(page, "otlp_grpc")
        agent.stop()

    def test_it_is_ready_while_the_backend_takes_spans_and_the_spool_has_room(self):
        collector = self.workspace.collector()
        configuration = self.workspace.unique("agent.yaml")
        configuration.write_text(f"""
exporters:
  otlp_grpc:
    endpoint: {collector.endpoint}
    retry_on_failure: {{initial_interval: 100ms, max_interval: 200ms}}
    spool: {{max_bytes: 1MiB, file_bytes: 64KiB}}
processors:
  batch: {{send_batch_size: 100}}
""")
        agent = self.workspace.agent("--config", configuration, "--metrics-address", "127.0.0.1:0")
        for seed in range(4):
            self.workspace.producer("--count", 2000, "--seed", seed, "--flush", 60).expect(0)
        nearly_full = r"spans have not been taken.*\nexporter otlp_grpc: the spool holds \S+ of 1MiB\n$"
        harness.wait_until(lambda: re.search(nearly_full, health(agent, "readyz")[1]), "the spool is nearly full")
        collector.start()
        harness.wait_until(lambda: health(agent, "readyz") == (200, "ok\n"), "all went to the backend")
        agent.stop()

    def test_the_supervisor_is_told_that_all_is_well(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            path = self.workspace.unique("notify")
            ear.bind(str(path))
            ear.settimeout(harness.WATCHDOG)
            agent = self.workspace.agent("--exporter", "store", "--metrics-address", "127.0.0.1:0",
                                         env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": 200_000})
            self.assertEqual([ear.recv(64) for _ in range(4)], [b"READY=1"] + 3 * [b"WATCHDOG=1"])
            agent.stop()
            while (last := ear.recv(64)) == b"WATCHDOG=1":
                pass
            self.assertEqual(last, b"STOPPING=1")

    def test_it_is_off_unless_asked_for(self):
        agent = self.workspace.agent("--exporter", "store")
        self.assertNotIn("metrics=", agent.stderr())
        agent.stop()

    def test_whoever_stays_connected_does_not_keep_the_agent_from_ending(self):
        agent = self.workspace.agent("--exporter", "store", "--metrics-address", "127.0.0.1:0")
        port = int(re.search(r"metrics=http://127\.0\.0\.1:(\d+)/", agent.stderr()).group(1))
        with socket.create_connection(("127.0.0.1", port)) as silent:
            Page(agent)
            agent.stop()
            self.assertEqual(silent.recv(1), b"")
        # The port is free at once, for the next agent.
        self.workspace.agent("--exporter", "store", "--metrics-address", str(port)).stop()


class Start(harness.Case):
    def refuse(self, code, *arguments):
        agent = self.workspace.start_agent("--exporter", "store", *arguments)
        agent.expect(code)
        self.assertNotIn("agent ready", agent.stderr())
        return agent.stderr()

    def test_a_wrong_address_is_named(self):
        for address in ("localhost", "127.0.0.1:99999", "http://127.0.0.1:1", "300.1.1.1:80"):
            with self.subTest(address=address):
                said = self.refuse(harness.EXIT_WRONG, "--metrics-address", address)
                self.assertIn("--metrics-address", said)
                self.assertIn(f"'{address}'", said)

    def test_a_wrong_address_in_the_file_is_named_with_its_place(self):
        path = self.workspace.unique("agent.yaml")
        path.write_text("service:\n  telemetry:\n    metrics:\n      address: nowhere\n")
        self.assertRegex(self.refuse(harness.EXIT_WRONG, "--config", path), r"agent\.yaml:4:16: .*'nowhere'")

    def test_a_port_in_use_is_told_before_anything_is_touched(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            said = self.refuse(1, "--metrics-address", address)
        self.assertIn(f"cannot listen on {address}: Address already in use", said)
        self.assertEqual(list(self.workspace.segments.iterdir()), [])


if __name__ == "__main__":
    harness.main()

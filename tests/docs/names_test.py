# SPDX-License-Identifier: Apache-2.0
"""Names that people and their programs read: metrics, JSON keys and columns of the ledger are those of the pages.

Asked of a running agent and of the command, not of the code.
"""

import http.client
import json
import pathlib
import re
import sqlite3
import sys
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(SOURCE / "tests/integration"))
import exporter_reports_test  # noqa: E402
import harness  # noqa: E402
import metrics_test  # noqa: E402
import receive_test  # noqa: E402

CODE = re.compile(r"`([^`]+)`")


def rows(page, first):
    """The cells of the table in docs/`page` whose first heading is `first`."""
    text = (SOURCE / "docs" / page).read_text()
    table = re.search(rf"^\| {first} +\|.*\n\|[-| ]+\n((?:\|.*\n)+)", text, re.MULTILINE).group(1)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]


def metrics_of(table):
    """{metric: {label: {values}}}; no values where any may come."""
    found = {}
    for names, labels, *_ in table:
        said = {}
        # `exporter`, `cause`: `invalid`, `queue`  : after a colon come the values of the label before it.
        for part in re.split(r", (?=`\w+`:)", labels):
            plain, _, listed = part.partition(": ")
            *others, last = CODE.findall(plain) or [None]
            said.update({label: set() for label in others})
            if last:
                said[last] = set(CODE.findall(listed))
        for name in CODE.findall(names):
            found[name] = said
    return found


def metrics_faults(said, series):
    there = {}
    for name, labels in series:
        of = there.setdefault(name, {})
        for label, value in labels:
            of.setdefault(label, set()).add(value)
    faults = [f"{name} is not in the page" for name in there.keys() - said.keys()]
    faults += [f"the page has {name}, which does not exist" for name in said.keys() - there.keys()]
    for name in said.keys() & there.keys():
        if said[name].keys() != there[name].keys():
            faults.append(f"{name} has the labels {sorted(there[name])}, the page {sorted(said[name])}")
            continue
        for label, values in said[name].items():
            if values and values != there[name][label]:
                faults.append(f"{name}: {label} is one of {sorted(there[name][label])}, the page has {sorted(values)}")
    return sorted(faults)


def keys_of(table):
    """The JSON paths of a column of accounting.md: `dropped.full`, `.nested` are dropped.full and dropped.nested."""
    found = set()
    for _, cell, *_ in table:
        folder = ""
        for name in CODE.findall(cell):
            name = folder + name if name.startswith(".") else name
            folder = name.rpartition(".")[0]
            found.add(name)
    return found


def paths(value, prefix=""):
    """Where the numbers of a JSON document are."""
    if isinstance(value, dict):
        return {path for key, inner in value.items() for path in paths(inner, f"{prefix}.{key}" if prefix else key)}
    if isinstance(value, list):
        return {path for inner in value for path in paths(inner, prefix + "[]")}
    return {prefix} if type(value) in (int, float) else set()


# Numbers of a process that do not count spans.
OTHER = {"pid", "uid", "since_unix_nano", "ring_fill", "memory_bytes", "given_back_bytes"}
ALWAYS_0 = {"dropped_too_big"}  # goes with the next layout of the segment
COLUMNS = {"processes": OTHER | ALWAYS_0 | {"account", "instance", "device", "inode", "program", "service",
                                            "attached_unix_nano", "updated_unix_nano", "finished", "quarantine",
                                            "agent_died", "sender"},
           "exports": {"account", "exporter", "place"}, "spools": {"account", "exporter"},
           "rules": {"account", "rule", "place"}, "undecided": {"account"}}


# What is received is kept, and what the process makes is not.
POLICIES = [{"name": "received", "type": "span_name", "span_name": {"values": ["span 1"]}}, {"name": "none", "type": "never"}]


# Without librdkafka there is none.
KAFKA = {"kafka": {"brokers": ["127.0.0.1:1"], "topic_from_attribute": "service.name", "best_effort": True}} \
    if (harness.BUILD / "tests/integration/kafka_reader").exists() else {}
OF_KAFKA = ("spanring_exporter_named_topics", "spanring_exporter_diverted_spans_total")


class Names(harness.Case):
    maxDiff = None

    def setUp(self):
        super().setUp()
        endpoint = f"127.0.0.1:{harness.free_port()}"
        backend = exporter_reports_test.Backend(harness.free_port())
        self.addCleanup(backend.close)
        authenticated = {"endpoint": f"http://127.0.0.1:{backend.server.server_address[1]}",
                         "auth": {"authenticator": "bearertokenauth"},
                         "fallback": {"endpoints": ["http://127.0.0.1:1"]},
                         "sending_queue": {"adaptive_concurrency": {"enabled": True},
                                           "adaptive_request_size": {"enabled": True}}}
        configuration = self.workspace.unique("agent.yaml")
        configuration.write_text(json.dumps({"receivers": {"otlp": {"protocols": {"http": {"endpoint": endpoint}}}},
                                             "exporters": {"store": {}, "debug": {}, "otlp_http": authenticated,
                                                           "unix": {"path": "/nowhere/socket", "best_effort": True},
                                                 "iceoryx": {"program": "/bin/false"}, **KAFKA},
                                             "extensions": {"bearertokenauth": {"token": "abc"}},
                                             "processors": {"filter": {"spans": [{"services": ["nobody"]}]},
                                                            "tail_sampling": {"policies": POLICIES}},
                                             "connectors": {"spanmetrics": {}, "servicegraph": {}},
                                             "service": {"pipelines": dict.fromkeys(("logs", "metrics"), {
                                                 "receivers": ["otlp"], "exporters": ["otlp_http"]})}}))
        self.running = self.workspace.agent("--config", configuration, "--metrics-address", "127.0.0.1:0")
        connection = http.client.HTTPConnection(endpoint, timeout=harness.WATCHDOG)
        connection.request("POST", "/v1/traces", receive_test.request("shop", [1]), {"Content-Type": receive_test.PROTOBUF})
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        producer = self.workspace.producer("--count", 3)
        producer.end_input()
        producer.expect(0)
        self.workspace.accounting()

    def test_metrics(self):
        said = metrics_of(rows("agent.md", "metric")) | metrics_of(rows("agent.md", "other name"))
        said = {one: labels for one, labels in said.items() if KAFKA or one not in OF_KAFKA}
        shown = metrics_test.Page(self.running)
        series = shown.series
        own = [shown.family(name, labels) for name, labels in series if not name.startswith("traces_")]
        self.assertEqual(metrics_faults(said, own), [])
        of_spans = {re.sub("_(bucket|sum|count)$", "", name) for name, _ in series if name.startswith("traces_")}
        self.assertIn("traces_span_metrics_calls_total", of_spans)
        page = (SOURCE / "docs/span-metrics.md").read_text()
        self.assertEqual([name for name in sorted(of_spans) if f"`{name}`" not in page], [])

    def test_json(self):
        found = json.loads(self.workspace.command("ps", "--all", "--json"))
        (process,), (sender,) = found["processes"], found["senders"]
        said = keys_of(rows("accounting.md", "word"))
        of_senders = {name for name in said if name.startswith("senders[].")}
        self.assertEqual(paths(process) - OTHER, said - of_senders)
        of_exporters = {name for name in said if name.startswith("exporters[].")}
        self.assertEqual({f"senders[].{name}" for name in paths(sender) - OTHER - of_exporters}, of_senders)

    def test_ledger(self):
        self.running.stop()
        database = sqlite3.connect(f"file:{self.workspace.state}/ledger.db?mode=ro", uri=True)
        self.addCleanup(database.close)
        there = {name for table, others in COLUMNS.items()
                 for _, name, *_ in database.execute(f"PRAGMA table_info({table})") if name not in others}
        said = {name.rpartition(".")[2] for *_, cell in rows("accounting.md", "word") for name in CODE.findall(cell)}
        self.assertEqual(there, said)


class Planted(unittest.TestCase):
    """The check checked."""

    def test_metrics(self):
        said = metrics_of([["`a`, `b`", "", ""], ["`c`", "`x`, `y`: `one`, `two`", ""]])
        self.assertEqual(said, {"a": {}, "b": {}, "c": {"x": set(), "y": {"one", "two"}}})
        right = [("a", ()), ("b", ()), ("c", (("x", "any"), ("y", "one"))), ("c", (("x", "any"), ("y", "two")))]
        self.assertEqual(metrics_faults(said, right), [])
        self.assertEqual(len(metrics_faults(said, right[1:])), 1)
        self.assertEqual(len(metrics_faults(said, right[:3])), 1)
        self.assertEqual(len(metrics_faults(said, [*right, ("d", ())])), 1)
        self.assertEqual(len(metrics_faults(said, [("a", (("z", "1"),)), *right[1:]])), 1)

    def test_json(self):
        self.assertEqual(keys_of([["", "`a`", ""], ["", "`b.x`, `.y`", ""], ["", "`c[].d.e`", ""]]),
                         {"a", "b.x", "b.y", "c[].d.e"})
        self.assertEqual(paths({"a": 1, "b": {"x": 1, "y": 2}, "c": [{"d": {"e": 1}, "name": "n"}]}),
                         {"a", "b.x", "b.y", "c[].d.e"})


if __name__ == "__main__":
    harness.main()

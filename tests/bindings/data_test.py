# SPDX-License-Identifier: Apache-2.0
"""A binding, the agent and the Collector: all that can be said about spans, said in each language and compared field by
field, under a sampler whose threshold goes with the trace.

    data_test.py LANGUAGE PROGRAM

PROGRAM is bindings/cpp/test/data.cpp or its sister in Rust or Go.
"""

import base64
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402
import otlp_json  # noqa: E402

TRACE = "0af7651916cd43dd84ffffffffffffff"  # its lowest 56 bits: sampled by any ratio but 0
CALLER = "b7ad6b7169203331"
THRESHOLD = "ot=th:8"  # of one trace of two
MILLISECOND = 1_000_000
FLAGS = 0x301  # sampled; the parent is known, and is remote

# Of the event that a recorded error is: the name of its type, in each language.
ERROR_TYPE = {"cpp": "std::runtime_error", "rust": "data::OutOfPaper", "go": "*errors.errorString"}

LANGUAGE = PROGRAM = None


def value_of(any_value):
    """As Python has it: a list for an array, a dict for key-values, None for no value."""
    if not any_value:
        return None
    ((kind, value),) = any_value.items()
    if kind == "intValue":
        return int(value)
    if kind == "doubleValue":
        return float(value)
    if kind == "bytesValue":
        return base64.b64decode(value)
    if kind == "arrayValue":
        return [value_of(one) for one in value.get("values", [])]
    if kind == "kvlistValue":
        return pairs_of(value.get("values", []))
    if kind in ("stringValue", "boolValue"):
        return value
    raise AssertionError(f"a value of no known type: {any_value}")


def pairs_of(pairs):
    found = {pair["key"]: value_of(pair.get("value")) for pair in pairs}
    if len(found) != len(pairs):
        raise AssertionError(f"a key arrived twice: {pairs}")
    return found


def attributes_of(owner):
    return pairs_of(owner.get("attributes", []))


def dropped(owner):
    return owner.get("droppedAttributesCount", 0)


def event_of(event):
    return {"name": event["name"], "time": int(event["timeUnixNano"]), "attributes": attributes_of(event),
            "dropped": dropped(event)}


def link_of(link):
    return {"trace": link["traceId"], "span": link["spanId"], "flags": link.get("flags", 0),
            "state": link.get("traceState", ""), "attributes": attributes_of(link), "dropped": dropped(link)}


def span_of(span):
    return {"trace": span["traceId"], "parent": span.get("parentSpanId", ""), "state": span.get("traceState", ""),
            "flags": span.get("flags", 0), "kind": span.get("kind"), "begin": int(span["startTimeUnixNano"]),
            "end": int(span["endTimeUnixNano"]), "status": span.get("status", {}), "attributes": attributes_of(span),
            "events": [event_of(event) for event in span.get("events", [])],
            "links": [link_of(link) for link in span.get("links", [])],
            "dropped": [span.get(f"dropped{what}Count", 0) for what in ("Attributes", "Events", "Links")]}


def link(state="", attributes=None, dropped=0):
    """To the caller, as it is expected."""
    return {"trace": TRACE, "span": CALLER, "flags": FLAGS, "state": state, "attributes": attributes or {},
            "dropped": dropped}


class Data(harness.Case):
    def setUp(self):
        super().setUp()
        collector = self.workspace.collector().start()
        agent = self.workspace.agent("--endpoint", collector.endpoint)
        self.begin = time.time_ns()
        environment = harness.environment(SPANRING_DIR=self.workspace.segments, OTEL_TRACES_SAMPLER="traceidratio",
                                          OTEL_TRACES_SAMPLER_ARG="0.5")
        program = harness.Process(self.workspace, "data",
                                  [PROGRAM, f"00-{TRACE}-{CALLER}-01", "vendor=1", self.begin], env=environment)
        program.expect(0)
        self.sent, self.sent_state, self.made = program.wait_for_line("ready ").split()[1:]
        harness.wait_until(lambda: not self.workspace.segment_files(),
                           "the segment of the finished process is unlinked")
        agent.stop()
        collector.stop()
        self.spans = {}
        for line in collector.received.read_bytes().splitlines():
            self.take(otlp_json.load(line))

    def take(self, request):
        for resource in request["resourceSpans"]:
            found = attributes_of(resource["resource"])
            self.same({key: found.get(key) for key in ("service.name", "scenario.language", "resource.list")},
                      {"service.name": "data", "scenario.language": LANGUAGE, "resource.list": [1, "two", None]})
            self.assertEqual(found["telemetry.sdk.language"], LANGUAGE)
            self.assertEqual(resource["schemaUrl"], "https://schemas.test/resource")
            for scope in resource["scopeSpans"]:
                self.assertEqual(scope["schemaUrl"], "https://schemas.test/scope")
                self.assertEqual((scope["scope"]["name"], scope["scope"]["version"]), ("bindings.data", "1.0"))
                self.same(attributes_of(scope["scope"]),
                          {"scope.map": {"a": 1, "b": [True, None]}, "scope.bytes": b"\x00\xff"})
                for span in scope["spans"]:
                    self.assertNotIn(span["name"], self.spans)
                    self.spans[span["name"]] = span

    def same(self, got, wanted):
        """1, 1.0 and True are not the same here."""
        self.assertEqual(got, wanted)

        def types(value):
            if isinstance(value, dict):
                return {key: types(one) for key, one in value.items()}
            return [types(one) for one in value] if isinstance(value, list) else type(value)
        self.assertEqual(types(got), types(wanted), got)

    def expect(self, name, **fields):
        wanted = {"trace": TRACE, "parent": CALLER, "state": "", "flags": FLAGS, "kind": 1, "status": {},
                  "attributes": {}, "events": [], "links": [], "dropped": [0, 0, 0], **fields}
        got = span_of(self.spans[name])
        self.same({key: got[key] for key in wanted}, wanted)

    def test_all_that_is_said_arrives(self):
        self.assertEqual(self.spans.keys(), {"values", "limited", "told", "measured", "made"})
        state = f"{THRESHOLD},vendor=1"
        exception = span_of(self.spans["values"])["events"][-1]
        self.assertGreaterEqual(exception["time"], self.begin - MILLISECOND)
        self.expect(
            "values", kind=2, state=state, begin=self.begin, end=self.begin + 1500 * MILLISECOND,
            attributes={"bytes": b"\x00\xffA",
                        "list": ["é", True, -1, 0.5, b"\x01", None, [], [1], {"k": "v"}],
                        "map": {"text": "x", "inner": {"list": [1, 2]}},
                        "empty": None, "later": {"n": 1}},
            events=[{"name": "values", "time": self.begin + MILLISECOND, "dropped": 0,
                     "attributes": {"bytes": b"\x01\x02", "list": [1, "two"], "map": {"k": 0.5}}},
                    {"name": "exception", "time": exception["time"], "dropped": 0,
                     "attributes": {"exception.type": ERROR_TYPE[LANGUAGE], "exception.message": "out of paper",
                                    "why": ["because"]}}],
            links=[link("linked=1", {"list": ["a"]}), link("later=1", {"empty": None})])
        self.expect("told", state=THRESHOLD, events=[
            {"name": "exception", "time": self.begin + 2 * MILLISECOND, "dropped": 0, "attributes": {
                "exception.type": "Jam", "exception.message": "paper jam", "exception.stacktrace": "at here"}}])

    def test_the_limits_of_the_provider_hold(self):
        inner = {"k0": 0, "k1": 1, "k2": 2, "k3": 3}
        got = span_of(self.spans["limited"])
        events = [{"name": f"e{i}", "time": got["events"][i]["time"], "attributes": inner, "dropped": 1}
                  for i in range(2)]
        links = [link(attributes={key: inner[key] for key in ("k0", "k1", "k2")}, dropped=1)] * 2
        self.expect("limited", state=THRESHOLD, attributes={f"a{i}": ["0123456789abcdefghij"] for i in range(8)},
                    events=events, links=links, dropped=[1, 1, 1])

    def test_whole_spans_arrive(self):
        self.assertEqual(self.spans["measured"]["spanId"], "00000000000000aa")
        self.expect("measured", kind=5, state="whole=1", begin=self.begin, end=self.begin + 5 * MILLISECOND,
                    status={"code": 2, "message": "broken"}, attributes={"list": [1, 2]},
                    events=[{"name": "e", "time": self.begin + MILLISECOND, "attributes": {}, "dropped": 2}],
                    links=[link("linked=1", dropped=3)], dropped=[4, 5, 6])
        self.assertEqual(self.spans["made"]["spanId"], self.made)
        self.expect("made", state=f"{THRESHOLD},vendor=1", begin=self.begin, end=self.begin + 7 * MILLISECOND)

    def test_the_threshold_goes_with_the_request(self):
        self.assertEqual(self.sent, f"00-{TRACE}-{self.spans['values']['spanId']}-01")
        self.assertEqual(self.sent_state, f"{THRESHOLD},vendor=1")


if __name__ == "__main__":
    LANGUAGE, PROGRAM = sys.argv[1:3]
    del sys.argv[1:3]
    harness.main()

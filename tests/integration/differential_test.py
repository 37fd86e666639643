# SPDX-License-Identifier: Apache-2.0
"""The same spans through the official SDK of Go and through the library and its agent: to the Collector both, and decoded
they must be equal, field by field. What differs on purpose is listed here, by name, and nothing else. And through the SDK and
an agent's receiver, where nothing may differ."""

import base64
import copy
import json

import description
import harness
import otlp_json

SPANS = 400
SDK = harness.BUILD / "differential/differential"
LIBRARY = harness.BUILD / "tests/integration/described"
RANDOM = 0x2  # W3C trace flag

# Known differences.
#  - The resource of each has keys of its own: telemetry.sdk.* of both, and what only the library finds out.
OWN_RESOURCE_KEYS = ("telemetry.sdk.", "process.", "container.", "host.", "os.", "service.instance.id")
#  - A scope without a name: the SDK of Go gives it its own; the specification asks for the empty one (trace/api.md, Get a Tracer).
NAMELESS_SCOPE = "go.opentelemetry.io/otel/sdk/tracer"
#  - A span made in steps has ids of the library's choice, and a root's trace id there is random, which its flag says.
#  - Links: the exporter of Go leaves their trace state out (otlptrace v1.47.0, tracetransform/span.go).
#  - Events and links over the limit: the SDK of Go drops the oldest, the library the newest; the specification leaves it open
#    (trace/sdk.md, Span Limits). How many are the same.
#  - A key that comes twice in an event or a link: the SDK of Go keeps both, the library the last, as the specification asks
#    (common/README.md, Attribute Collections). The description has none; tests/unit/trace/base/limits_test.cpp has.
#  - The length limit: the SDK of Go leaves the attributes of events and links as they are, the library cuts them, as those of
#    Java and Python do.


def decode(path):
    """Number to span, each with its scope and resource."""
    spans = {}
    for line in path.read_bytes().splitlines():
        for resource_spans in otlp_json.load(line).get("resourceSpans", []):
            for scope_spans in resource_spans.get("scopeSpans", []):
                for fields in scope_spans["spans"]:
                    span = decode_span(fields)
                    span["scope"] = decode_scope(scope_spans)
                    span["resource"] = decode_resource(resource_spans)
                    number = span["attributes"][description.NUMBER]
                    if number in spans:
                        raise AssertionError(f"span {number} arrived twice")
                    spans[number] = span
    return spans


def attributes(owner):
    """Key to value, as text: of maps the order is nothing, of the rest everything counts."""
    def canonical(value):
        if "kvlistValue" in value:
            return {"map": pairs(value["kvlistValue"].get("values", []))}
        if "arrayValue" in value:
            return {"list": [canonical(one) for one in value["arrayValue"].get("values", [])]}
        if "doubleValue" in value:
            return {"double": repr(float(value["doubleValue"]))}
        return value

    def pairs(items):
        found = {}
        for item in items:
            if item.get("key", "") in found:
                raise AssertionError(f"the key {item['key']!r} arrived twice: {owner}")
            found[item.get("key", "")] = json.dumps(canonical(item.get("value", {})), sort_keys=True)
        return found

    return pairs(owner.get("attributes", []))


def decode_span(fields):
    known = {"traceId", "spanId", "parentSpanId", "traceState", "flags", "name", "kind", "startTimeUnixNano",
             "endTimeUnixNano", "attributes", "droppedAttributesCount", "events", "droppedEventsCount", "links",
             "droppedLinksCount", "status"}
    if set(fields) - known:
        raise AssertionError(f"fields that nobody knows: {set(fields) - known}")
    span = {name: fields.get(name) or 0 for name in known - {"attributes", "events", "links", "status"}}
    span["attributes"] = attributes(fields)
    span["status"] = {name: value for name, value in fields.get("status", {}).items() if value}
    span["events"] = [{"name": event.get("name", ""), "time": event.get("timeUnixNano"), "attributes": attributes(event),
                       "dropped": event.get("droppedAttributesCount", 0)} for event in fields.get("events", [])]
    span["links"] = [{"trace": link["traceId"], "span": link["spanId"], "flags": link.get("flags", 0),
                      "state": link.get("traceState", ""), "attributes": attributes(link),
                      "dropped": link.get("droppedAttributesCount", 0)} for link in fields.get("links", [])]
    return span


def decode_scope(scope_spans):
    scope = scope_spans.get("scope", {})
    return {"name": scope.get("name", ""), "version": scope.get("version", ""), "attributes": attributes(scope),
            "dropped": scope.get("droppedAttributesCount", 0), "schema": scope_spans.get("schemaUrl", "")}


def decode_resource(resource_spans):
    resource = resource_spans.get("resource", {})
    own = {key: value for key, value in attributes(resource).items() if not key.startswith(OWN_RESOURCE_KEYS)}
    return {"attributes": own, "dropped": resource.get("droppedAttributesCount", 0),
            "schema": resource_spans.get("schemaUrl", "")}


def cut(encoded, limit):
    """A value in the form of attributes(), cut to so many characters."""
    def cut_value(value):
        if "stringValue" in value:
            return {"stringValue": value["stringValue"][:limit]}
        if "bytesValue" in value:
            return {"bytesValue": base64.b64encode(base64.b64decode(value["bytesValue"])[:limit]).decode()}
        if "list" in value:
            return {"list": [cut_value(one) for one in value["list"]]}
        if "map" in value:
            return {"map": {key: cut(one, limit) for key, one in value["map"].items()}}
        return value

    return json.dumps(cut_value(json.loads(encoded)), sort_keys=True)


def expected_of(sdk, library, states, whole, limits):
    """What the library's span must be, from the SDK's: the known differences and no others."""
    expected = copy.deepcopy(sdk)
    if sdk["scope"]["name"] == NAMELESS_SCOPE:
        expected["scope"]["name"] = ""
    if not whole:
        expected["spanId"] = library["spanId"]
        if not sdk["parentSpanId"]:
            expected["traceId"] = library["traceId"]
            expected["flags"] |= RANDOM
    for name, dropped in (("events", "droppedEventsCount"), ("links", "droppedLinksCount")):
        if sdk[dropped]:
            expected[name] = library[name] if len(library[name]) == len(sdk[name]) else sdk[name]
        elif limits:
            for one in expected[name]:
                one["attributes"] = {key: cut(value, limits["length"]) for key, value in one["attributes"].items()}
    if not sdk["droppedLinksCount"]:
        for link in expected["links"]:
            link["state"] = states[link["span"]]
    return expected


def differences(wanted, got):
    return [f"{name}: wanted {wanted[name]!r}, got {got.get(name)!r}" for name in wanted if wanted[name] != got.get(name)]


class Description:
    """What the comparison needs to know of the lines."""

    def __init__(self, lines):
        self.whole = []
        self.states = {}  # of links, by the id of the linked span
        for line in lines.splitlines():
            words = line.split(" ")
            if words[0] in ("whole", "steps"):
                self.whole.append(words[0] == "whole")
            for i, word in enumerate(words):
                # LINK: TRACE SPAN FLAGS REMOTE STATE; no other word has 32 digits and no "=" but a span's own trace id.
                if len(word) == 32 and i > 2 and not word.startswith("="):
                    self.states[words[i + 1]] = bytes.fromhex(words[i + 4][1:]).decode()


class Differential(harness.Case):
    def test_spans_are_those_of_the_official_sdk(self):
        self.compare(seed=1)

    def test_spans_under_limits_are_those_of_the_official_sdk(self):
        self.compare(seed=2, limits={"length": 5, "attributes": 7, "events": 3, "links": 2, "inner": 4}, keys=4)

    def test_spans_that_an_agent_receives_are_passed_on_as_they_are(self):
        """From the SDK to the Collector, and with an agent in between: the same, the SDK's own resource included."""
        harness.build_go("differential", SDK)
        path = self.workspace.unique("description")
        path.write_text(description.describe(3, SPANS, "described", 8))
        direct = self.through_sdk(path, {})
        self.assertEqual(len(direct), SPANS)
        for protocol in ("grpc", "http"):
            relayed = self.through_receiver(path, protocol)
            problems = []
            for number, wanted in direct.items():
                problems += [f"span {number}: {one}" for one in differences(wanted, relayed.get(number, {}))]
            self.assertFalse(problems, "\n".join([protocol, *problems[:20]]))
            self.assertEqual(len(relayed), SPANS)

    def compare(self, seed, limits=None, keys=8):
        harness.build_go("differential", SDK)
        environment = {}
        if limits:
            environment = {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": limits["length"],
                           "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": limits["attributes"],
                           "OTEL_SPAN_EVENT_COUNT_LIMIT": limits["events"],
                           "OTEL_SPAN_LINK_COUNT_LIMIT": limits["links"],
                           "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": limits["inner"],
                           "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": limits["inner"]}
        lines = description.describe(seed, SPANS, "described", keys)
        path = self.workspace.unique("description")
        path.write_text(lines)
        known = Description(lines)
        sdk = self.through_sdk(path, environment)
        library = self.through_library(path, environment)
        self.assertEqual(len(sdk), SPANS)
        self.assertEqual(sorted(library), sorted(sdk))
        problems = []
        for number, got in library.items():
            index = int(json.loads(number)["intValue"])
            wanted = expected_of(sdk[number], got, known.states, known.whole[index], limits)
            problems += [f"span {index}: {one}" for one in differences(wanted, got)]
        self.assertFalse(problems, "\n".join(problems[:20]))
        self.covers(sdk.values(), limits)
        self.finds_changes(library, sdk, known, limits)

    def covers(self, spans, limits):
        """The description is no empty one."""
        for what in ("droppedAttributesCount", "parentSpanId", "traceState", "status", "events", "links"):
            self.assertTrue(any(span[what] for span in spans), what)
        if limits:
            for what in ("droppedEventsCount", "droppedLinksCount"):
                self.assertTrue(any(span[what] for span in spans), what)

    def finds_changes(self, library, sdk, known, limits):
        """A comparison that lets a change pass would be none: each field once."""
        number, got = next((number, span) for number, span in library.items()
                           if known.whole[int(json.loads(number)["intValue"])] and span["events"] and span["links"]
                           and not span["droppedEventsCount"] and not span["droppedLinksCount"])
        for name in got:
            changed = copy.deepcopy(got)
            changed[name] = "changed"
            wanted = expected_of(sdk[number], changed, known.states, True, limits)
            self.assertNotEqual(differences(wanted, changed), [], f"a change of {name} passes")

    def through_sdk(self, path, environment):
        collector = self.workspace.collector().start()
        harness.Process(self.workspace, "differential", [SDK, path, collector.endpoint],
                        env=harness.environment(**environment)).expect(0)
        collector.stop()
        return decode(collector.received)

    def through_receiver(self, path, protocol):
        collector = self.workspace.collector().start()
        endpoint = f"127.0.0.1:{harness.free_port()}"
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps({"receivers": {"otlp": {"protocols": {protocol: {"endpoint": endpoint}}}},
                                    "exporters": {"otlp_grpc": {"endpoint": collector.endpoint}}}))
        agent = self.workspace.agent("--config", file)
        harness.Process(self.workspace, "differential", [SDK, path, f"http://{endpoint}" + ("/v1/traces" if protocol == "http" else "")],
                        env=harness.environment()).expect(0)
        agent.stop()
        collector.stop()
        return decode(collector.received)

    def through_library(self, path, environment):
        collector = self.workspace.collector().start()
        agent = self.workspace.agent("--endpoint", collector.endpoint)
        harness.Process(self.workspace, "described", [LIBRARY, path],
                        env=harness.environment(SPANRING_DIR=self.workspace.segments, **environment)).expect(0)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment of the finished process is unlinked")
        agent.stop()
        collector.stop()
        self.check_own_resource(collector.received)
        return decode(collector.received)

    def check_own_resource(self, received):
        """What process and agent find out is there; attributes() sees to it that no key comes twice."""
        line = otlp_json.load(received.read_bytes().splitlines()[0])
        found = attributes(line["resourceSpans"][0]["resource"])
        for key in ("telemetry.sdk.name", "process.pid", "process.executable.name", "process.executable.path",
                    "service.instance.id", "host.name", "host.arch", "os.type"):
            self.assertIn(key, found)
        self.assertEqual(json.loads(found["process.executable.name"]), {"stringValue": LIBRARY.name})


if __name__ == "__main__":
    harness.main()

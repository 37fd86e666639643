# SPDX-License-Identifier: Apache-2.0
"""Compares every field of a span that arrived with what its producer set."""

import json
import math
import struct

import harness
import otlp_json

CLOCK_TOLERANCE = 1_000_000  # ns between two clocks read in turn: the library's anchored one and the kernel's

KNOWN_FIELDS = {"traceId", "spanId", "parentSpanId", "traceState", "flags", "name", "kind", "startTimeUnixNano",
                "endTimeUnixNano", "attributes", "droppedAttributesCount", "events", "droppedEventsCount", "links",
                "droppedLinksCount", "status"}
HAS_IS_REMOTE, IS_REMOTE = 0x100, 0x200
ERROR = 2


class Record:
    """What a producer says it set: the file grows while it works. A last line that is torn by a kill is left out."""

    def __init__(self, path):
        self.resource = None
        self.spans = {}
        data = path.read_bytes()
        for line in data[: data.rfind(b"\n") + 1].splitlines():
            entry = otlp_json.load(line)
            if entry.get("resource"):
                self.resource = entry
            else:
                self.spans[entry["trace_id"] + entry["span_id"]] = entry


def records(producers):
    """The spans of several producers: identity to (span, resource)."""
    wanted = {}
    for producer in producers:
        record = Record(producer.record)
        for identity, span in record.spans.items():
            if identity in wanted:
                raise AssertionError(f"two spans have the id {identity}")
            wanted[identity] = (span, record.resource)
    return wanted


def same_value(wanted, got):
    (wanted_type, wanted_value), (got_type, got_value) = wanted, got
    if wanted_type != got_type:
        return False
    if wanted_type == 4:
        wanted_value, got_value = float(wanted_value), float(got_value)
        if math.isnan(wanted_value):
            return math.isnan(got_value)
        return struct.pack("<d", wanted_value) == struct.pack("<d", got_value)  # minus zero is not zero
    return wanted_value == got_value


class Difference(AssertionError):
    pass


class Comparison:
    def __init__(self, wanted, resource, got):
        self.wanted, self.resource, self.got = wanted, resource, got

    def check(self):
        unknown = self.got.fields.keys() - KNOWN_FIELDS
        self.equal("fields nobody set", sorted(unknown), [])
        self.identity()
        self.scope_and_resource()
        fields, wanted = self.got.fields, self.wanted
        self.equal("name", fields.get("name", ""), wanted["name"])
        self.equal("kind", fields.get("kind", 0), wanted["kind"])
        self.equal("trace state", fields.get("traceState", ""), wanted["trace_state"])
        self.time("start", fields["startTimeUnixNano"], wanted["start"])
        if wanted["open"]:
            self.unfinished()
        else:
            self.time("end", fields["endTimeUnixNano"], wanted["end"])
            self.attributes("attributes", fields, wanted)
            self.equal("status", fields.get("status", {}).get("code", 0), wanted["status"])
            self.equal("status message", fields.get("status", {}).get("message", ""), wanted["status_message"])
        self.events()
        self.links()
        if int(fields["endTimeUnixNano"]) < int(fields["startTimeUnixNano"]):
            self.fail("the end is before the start", fields["endTimeUnixNano"], fields["startTimeUnixNano"])

    def fail(self, what, got, wanted):
        raise Difference(f"{what}: {got!r} arrived, {wanted!r} was set\narrived: {json.dumps(self.got.fields)}\n"
                         f"set:     {json.dumps(self.wanted)}")

    def equal(self, what, got, wanted):
        if got != wanted:
            self.fail(what, got, wanted)

    def identity(self):
        fields, wanted = self.got.fields, self.wanted
        self.equal("trace id", fields["traceId"], wanted["trace_id"])
        self.equal("span id", fields["spanId"], wanted["span_id"])
        parent = wanted["parent_span_id"].strip("0") and wanted["parent_span_id"]
        self.equal("parent span id", fields.get("parentSpanId", ""), parent)
        self.flags("flags", fields.get("flags", 0), wanted["flags"], bool(parent), wanted["parent_remote"])

    def flags(self, what, got, trace_flags, has_context, remote):
        self.equal(f"{what}: those of W3C", got & 0xff, trace_flags)
        self.equal(f"{what}: is remote", bool(got & IS_REMOTE), bool(has_context and remote))
        if has_context:
            self.equal(f"{what}: has is-remote", bool(got & HAS_IS_REMOTE), True)
        self.equal(f"{what}: others", got & ~0x3ff, 0)

    def time(self, what, got, wanted):
        exact, after, before = wanted
        got = int(got)
        if exact:
            self.equal(what, got, exact)
        elif not after - CLOCK_TOLERANCE <= got <= before + CLOCK_TOLERANCE:
            self.fail(what, got, f"between {after} and {before}")

    def attributes(self, what, got_owner, wanted_owner, beside=()):
        got = otlp_json.plain_attributes(got_owner)
        wanted = {key: (kind, value) for key, kind, value in wanted_owner["attributes"]}
        for key in beside:
            got.pop(key, None)
        self.equal(f"{what}: keys", sorted(got), sorted(wanted))
        for key, value in wanted.items():
            if not same_value(value, got[key]):
                self.fail(f"{what}: {key}", got[key], value)
        self.equal(f"{what}: dropped", got_owner.get("droppedAttributesCount", 0), wanted_owner["dropped_attributes"])

    def events(self):
        got, wanted = self.got.fields.get("events", []), self.wanted["events"]
        self.equal("number of events", len(got), len(wanted))
        for number, (arrived, was_set) in enumerate(zip(got, wanted)):
            self.equal(f"event {number}: name", arrived.get("name", ""), was_set["name"])
            self.time(f"event {number}: time", arrived["timeUnixNano"], was_set["time"])
            self.attributes(f"event {number}", arrived, was_set)
        self.equal("dropped events", self.got.fields.get("droppedEventsCount", 0), self.wanted["dropped_events"])

    def links(self):
        got, wanted = self.got.fields.get("links", []), self.wanted["links"]
        self.equal("number of links", len(got), len(wanted))
        for number, (arrived, was_set) in enumerate(zip(got, wanted)):
            self.equal(f"link {number}: trace id", arrived["traceId"], was_set["trace_id"])
            self.equal(f"link {number}: span id", arrived["spanId"], was_set["span_id"])
            self.flags(f"link {number}: flags", arrived.get("flags", 0), was_set["flags"], True, was_set["remote"])
            self.attributes(f"link {number}", arrived, was_set)
        self.equal("dropped links", self.got.fields.get("droppedLinksCount", 0), self.wanted["dropped_links"])

    def scope_and_resource(self):
        self.equal("scope name", self.got.scope.get("name", ""), self.wanted["scope_name"])
        self.equal("scope version", self.got.scope.get("version", ""), self.wanted["scope_version"])
        self.equal("schema URL", self.got.schema_url, self.wanted["schema_url"])
        got = otlp_json.plain_attributes(self.got.resource)
        for key, kind, value in self.resource["attributes"]:
            if key not in got or not same_value((kind, value), got[key]):
                self.fail(f"resource: {key}", got.get(key), value)

    def unfinished(self):
        """It says that its process died; all else is what was set."""
        self.equal("status of an unfinished span", self.got.fields.get("status", {}).get("code", 0), ERROR)
        marks = [key for key in otlp_json.plain_attributes(self.got.fields) if key.startswith("spanring.")]
        if not marks:
            self.fail("an attribute that says it is unfinished", marks, "spanring.*")
        self.attributes("attributes", self.got.fields, self.wanted, beside=marks)


def compare(wanted, got):
    """wanted: of records(); got: of Received.by_identity(). Every span exactly once, every field as it was set."""
    missing = wanted.keys() - got.keys()
    foreign = got.keys() - wanted.keys()
    twice = [identity for identity, spans in got.items() if len(spans) > 1]
    if missing or foreign or twice:
        raise Difference(f"{len(wanted)} were made, {len(got)} arrived: {len(missing)} are missing, {len(foreign)} nobody "
                         f"made, {len(twice)} arrived more than once")
    for identity, (span, resource) in wanted.items():
        Comparison(span, resource, got[identity][0]).check()


def compare_all(producers, received, agent, collector):
    """Once all that they made has arrived, and the agent and the Collector have ended."""
    wanted = records(producers)
    harness.wait_until(lambda: len(received.by_identity()) >= len(wanted), f"{len(wanted)} spans arrive")
    agent.stop()
    collector.stop()
    compare(wanted, received.by_identity())

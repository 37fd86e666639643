# SPDX-License-Identifier: Apache-2.0
"""The comparison checked: it passes what is equal, and sees a change of any one field."""

import copy
import unittest

from comparison import Comparison, Difference, compare
from otlp_json import Span

WANTED = {
    "trace_id": "0102030405060708090a0b0c0d0e0f10", "span_id": "0102030405060708", "parent_span_id": "1112131415161718",
    "flags": 1, "parent_remote": 1, "trace_state": "a=b", "name": "name", "scope_name": "scope", "scope_version": "1",
    "schema_url": "url", "kind": 2, "open": False, "start": [1000, 0, 0], "end": [0, 5_000_000, 6_000_000],
    "events": [{"name": "event", "time": [7, 0, 0], "attributes": [["k", 1, "v"]], "dropped_attributes": 0}],
    "dropped_events": 1,
    "links": [{"trace_id": "21" * 16, "span_id": "22" * 8, "flags": 1, "remote": 0, "attributes": [], "dropped_attributes": 0}],
    "dropped_links": 2, "status": 2, "status_message": "message",
    "attributes": [["s", 1, "x"], ["b", 2, False], ["i", 3, -(1 << 63)], ["d", 4, -0.0], ["n", 4, "NaN"]],
    "dropped_attributes": 3,
}
RESOURCE = {"attributes": [["service.name", 1, "service"]]}
GOT = {
    "traceId": WANTED["trace_id"], "spanId": WANTED["span_id"], "parentSpanId": WANTED["parent_span_id"], "flags": 0x301,
    "traceState": "a=b", "name": "name", "kind": 2, "startTimeUnixNano": "1000", "endTimeUnixNano": "5500000",
    "events": [{"timeUnixNano": "7", "name": "event", "attributes": [{"key": "k", "value": {"stringValue": "v"}}]}],
    "droppedEventsCount": 1, "links": [{"traceId": "21" * 16, "spanId": "22" * 8, "flags": 0x101}], "droppedLinksCount": 2,
    "status": {"code": 2, "message": "message"}, "droppedAttributesCount": 3,
    "attributes": [{"key": "s", "value": {"stringValue": "x"}}, {"key": "b", "value": {"boolValue": False}},
                   {"key": "i", "value": {"intValue": "-9223372036854775808"}}, {"key": "d", "value": {"doubleValue": -0.0}},
                   {"key": "n", "value": {"doubleValue": "NaN"}}],
}
SCOPE = {"name": "scope", "version": "1"}
ARRIVED_RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "service"}}]}

# A place in what arrived and another value there; None: it is missing.
CHANGES = [
    (("traceId",), "00" * 16), (("spanId",), "00" * 8), (("parentSpanId",), ""), (("flags",), 0x300), (("flags",), 0x101),
    (("flags",), 0x201), (("flags",), 0x1301), (("traceState",), None), (("name",), "other"), (("kind",), 3),
    (("startTimeUnixNano",), "1001"), (("endTimeUnixNano",), "3999999"), (("endTimeUnixNano",), "7000001"),
    (("events",), None), (("events", 0, "name"), "other"), (("events", 0, "timeUnixNano"), "8"),
    (("events", 0, "attributes", 0, "value"), {"stringValue": "w"}), (("events", 0, "droppedAttributesCount"), 1),
    (("droppedEventsCount",), None), (("links",), None), (("links", 0, "traceId"), "23" * 16),
    (("links", 0, "spanId"), "23" * 8), (("links", 0, "flags"), 0x301), (("droppedLinksCount",), None),
    (("status", "code"), 1), (("status", "message"), None), (("droppedAttributesCount",), 2),
    (("attributes", 0, "key"), "t"), (("attributes", 0, "value"), {"boolValue": True}), (("attributes", 1, "value"), {"boolValue": True}),
    (("attributes", 2, "value"), {"intValue": "0"}), (("attributes", 3, "value"), {"doubleValue": 0.0}),
    (("attributes", 4, "value"), {"doubleValue": 1.0}), (("entity",), "nobody set it"),
]


def changed(fields, place, value):
    fields = copy.deepcopy(fields)
    owner = fields
    for step in place[:-1]:
        owner = owner[step]
    if value is None:
        del owner[place[-1]]
    else:
        owner[place[-1]] = value
    return fields


class ComparisonTest(unittest.TestCase):
    def check(self, fields=None, scope=None, schema_url="url", resource=None):
        span = Span(fields or GOT, SCOPE if scope is None else scope, schema_url,
                    ARRIVED_RESOURCE if resource is None else resource, 0)
        Comparison(WANTED, RESOURCE, span).check()

    def test_passes_what_is_equal(self):
        self.check()

    def test_sees_a_change_of_any_field(self):
        for place, value in CHANGES:
            with self.subTest(place=place, value=value), self.assertRaises((Difference, KeyError)):
                self.check(changed(GOT, place, value))

    def test_sees_another_scope_schema_or_resource(self):
        for change in ({"scope": {"name": "scope"}}, {"scope": {}}, {"schema_url": ""}, {"resource": {}}):
            with self.subTest(change=change), self.assertRaises(Difference):
                self.check(**change)

    def test_sees_what_is_missing_foreign_or_twice(self):
        span = Span(GOT, SCOPE, "url", ARRIVED_RESOURCE, 0)
        wanted = {span.identity: (WANTED, RESOURCE)}
        compare(wanted, {span.identity: [span]})
        for got in ({}, {span.identity: [span], "other": [span]}, {span.identity: [span, span]}):
            with self.subTest(got=list(got)), self.assertRaises(Difference):
                compare(wanted, got)


if __name__ == "__main__":
    import harness
    harness.main()

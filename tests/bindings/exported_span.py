# SPDX-License-Identifier: Apache-2.0
"""What of an exported span is the same in every run of a program: to compare one that runs with OpenTelemetry's SDK and with
spanring, field by field."""

from data_test import dropped, event_of, link_of, value_of

RANDOM = 0x2  # W3C's flag of trace ids that are random: the SDKs do not set it, or not always
IS_KNOWN = 0x100  # whether the parent is remote: the SDKs say so of roots, too


def span_of(span, names):
    """What of a span is the same in every run: a parent of the same run by its name, times where they were said."""
    pairs = [[pair.get("key", ""), value_of(pair.get("value"))] for pair in span.get("attributes", [])]
    status = span.get("status", {})
    parent = span.get("parentSpanId", "")
    return {
        "parent": names.get(parent, parent), "kind": span.get("kind", 0), "state": span.get("traceState", ""),
        "flags": span.get("flags", 0) & ~RANDOM & (~0 if parent else ~IS_KNOWN), "attributes": pairs,
        "events": [event_of(event) for event in span.get("events", [])],
        "links": [link_of(link) for link in span.get("links", [])],
        "status": (status.get("code", 0), status.get("message", "")),
        "dropped": [dropped(span), span.get("droppedEventsCount", 0), span.get("droppedLinksCount", 0)],
        "times": (int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))}


def scope_of(scope, schema_url):
    return {"name": scope["name"], "version": scope.get("version", ""), "schema": schema_url,
            "attributes": [[pair["key"], value_of(pair["value"])] for pair in scope.get("attributes", [])]}


def by_name(spans):
    """Each span of a run by its name, which no other has."""
    names = {span["spanId"]: span.get("name", "") for span in spans}
    found = {span.get("name", ""): span_of(span, names) for span in spans}
    if not len(spans) == len(names) == len(found):
        raise AssertionError(f"a name or an id is there twice: {sorted(names.values())}")
    return found

# SPDX-License-Identifier: Apache-2.0
"""What the Collector's file exporter wrote: JSON lines of opentelemetry.proto.trace.v1.TracesData, one a request."""

import json


def load(line):
    """JSON, but -0 stays what it is: Python takes it for the integer 0."""
    return json.loads(line, parse_int=lambda text: -0.0 if text == "-0" else int(text))


def plain_value(value):
    """(type, value) as the producer writes them: the type is the field number of AnyValue."""
    if "stringValue" in value:
        return 1, value["stringValue"]
    if "boolValue" in value:
        return 2, value["boolValue"]
    if "intValue" in value:
        return 3, int(value["intValue"])
    if "doubleValue" in value:
        return 4, float(value["doubleValue"])
    raise AssertionError(f"a value of a type that nobody set: {value}")


def plain_attributes(owner):
    """Key to (type, value). A key that arrives twice is an error of its own."""
    attributes = {}
    for item in owner.get("attributes", []):
        if item["key"] in attributes:
            raise AssertionError(f"the key {item['key']!r} arrived twice: {owner}")
        attributes[item["key"]] = plain_value(item["value"])
    return attributes


class Span:
    __slots__ = ("fields", "scope", "schema_url", "resource", "request")

    def __init__(self, fields, scope, schema_url, resource, request):
        self.fields = fields
        self.scope = scope
        self.schema_url = schema_url
        self.resource = resource
        self.request = request  # number of the line

    @property
    def identity(self):
        return self.fields["traceId"] + self.fields["spanId"]


def spans_of(data, request=0):
    """Those of a TracesData."""
    for resource_spans in data.get("resourceSpans", []):
        resource = resource_spans.get("resource", {})
        for scope_spans in resource_spans.get("scopeSpans", []):
            scope = scope_spans.get("scope", {})
            schema_url = scope_spans.get("schemaUrl", "")
            for fields in scope_spans.get("spans", []):
                yield Span(fields, scope, schema_url, resource, request)


def by_identity(spans):
    """Identity to the spans that arrived under it."""
    found = {}
    for span in spans:
        found.setdefault(span.identity, []).append(span)
    return found


class Received:
    """The spans of a file that still grows. Reads only lines that are whole."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.requests = 0
        self.spans = []

    def read(self):
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self.offset += end
        for line in data[:end].splitlines():
            self.spans += spans_of(load(line), self.requests)
            self.requests += 1
        return self.spans

    def count(self):
        return len(self.read())

    def by_identity(self):
        return by_identity(self.read())

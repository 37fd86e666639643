# SPDX-License-Identifier: Apache-2.0
"""Spans of OpenTelemetry's SDK for Python: sender.py grpc|http ENDPOINT. As ../java/Sender.java."""

import sys
import threading
import time

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

BATCH = 20  # spans


def exporter(protocol, endpoint):
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        return OTLPSpanExporter(endpoint=endpoint, insecure=True)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    return OTLPSpanExporter(endpoint=endpoint + "/v1/traces")


def make(tracer, number):
    span = tracer.start_span(f"span {number}", kind=SpanKind.CLIENT)
    span.set_attributes({"number": number, "text": "Grüße", "yes": True, "half": 0.5, "words": ["a", "b"]})
    span.add_event("sent", {"size": 7})
    span.set_status(Status(StatusCode.ERROR, "refused"))
    span.end()


def main():
    protocol, endpoint = sys.argv[1:]
    to = exporter(protocol, endpoint)
    ended = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": f"python-{protocol}"}))
    provider.add_span_processor(SimpleSpanProcessor(ended))
    tracer = provider.get_tracer("sender", "1.2.3")
    stopped = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()

    print("ready", flush=True)
    first = 0
    while not stopped.is_set():
        for number in range(first, first + BATCH):
            make(tracer, number)
        spans = ended.get_finished_spans()
        ended.clear()
        said = "answered" if to.export(spans) is SpanExportResult.SUCCESS else "failed"
        print(said, first, len(spans), flush=True)
        first += BATCH
        time.sleep(0.005)
    to.shutdown()
    print("done", flush=True)


if __name__ == "__main__":
    main()

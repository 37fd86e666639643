# SPDX-License-Identifier: Apache-2.0
"""What a span of OpenTelemetry's API costs the thread that makes it: with spanring, and with the SDK, its batch processor and its
OTLP exporter. In turns, in one process, by the same code, into the same sink.

    measure.py SINK [SLICES]

run.sh starts the sink and spanring's agent, which sends there as well. A slice is 400 spans, fewer than make the SDK's processor
export at once, and what it made is flushed before the next one: so the figure of the thread, its CPU time, has nothing of the SDK's
exports, which take the interpreter's lock from it otherwise. It is the median of the lower half of the slices, because other
programs only ever make one slower. The figure of the process is its CPU time, flushes and exports included.
"""

import sys
import time

import spanring
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

SPANS = 400


def three_attributes(tracer, i):
    tracer.start_span("GET /api/orders", attributes={
        "http.request.method": "GET", "url.path": "/api/orders/1234567", "http.response.status_code": i}).end()


def and_an_event(tracer, i):
    span = tracer.start_span("GET /api/orders", attributes={
        "http.request.method": "GET", "url.path": "/api/orders/1234567", "http.response.status_code": i})
    span.add_event("found", {"rows": i})
    span.end()


def no_attribute(tracer, _):
    tracer.start_span("tick").end()


def current(tracer, i):
    with tracer.start_as_current_span("GET /api/orders", attributes={
            "http.request.method": "GET", "url.path": "/api/orders/1234567", "http.response.status_code": i}):
        pass


SHAPES = {"three attributes": three_attributes, "and an event": and_an_event, "no attribute": no_attribute,
          "three attributes, current for its block": current}


class Side:
    def __init__(self, provider):
        self.provider = provider
        self.tracer = provider.get_tracer("bench")
        self.slices = []
        self.cpu = 0

    def slice(self, make):
        tracer = self.tracer
        cpu = time.process_time_ns()
        begin = time.thread_time_ns()
        for i in range(SPANS):
            make(tracer, i)
        self.slices.append((time.thread_time_ns() - begin) / SPANS)
        if not self.provider.force_flush(10_000):
            raise SystemExit("what was made did not go on its way, so this says nothing")
        self.cpu += time.process_time_ns() - cpu

    def figures(self):
        """Nanoseconds a span, of the thread and of the process."""
        slices, self.slices = sorted(self.slices), []
        cpu, self.cpu = self.cpu / SPANS / len(slices), 0
        return slices[len(slices) // 4], cpu


def main():
    slices = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    sdk = TracerProvider(shutdown_on_exit=False)
    sdk.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{sys.argv[1]}/v1/traces")))
    ours, theirs = Side(spanring.TracerProvider()), Side(sdk)
    if not isinstance(ours.tracer, trace.Tracer) or ours.provider.state()[0] < 0:
        raise SystemExit(f"tracing is off: {ours.provider.state()}")
    for name, make in SHAPES.items():
        for _ in range(slices):
            ours.slice(make)
            theirs.slice(make)
        (thread, cpu), (thread_of_sdk, cpu_of_sdk) = ours.figures(), theirs.figures()
        print(f"{name}: spanring {thread:.0f} ns, SDK {thread_of_sdk:.0f} ns: {thread_of_sdk / thread:.1f} times; "
              f"of CPU with its exports {cpu:.0f} and {cpu_of_sdk:.0f} ns: {cpu_of_sdk / cpu:.1f} times", flush=True)
    counted = ours.provider.statistics()
    if counted["dropped"] or counted["not_started"]:
        raise SystemExit(f"spans were lost, so this says nothing: {counted}")


main()

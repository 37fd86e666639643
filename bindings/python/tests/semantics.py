# SPDX-License-Identifier: Apache-2.0
"""One program over OpenTelemetry's API, run with its SDK and with spanring: tests/bindings/opentelemetry_python_test.py compares
field by field what is exported.

    semantics.py sdk|spanring NANOSECONDS

NANOSECONDS since the epoch, an hour ago, are what it says where it says times. The SDK sends to OTEL_EXPORTER_OTLP_ENDPOINT.
It prints "sent TRACEPARENT TRACESTATE" of one request that goes out.
"""

import asyncio
import contextlib
import sys

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

MILLISECOND = 1_000_000

TRACER = BEGIN = None


def caller(flags=1):
    return trace.SpanContext(0x0af7651916cd43dd8448eb211c80319c, 0xb7ad6b7169203331, True, trace.TraceFlags(flags),
                             trace.TraceState([("vendor", "1"), ("other", "x y")]))


def below(span_context):
    return trace.set_span_in_context(trace.NonRecordingSpan(span_context), Context())


def start(name, **more):
    return TRACER.start_span(name, Context(), **more)


def at(milliseconds):
    return BEGIN + milliseconds * MILLISECOND


class Order:
    def __str__(self):
        return "order 7"


def all_values():
    return {"text": "über", "empty": "", "yes": True, "no": False, "least": -2**63, "most": 2**63 - 1, "half": 0.5,
            "huge": -1e300, "bytes": b"\x00\xff", "nothing": None, "texts": ["a", "é", ""], "flags": (True, False),
            "numbers": range(3), "empty list": [], "mixed": [1, "two", None, [b"3", {"four": 4.0}]],
            "map": {"a": 1, "b": {"c": [True]}}, "other": Order(), "integers of bool": [1, True]}


def many(count):
    return {f"k{i}": i for i in range(count)}


def data():
    span = TRACER.start_span("first name", below(caller()), SpanKind.SERVER, all_values(),
                             [Link(caller(), {"why": "because", **all_values()}), Link(trace.INVALID_SPAN_CONTEXT)], at(0))
    span.update_name("data")
    span.set_attribute("later", 1)
    span.set_attributes({"and": 2, "these": [3.0]})
    span.add_event("added", all_values(), at(2))
    span.add_event("alone", timestamp=at(3))
    span.add_link(trace.SpanContext(1, 2, False), {})
    span.end(at(1500))
    span.set_attribute("too late", True)
    span.add_event("too late")
    span.update_name("too late")
    span.set_status(StatusCode.ERROR, "too late")
    span.end(at(1600))
    for kind in SpanKind:
        start(f"kind {kind.name}", kind=kind).end()


def failures():
    span = start("a recorded error")
    try:
        raise ValueError("bad")
    except ValueError as error:
        span.record_exception(error, {"exception.message": "worse", "more": 1}, at(5), escaped=True)
        span.record_exception(error)
    span.end()
    for name, options in {"": {}, ", not recorded": {"record_exception": False}, ", no status": {"set_status_on_exception": False}}.items():
        with contextlib.suppress(KeyError):
            with start("a span that fails" + name, **options):
                raise KeyError("k")
        with contextlib.suppress(KeyError):
            with TRACER.start_as_current_span("a block that fails" + name, Context(), **options):
                raise KeyError("k")
    with contextlib.suppress(KeyboardInterrupt):
        with TRACER.start_as_current_span("a block that is interrupted", Context()):
            raise KeyboardInterrupt
    with contextlib.suppress(KeyError):
        with trace.use_span(start("a used span that fails"), end_on_exit=True):
            raise KeyError("k")
    with contextlib.suppress(KeyError):
        with TRACER.start_as_current_span("ok and fails", Context()) as span:
            span.set_status(Status(StatusCode.OK))
            raise KeyError("k")


def parents():
    with TRACER.start_as_current_span("outer", Context()) as outer:
        with TRACER.start_as_current_span("inner", kind=SpanKind.CLIENT):
            TRACER.start_span("innermost").end()
        start("a root").end()
        outer.end()
        TRACER.start_span("after the end of its parent").end()
    TRACER.start_span("below an invalid one", below(trace.SpanContext(7, 0, True, trace.TraceFlags(1)))).end()
    unsampled = TRACER.start_span("unsampled", below(caller(0)))
    TRACER.start_span("unsampled too", trace.set_span_in_context(unsampled)).end()
    unsampled.end()

    @TRACER.start_as_current_span("task")
    async def task(number):
        await asyncio.sleep(0)
        with TRACER.start_as_current_span(f"step {number}"):
            await asyncio.sleep(0)
        trace.get_current_span().update_name(f"task {number}")

    async def tasks():
        with TRACER.start_as_current_span("tasks", Context()):
            await asyncio.gather(*(task(number) for number in range(4)))

    asyncio.run(tasks())


def statuses():
    ok, unset = Status(StatusCode.OK), Status(StatusCode.UNSET)

    def error(text):
        return Status(StatusCode.ERROR, text)

    for name, said in {
            "ok is final": [ok, error("late"), unset],
            "ok goes before an error": [error("early"), unset, ok],
            "unset changes nothing": [unset, error("stays"), unset],
            "the later error": [error("1"), error("2"), unset],
            "a later error without a text": [error("1"), error(None)],
            "codes": [StatusCode.ERROR, StatusCode.OK]}.items():
        span = start(name)
        for status in said:
            span.set_status(status)
        span.end()
    span = start("a code with a text")
    span.set_status(StatusCode.ERROR, "text")
    span.end()


def limits():
    links = [Link(caller(), many(130 if i == 0 else 0)) for i in range(129)]
    span = start("beyond the limits", attributes=many(130), links=links)
    for i in range(129):
        span.add_event(f"e{i}", timestamp=at(i))
    span.set_attribute("one more", 1)
    span.add_event("one more", timestamp=at(0))
    span.add_link(caller())
    span.end()
    span = start("a long event")
    span.add_event("long", many(131), at(0))
    span.end()
    span = start("long texts", attributes={"text": "ü" * 100, "list": ["a" * 100, b"b" * 100], "short": "x"})
    span.add_event("long text", {"text": "ü" * 100}, at(0))
    span.end()


def corners():
    span = start("a key set twice", attributes={"k": 1, "l": 2})
    span.set_attribute("k", "two")
    span.end()
    span = start("a key that is empty")
    span.set_attributes({"": 1, "k": 2})
    span.set_attribute("", 3)
    span.end()
    span = start("keys that are no texts")
    span.set_attributes({5: 1, Order(): 2})
    span.end()
    span = start("a link to nothing")
    span.add_link(trace.INVALID_SPAN_CONTEXT)
    span.add_link(trace.INVALID_SPAN_CONTEXT, {"k": 1})
    span.end()
    start("backwards", start_time=at(9)).end(at(3))


def sent():
    with TRACER.start_as_current_span("sends", below(caller())):
        headers = {}
        propagate.inject(headers)
        print("sent", headers["traceparent"], headers["tracestate"])


def sdk():
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def main():
    global TRACER, BEGIN
    which, BEGIN = sys.argv[1], int(sys.argv[2])
    if which == "sdk":
        provider = sdk()
    else:
        import spanring
        provider = spanring.TracerProvider()
    TRACER = provider.get_tracer("semantics", "2.5", "https://schemas.test/s", {"scoped": 7, "list": [1, 2]})
    for part in (data, failures, parents, statuses, limits, corners, sent):
        part()
    if which == "sdk":
        provider.shutdown()


main()

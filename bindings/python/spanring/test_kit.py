# SPDX-License-Identifier: Apache-2.0
"""What this process has recorded, read back without an agent: for tests of instrumentation.

    from spanring import test_kit

    test_kit.begin()                       # before the first span
    checkout(cart)
    (span,) = test_kit.spans()
    assert span.name == "checkout" and span.attributes["items"] == 3 and not span.is_open
    test_kit.clear()                       # before the next test

With pytest the fixture spanring_test_kit is this module, begun and cleared. All that the process records is seen, by whatever
provider; one thread at a time calls these functions.
"""

import ctypes
import dataclasses
import importlib.util
import os
import sys
import typing

from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

__all__ = ["RecordedEvent", "RecordedLink", "RecordedScope", "RecordedSpan", "all_spans", "begin", "clear", "lost", "spans"]

if sys.platform != "linux":
    raise ImportError("spanring does not run on this system: it records nothing that could be read")


@dataclasses.dataclass(frozen=True)
class RecordedScope:
    """Which instrumentation made a span."""

    name: str
    version: str
    schema_url: str
    attributes: dict[str, typing.Any]


@dataclasses.dataclass(frozen=True)
class RecordedEvent:
    name: str
    timestamp: int  # nanoseconds since the epoch
    attributes: dict[str, typing.Any]
    dropped_attributes: int


@dataclasses.dataclass(frozen=True)
class RecordedLink:
    context: SpanContext
    attributes: dict[str, typing.Any]
    dropped_attributes: int


@dataclasses.dataclass(frozen=True)
class RecordedSpan:
    """A span, as it was when it was read. Values are str, bool, int, float, bytes, list, dict, or None for an empty one."""

    name: str
    context: SpanContext
    parent_span_id: int | None  # None: a root
    parent_is_remote: bool
    is_open: bool  # it has not ended
    kind: SpanKind
    status: Status
    start_time: int  # nanoseconds since the epoch
    end_time: int | None  # None of one that is open
    attributes: dict[str, typing.Any]
    events: list[RecordedEvent]
    links: list[RecordedLink]
    dropped_attributes: int
    dropped_events: int
    dropped_links: int
    scope: RecordedScope
    resource: dict[str, typing.Any]
    pid: int  # of the process that recorded it

    def is_child_of(self, parent: "RecordedSpan") -> bool:
        return self.parent_span_id == parent.context.span_id and self.context.trace_id == parent.context.trace_id


def begin() -> None:
    """Gives this process, and the children that it starts, a directory of its own for segments, in which no agent looks: before
    its first span. Again: nothing."""
    _check(_native.spr_test_begin())
    os.environ["SPANRING_DIR"] = _getenv(b"SPANRING_DIR").decode()


def spans() -> list[RecordedSpan]:
    """Those of this process that ended, in the order of their ends; then those that are open, by their starts."""
    return _read(_OF_PROCESS)[0]


def all_spans() -> list[RecordedSpan]:
    """With those of its children, also of children that have ended."""
    return _read(_OF_ALL)[0]


def lost() -> int:
    """How many spans found no room in the ring since it was cleared."""
    return _read(_OF_PROCESS)[1]


def clear() -> None:
    """Forgets those that have ended, and gives their room back."""
    _check(_native.spr_test_clear())


# ---- The C kit, struct by struct: include/spanring/test_kit.h -------------------------------------------------------------------

_OF_PROCESS, _OF_ALL = 0, 1


class _Context(ctypes.Structure):
    _fields_ = [("trace_id", ctypes.c_uint8 * 16), ("span_id", ctypes.c_uint8 * 8), ("trace_flags", ctypes.c_uint8),
                ("is_remote", ctypes.c_uint8), ("sampling", ctypes.c_uint8 * 6)]


class _Sized(ctypes.Structure):  # each pointer and size of the union
    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class _Any(ctypes.Union):
    _fields_ = [("sized", _Sized), ("boolean", ctypes.c_uint64), ("int64", ctypes.c_int64), ("float64", ctypes.c_double)]


class _Value(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint32), ("reserved", ctypes.c_uint32), ("value", _Any)]


class _Attribute(ctypes.Structure):
    _fields_ = [("key", _Sized), ("type", ctypes.c_uint32), ("reserved", ctypes.c_uint32), ("value", _Any)]


class _List(ctypes.Structure):
    _fields_ = [("first", ctypes.c_void_p), ("count", ctypes.c_size_t)]


class _Link(ctypes.Structure):
    _fields_ = [("context", _Context), ("attributes", _List), ("trace_state", _Sized),
                ("dropped_attributes", ctypes.c_uint32), ("reserved", ctypes.c_uint32)]


class _Event(ctypes.Structure):
    _fields_ = [("name", _Sized), ("time", ctypes.c_uint64), ("attributes", _List),
                ("dropped_attributes", ctypes.c_uint32), ("reserved", ctypes.c_uint32)]


class _Scope(ctypes.Structure):
    _fields_ = [("name", _Sized), ("version", _Sized), ("schema_url", _Sized), ("attributes", _List)]


class _Resource(ctypes.Structure):
    _fields_ = [("attributes", _List), ("schema_url", _Sized)]


class _Span(ctypes.Structure):
    _fields_ = [("context", _Context), ("parent_span_id", ctypes.c_uint8 * 8), ("parent_is_remote", ctypes.c_uint8),
                ("is_open", ctypes.c_uint8), ("kind", ctypes.c_uint8), ("status", ctypes.c_uint8), ("pid", ctypes.c_uint32),
                ("start_time", ctypes.c_uint64), ("end_time", ctypes.c_uint64), ("name", _Sized), ("trace_state", _Sized),
                ("status_message", _Sized), ("attributes", _List), ("events", _List), ("links", _List),
                ("dropped_attributes", ctypes.c_uint32), ("dropped_events", ctypes.c_uint32),
                ("dropped_links", ctypes.c_uint32), ("reserved", ctypes.c_uint32), ("scope", ctypes.POINTER(_Scope)),
                ("resource", ctypes.POINTER(_Resource))]


class _Spans(ctypes.Structure):
    _fields_ = [("spans", ctypes.POINTER(_Span)), ("count", ctypes.c_size_t), ("lost", ctypes.c_uint64)]


_native = ctypes.CDLL(importlib.util.find_spec("spanring._test_kit").origin)
_native.spr_test_read.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.POINTER(_Spans))]
_native.spr_test_free.argtypes = [ctypes.POINTER(_Spans)]
_native.spr_test_free.restype = None
_getenv = ctypes.CDLL(None).getenv
_getenv.restype = ctypes.c_char_p

_KINDS = {1: SpanKind.INTERNAL, 2: SpanKind.SERVER, 3: SpanKind.CLIENT, 4: SpanKind.PRODUCER, 5: SpanKind.CONSUMER}
_CODES = (StatusCode.UNSET, StatusCode.OK, StatusCode.ERROR)


def _check(result):
    if result < 0:
        raise OSError(-result, os.strerror(-result))


def _read(whose):
    reading = ctypes.POINTER(_Spans)()
    _check(_native.spr_test_read(whose, ctypes.byref(reading)))
    try:
        return [_span(reading.contents.spans[i]) for i in range(reading.contents.count)], reading.contents.lost
    finally:
        _native.spr_test_free(reading)


def _text(raw):
    return ctypes.string_at(raw.data, raw.size).decode(errors="replace") if raw.size else ""


def _elements(kind, raw):
    return (kind * raw.count).from_address(raw.first) if raw.count else ()


def _attributes(raw):
    return {_text(one.key): _value(one) for one in _elements(_Attribute, raw)}


def _value(raw):
    value = raw.value
    match raw.type:
        case 1:
            return _text(value.sized)
        case 2:
            return value.boolean != 0
        case 3:
            return value.int64
        case 4:
            return value.float64
        case 5:
            return [_value(one) for one in _elements(_Value, _List(value.sized.data, value.sized.size))]
        case 6:
            return _attributes(_List(value.sized.data, value.sized.size))
        case 7:
            return ctypes.string_at(value.sized.data, value.sized.size) if value.sized.size else b""
    return None


def _context(raw, trace_state, is_remote):
    return SpanContext(int.from_bytes(raw.trace_id, "big"), int.from_bytes(raw.span_id, "big"), is_remote,
                       TraceFlags(raw.trace_flags), TraceState.from_header([_text(trace_state)]))


def _span(raw):
    scope = raw.scope.contents
    code = _CODES[raw.status]
    return RecordedSpan(
        name=_text(raw.name),
        context=_context(raw.context, raw.trace_state, False),
        parent_span_id=int.from_bytes(raw.parent_span_id, "big") or None,
        parent_is_remote=raw.parent_is_remote != 0,
        is_open=raw.is_open != 0,
        kind=_KINDS.get(raw.kind, SpanKind.INTERNAL),
        status=Status(code, _text(raw.status_message) or None) if code is StatusCode.ERROR else Status(code),
        start_time=raw.start_time,
        end_time=raw.end_time or None,
        attributes=_attributes(raw.attributes),
        events=[RecordedEvent(_text(event.name), event.time, _attributes(event.attributes), event.dropped_attributes)
                for event in _elements(_Event, raw.events)],
        links=[RecordedLink(_context(link.context, link.trace_state, link.context.is_remote != 0), _attributes(link.attributes),
                            link.dropped_attributes) for link in _elements(_Link, raw.links)],
        dropped_attributes=raw.dropped_attributes,
        dropped_events=raw.dropped_events,
        dropped_links=raw.dropped_links,
        scope=RecordedScope(_text(scope.name), _text(scope.version), _text(scope.schema_url), _attributes(scope.attributes)),
        resource=_attributes(raw.resource.contents.attributes),
        pid=raw.pid,
    )

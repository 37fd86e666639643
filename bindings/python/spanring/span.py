# SPDX-License-Identifier: Apache-2.0
"""A span, and the block in which one is current."""

import functools
import inspect
import traceback

from opentelemetry import trace
from spanring import _native


class Span(_native.SpanBase, trace.Span):
    """A span in shared memory, made by a Tracer. Any thread may use it. One that nobody ends is ended as it is collected."""

    __slots__ = ()

    def record_exception(self, exception, attributes=None, timestamp=None, escaped=False):
        """Adds the event "exception", by OpenTelemetry's semantic conventions."""
        if not self.is_recording():
            return
        kind = type(exception)
        name = kind.__qualname__ if kind.__module__ in (None, "", "builtins") else f"{kind.__module__}.{kind.__qualname__}"
        said = {"exception.type": name, "exception.message": str(exception),
                "exception.stacktrace": "".join(traceback.format_exception(exception)), "exception.escaped": str(escaped)}
        self.add_event("exception", {**said, **(attributes or {})}, timestamp)

    def _failed(self, exception, record_exception, set_status_on_exception, escaped):
        """A block of this span was left by an exception."""
        if not self.is_recording():
            return
        if record_exception:
            self.record_exception(exception, escaped=escaped)
        if set_status_on_exception:
            self.set_status(trace.StatusCode.ERROR, f"{type(exception).__name__}: {exception}")

    def __repr__(self):
        return f"Span(name={self.name!r}, context={self.get_span_context()!r})"


class CurrentSpan(_native.CurrentBase):
    """What Tracer.start_as_current_span() gives: a context manager; and a decorator, of functions and of coroutines, with a
    span for each call."""

    __slots__ = ()

    def __call__(self, function):
        if inspect.iscoroutinefunction(function):
            @functools.wraps(function)
            async def decorated(*arguments, **named):
                with self._again():
                    return await function(*arguments, **named)
        else:
            @functools.wraps(function)
            def decorated(*arguments, **named):
                with self._again():
                    return function(*arguments, **named)
        return decorated

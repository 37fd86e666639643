# SPDX-License-Identifier: Apache-2.0
"""What starts spans."""

from opentelemetry import trace
from spanring import _native
from spanring.span import CurrentSpan, Span


class Tracer(_native.TracerBase, trace.Tracer):
    """Starts the spans of one instrumentation scope. TracerProvider.get_tracer() makes it."""

    __slots__ = ()


_native._made(Span, CurrentSpan)

# SPDX-License-Identifier: Apache-2.0
"""Where spanring does not run, which is on another system than Linux: the same names, and nothing is recorded. Spans pass their parent's
context on. There is no extension then, and nothing is compiled."""

import errno
import importlib.metadata

from opentelemetry import trace

__version__ = importlib.metadata.version("spanring")

Span = trace.NonRecordingSpan
Tracer = trace.NoOpTracer
COUNTED = ("started", "ended", "unsampled", "not_started", "dropped", "refused_data", "acknowledged", "cut_texts")


class TracerProvider(trace.NoOpTracerProvider):
    """That of OpenTelemetry's API, which records nothing, with what spanring's has beside."""

    def __init__(self, service_name=None, resource_attributes=None, memory_limit=0):
        """Takes what it takes elsewhere."""

    def force_flush(self, timeout_millis=30_000):
        """There is nothing to wait for."""
        return True

    def shutdown(self, timeout_millis=5_000):
        """There is nothing to end."""

    def state(self):
        """Why tracing is off."""
        return -errno.ENOTSUP, "spanring does not run on this system"

    def statistics(self):
        """Nothing was counted."""
        return dict.fromkeys(COUNTED, 0)

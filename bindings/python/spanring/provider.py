# SPDX-License-Identifier: Apache-2.0
"""Where tracers come from."""

import logging

from opentelemetry import trace
from spanring import _native
from spanring.tracer import Tracer

MILLISECOND = 1_000_000  # nanoseconds
FALLBACK = "spanring"  # the scope of spans whose own found no room

_logger = logging.getLogger(__name__)


class TracerProvider(trace.TracerProvider):
    """What opentelemetry.trace.set_tracer_provider() takes.

    Service, resource, samplers and limits are those of the environment (OTEL_SERVICE_NAME and the like); what is said here goes
    before it. Where tracing is off its spans do nothing, and state() says why. Nothing needs flushing or shutting down: a span
    that has ended is outside the process. After fork() it goes on in the child.
    """

    def __init__(self, service_name=None, resource_attributes=None, memory_limit=0):
        """memory_limit is in bytes of shared memory; 0: SPANRING_MEMORY_LIMIT, else 16 MiB. At most 8 are open in a process."""
        attributes = {"telemetry.sdk.language": "python", **(resource_attributes or {})}
        self._native = _native.Provider(service_name, attributes, memory_limit)
        self._fallback = self._native.tracer(Tracer, FALLBACK, _native.version, "", None)

    def get_tracer(self, instrumenting_module_name, instrumenting_library_version=None, schema_url=None, attributes=None):
        """The tracer of a scope. One that the library refuses is tried without its attributes; where there is no room for one
        more (126), its spans are those of the scope "spanring"."""
        scope = (instrumenting_module_name or "", instrumenting_library_version or "", schema_url or "")
        for said in (attributes, None) if attributes else (None,):
            try:
                return self._native.tracer(Tracer, *scope, said)
            except OSError as error:
                _logger.warning("no tracer for the scope %s, %s: %s", scope, said, error.strerror)
        return self._fallback

    def force_flush(self, timeout_millis=30_000):
        """Waits until the agent has taken over all spans that ended before; whether it has. What it has not stays in shared
        memory and is not lost."""
        return self._native.flush(timeout_millis * MILLISECOND)

    def shutdown(self, timeout_millis=5_000):
        """Flushes; spans that start afterwards do nothing, and those that are open arrive as unfinished."""
        self._native.shutdown(timeout_millis * MILLISECOND)

    def state(self):
        """A number and, where it is negative because tracing is off, the reason: 1 where the segment is there, 0 before the
        first span."""
        return self._native.state()

    def statistics(self):
        """How many spans of this process were started, ended, unsampled, not_started, dropped and acknowledged by the agent,
        and how much data of spans was refused or cut."""
        return self._native.statistics()

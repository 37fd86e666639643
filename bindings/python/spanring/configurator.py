# SPDX-License-Identifier: Apache-2.0
"""For the command opentelemetry-instrument: OTEL_PYTHON_CONFIGURATOR=spanring, or by itself where no other is installed."""

from opentelemetry import trace
from spanring import TracerProvider


class Configurator:
    """Sets the tracer provider. Metrics and logs are not its business."""

    def configure(self, auto_instrumentation_version=None, **_):
        """Called once, before the instrumentations are loaded."""
        known = {"telemetry.auto.version": auto_instrumentation_version} if auto_instrumentation_version else {}
        trace.set_tracer_provider(TracerProvider(resource_attributes=known))

# SPDX-License-Identifier: Apache-2.0
"""A tracer provider for OpenTelemetry's API that writes spans into shared memory, from where spanring-agent exports them. A
span is outside the process the moment it ends, and one that is open when the process is killed arrives as unfinished. There
is no SDK below it: no thread, no queue, no exporter.

    from opentelemetry import trace
    import spanring

    trace.set_tracer_provider(spanring.TracerProvider())

The variable OTEL_PYTHON_TRACER_PROVIDER=spanring does the same without a line. On another system than Linux nothing is recorded.
"""

import sys

if sys.platform == "linux":
    from spanring._native import version as __version__
    from spanring.provider import TracerProvider
    from spanring.span import Span
    from spanring.tracer import Tracer
else:
    from spanring.elsewhere import Span, Tracer, TracerProvider, __version__

__all__ = ["Span", "Tracer", "TracerProvider", "__version__"]

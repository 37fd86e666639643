# SPDX-License-Identifier: Apache-2.0
"""What was measured: figures of docs/performance.md by the names of their rows, as `tools/bench --docs` wrote them."""

import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/performance.md"
UNITS = {"ns": 1.0, "us": 1e3, "MiB": 1.0, "spans/s": 1.0}

# what -> row of the page
ROWS = {
    "span_ns": "span, two strings and an integer, 183 bytes",
    "sdk_rust_ns": "OpenTelemetry SDK, Rust",
    "sdk_go_ns": "OpenTelemetry SDK, Go",
    "agent_ns": "agent, 100,000 spans/s, gRPC",
    "agent_mib": "agent, its own memory, 100,000 spans/s",
    "collector_ns": "Collector, 100,000 spans/s, gRPC",
    "collector_mib": "Collector, memory at 100,000 spans/s",
    "collector_spans_per_s": "Collector: arrived",
}


class Missing(Exception):
    """A row that the page does not have."""


def read(page=PAGE):
    found = {}
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        value = re.fullmatch(r"([\d,.]+) (\S+)", cells[1]) if len(cells) > 1 else None
        if value and value.group(2) in UNITS:
            found.setdefault(cells[0], float(value.group(1).replace(",", "")) * UNITS[value.group(2)])
    missing = [row for row in ROWS.values() if row not in found]
    if missing:
        raise Missing(f"{page} has no row {missing[0]!r}: tools/bench --docs writes it")
    return {name: found[row] for name, row in ROWS.items()}

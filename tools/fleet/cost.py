# SPDX-License-Identifier: Apache-2.0
"""What a fleet costs, by the figures that were measured: processors and memory, and money where prices are given."""

import dataclasses

import figures

MEASURED_AT = 100_000  # spans a second of one host


@dataclasses.dataclass(frozen=True)
class Result:
    what: str
    seconds: float    # of a processor, for a million spans
    cores: float      # of the whole fleet
    gib: float        # of memory, of the whole fleet
    money: float      # for a million spans
    month: float      # of the whole fleet, 730 hours


def run(parameters):
    measured = figures.read()
    spans_per_s = parameters.hosts * parameters.spans_per_host

    def row(what, ns, mib_per_host):
        cores = spans_per_s * ns / 1e9
        gib = parameters.hosts * mib_per_host / 1024
        hour = cores * parameters.core_hour + gib * parameters.gib_hour
        return Result(what, ns / 1e3, cores, gib, hour * 1e6 / (spans_per_s * 3_600), hour * 730)

    return [
        row("the application's threads, spanring", measured["span_ns"], 16),
        row("the application's threads, the SDK of Rust", measured["sdk_rust_ns"], 0),
        row("the application's threads, the SDK of Go", measured["sdk_go_ns"], 0),
        row("spanring's agent on each host", measured["agent_ns"], measured["agent_mib"]),
        row("a Collector on each host", measured["collector_ns"], measured["collector_mib"]),
    ]


def tier(parameters):
    """Collectors behind the hosts, each with a core."""
    each = figures.read()["collector_spans_per_s"]
    return parameters.hosts * parameters.spans_per_host * parameters.tier_headroom / each

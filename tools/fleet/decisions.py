# SPDX-License-Identifier: Apache-2.0
"""Which traces are whole when each host decides for itself. A trace has spans on several hosts, and no host sees them all."""

import bisect
import dataclasses
import random

import hosts

HOSTS = 1_000       # among which traces are drawn: as many as make no difference
SHARE = 0.05        # of the traces that are to be kept
RANDOM_BITS = 56    # of a trace id: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/


@dataclasses.dataclass(frozen=True)
class Trace:
    randomness: int       # its lowest 56 bits
    parts: tuple          # (host, spans)
    error_on: int | None  # host


@dataclasses.dataclass(frozen=True)
class Result:
    way: str
    sent: float           # spans that left their hosts, of all
    kept: float           # spans that the backend keeps, of all
    whole: float          # kept traces that are whole, of those that are kept in any part
    errors: float         # traces with an error of which the span with the error is kept, of all such traces
    errors_whole: float   # traces with an error that are whole, of all such traces


def _at_least_one(source, mean):
    """Geometric, from 1."""
    count = 1
    while source.random() < 1 - 1 / mean:
        count += 1
    return count


def traces(parameters, source):
    rates = hosts.rates(parameters, HOSTS, source)
    upto, total = [], 0.0
    for rate in rates:
        total += rate
        upto.append(total)
    found = []
    for _ in range(parameters.traces):
        # Busy hosts are in more traces.
        on = {bisect.bisect(upto, source.random() * total) for _ in range(_at_least_one(source, parameters.hosts_per_trace))}
        parts = tuple((min(host, HOSTS - 1), _at_least_one(source, parameters.spans_per_part)) for host in sorted(on))
        error = source.choice(parts)[0] if source.random() < parameters.error_share else None
        found.append(Trace(source.getrandbits(RANDOM_BITS), parts, error))
    return found


def _threshold(share):
    """The rejection threshold `th` of a probability: kept is what is not below it."""
    return round((1 - share) * 2 ** RANDOM_BITS)


def ways(parameters, of, source):
    """name -> (trace, host) -> is this part kept?"""
    load = [0] * HOSTS
    for trace in of:
        for host, spans in trace.parts:
            load[host] += spans
    budget = SHARE * sum(load) / HOSTS  # spans of each host, all alike
    own = [_threshold(min(1.0, budget / spans)) if spans else 0 for spans in load]
    common = _threshold(SHARE)

    def by_own_dice(_trace, _host):
        return source.random() < SHARE

    def by_common_threshold(trace, _host):
        return trace.randomness >= common

    def by_own_budget(trace, host):
        return trace.randomness >= own[host]

    def error_here(trace, host):
        return trace.error_on == host or by_common_threshold(trace, host)

    return {
        "each host throws its own dice": by_own_dice,
        "`th`, each host by its own budget": by_own_budget,
        "`th`, one for all": by_common_threshold,
        "`th`, one for all; errors where they are seen": error_here,
    }


def _judge(name, of, keeps):
    spans = kept = any_part = whole = with_error = errors = errors_whole = 0
    for trace in of:
        parts = [(keeps(trace, host), count, host == trace.error_on) for host, count in trace.parts]
        spans += sum(count for _, count, _ in parts)
        kept += sum(count for keep, count, _ in parts if keep)
        some, every = any(keep for keep, *_ in parts), all(keep for keep, *_ in parts)
        any_part += some
        whole += every
        if trace.error_on is not None:
            with_error += 1
            errors += any(keep and error for keep, _, error in parts)
            errors_whole += every
    with_error = max(1, with_error)
    return Result(name, kept / spans, kept / spans, whole / max(1, any_part), errors / with_error, errors_whole / with_error)


def run(parameters):
    source = random.Random(parameters.seed)
    of = traces(parameters, source)
    found = [_judge(name, of, keeps) for name, keeps in ways(parameters, of, source).items()]

    def after_all(trace, _host):
        return trace.error_on is not None or trace.randomness >= _threshold(SHARE)
    behind = _judge("all is sent, by trace id; the tier decides", of, after_all)
    return found + [dataclasses.replace(behind, sent=1.0)]

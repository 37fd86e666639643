# SPDX-License-Identifier: Apache-2.0
"""The tables of the simulation, as Markdown."""

import cost
import decisions
import outages
import partitions

WAY_NAMES = {"Kafka": "to Kafka", "OTLP": "to the tier", "Collector": "Collectors on hosts, to the tier"}


def _table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _percent(share):
    if share == 0:
        return "0"
    return f"{share:.1%}".replace("%", " %") if share >= 0.0005 else f"{share:.0e}"


def _bytes(count):
    if count == 0:
        return "0"
    return f"{count / 2 ** 20:,.0f} MiB" if count >= 2 ** 20 else "below 1 MiB"


def _time(seconds):
    if seconds is None:
        return "never"
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3_600 else f"{seconds / 3_600:.1f} h"


def lost(parameters):
    rows = []
    for result in outages.run_all(parameters):
        rows.append([f"{result.outage}; {WAY_NAMES[result.way]}", _percent(result.lost_share), f"{result.dropped:,}",
                     f"{result.expired:,}", _bytes(result.median_waiting_bytes), _bytes(result.most_waiting_bytes),
                     f"{result.storm:.1f} x", _time(result.oldest_s), _time(result.caught_up_s)])
    return _table(["what is lost, and the way of the spans", "spans lost", "on hosts", "in Kafka", "a middling host holds at most",
                   "the fullest", "most offered at once", "a span waits on its host at most", "all is there after"], rows)


def whole(parameters):
    return _table(["who decides, and how", "spans that leave the hosts", "spans that are kept", "of the kept traces whole",
                   "errors kept", "traces with an error that are whole"],
                  [[result.way] + [_percent(value) for value in (result.sent, result.kept, result.whole, result.errors,
                                                                 result.errors_whole)] for result in decisions.run(parameters)])


def even(parameters):
    return _table(["partitions", "busiest by trace id", "by host", f"busiest of {parameters.collectors} consumers",
                   "with one of them lost"],
                  [[f"{result.partitions:,}"] + [f"{value:.2f} x" for value in (result.by_trace, result.by_host, result.consumer,
                                                                              result.one_less)]
                   for result in partitions.run(parameters)])


def money(parameters):
    text = _table(["what", "for a million spans", "of the fleet: cores", "memory", "money for a billion spans", "for a month"],
                  [[result.what, f"{result.seconds:.2f} s", f"{result.cores:,.0f}", f"{result.gib:,.0f} GiB",
                    f"{result.money * 1e3:.3f}", f"{result.month:,.0f}"] for result in cost.run(parameters)])
    return f"{text}\n\nA tier of Collectors behind it: {cost.tier(parameters):,.0f} cores."


PARTS = {"outages": lost, "decisions": whole, "partitions": even, "cost": money}

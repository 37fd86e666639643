# SPDX-License-Identifier: Apache-2.0
"""The table: one row for each figure, in the order of what asks for them."""

import dataclasses
import statistics

import batches
import designs
from agent_cost import PROCESSES, RATES
from growth import THREADS
from series import DISTURBED, FEWEST, OTHERS

GROWTH = "How cost grows"
DESIGN_ROWS = {"mutex": "a vector behind a mutex", "mpsc": "a queue, a node from the heap for each span",
               "shared": "one lock-free ring for all threads", "spanring": "spanring: a chunk for each thread"}
DESIGN_COLUMNS = tuple((f"threads{count}_ns", f"{count} thread{'s' if count > 1 else ''}", "ns", 1) for count in designs.THREADS)
BATCH_ROWS = {f"{way}{size}": f"{size:,} spans, {'copied' if way == 'copy' else 'zero copy'}"
              for way in batches.WAYS for size in batches.SIZES}
BATCH_COLUMNS = (("cpu_ns", "agent CPU a span", "ns", 1), ("p95_ms", "95 % of spans arrive within", "ms", 0),
                 ("anonymous_mib", "its own memory", "MiB", 1), ("dropped", "dropped", "spans", 0))
SHAPES = {"bare": "no attribute", "three": "two strings, an integer", "ten": "ten attributes",
          "twenty": "twenty attributes", "rich": "two strings, an integer, two events, a link",
          "http": "HTTP server, twelve attributes", "db": "database client, a statement of 300 to 2,000 bytes",
          "nested": "parent, child, then the parent's attributes (both)"}
SHAPE_COLUMNS = (("bytes", "size", "bytes", 0), ("floor_ns", "floor", "ns", 1), ("floor2_ns", "two copies, ids", "ns", 1),
                 ("app_ns", "application", "ns", 1), ("nul_ns", "with SPR_NUL", "ns", 1),
                 ("static_ns", "linked statically, LTO", "ns", 1), ("rust_ns", "SDK, Rust", "ns", 0),
                 ("cpp_ns", "SDK, C++", "ns", 0), ("agent_cpu_ns", "agent CPU at 100 MB/s", "ns", 1))
SHAPE_COUNTS = (("spans", "spans made in all rounds", "spans", 0), ("dropped", "dropped", "spans", 0),
                ("refused", "attributes, events and links refused", "", 0), ("lost", "lost on the way", "spans", 0))
# Strings that a call of the shape hands over, keys and names with them: each is one that SPR_NUL has to measure.
SHAPE_STRINGS = {"bare": 1, "three": 6, "ten": 17, "twenty": 41, "rich": 12, "http": 22, "db": 15, "nested": 12}
THREAD_COLUMNS = (("spans_per_s", "all together", "spans/s", 0), ("app_cpu_ns", "CPU a span", "ns", 1),
                  ("segment_mib", "shared memory", "MiB", 1), ("dropped", "dropped", "spans", 0))

# key, what it is, unit, digits
FIGURES = [
    ("Application: nanoseconds of its thread for a span", None),
    ("app.floor_ns", "floor: two clock reads, one copy of 183 bytes", "ns", 1),
    ("app.floor2_ns", "two clock reads, two copies, random ids", "ns", 1),
    ("app.span_ns", "span, two strings and an integer, 183 bytes", "ns", 1),
    ("app.span_bare_ns", "span without attributes", "ns", 1),
    ("app.calls_ns", "floor of start and end: two calls into a shared library that do nothing", "ns", 1),
    ("app.unsampled_ns", "start and end, not sampled (OTEL_TRACES_SAMPLER=always_off)", "ns", 1),
    ("app.disabled_ns", "start and end, switched off (SPANRING_DISABLED=1)", "ns", 1),
    ("app.unsampled_static_ns", "not sampled, linked statically", "ns", 1),
    ("app.disabled_static_ns", "switched off, linked statically", "ns", 1),
    ("app.calls5_ns", "five calls that do nothing: with three attributes", "ns", 1),
    ("app.unsampled_three_ns", "not sampled, with three attributes", "ns", 1),
    ("app.disabled_three_ns", "switched off, with three attributes", "ns", 1),
    ("app.unsampled_three_static_ns", "not sampled, with three attributes, linked statically", "ns", 1),
    ("app.disabled_three_static_ns", "switched off, with three attributes, linked statically", "ns", 1),
    ("app.p999_ns", "of 1000 spans the slowest, with one clock read", "ns", 0),
    ("app.threads2_ratio", "two threads: CPU of each against itself alone, the larger", "x", 2),
    ("app.dropped", "spans dropped in all of these, for lack of room", "spans", 0),
    ("peer.opentelemetry_rust.app_span_ns", "OpenTelemetry SDK, Rust", "ns", 0),
    ("peer.opentelemetry_cpp.app_span_ns", "OpenTelemetry SDK, C++", "ns", 0),
    ("peer.opentelemetry_go.app_span_ns", "OpenTelemetry SDK, Go", "ns", 0),
    ("peer.lttng.app_span_ns", "LTTng-UST, begin and end event", "ns", 0),
    ("peer.iceoryx.app_span_ns", "iceoryx, loan and publish of 183 bytes", "ns", 0),
    ("Agent: nanoseconds of CPU for a span", None),
    ("agent.floor_ns_per_span", "floor: gRPC sends the same bytes from one buffer", "ns", 1),
    ("agent.paced_floor_ns_per_span", "the same, 1,000,000 spans/s", "ns", 1),
    ("agent.cpu_ns_per_span", "agent, 1,000,000 spans/s, gRPC", "ns", 1),
    ("agent.zero_copy_ns_per_span", "the same without a copy (zero_copy: same_user)", "ns", 1),
    ("agent.http_ns_per_span", "the same over HTTP", "ns", 1),
    ("agent.zstd_ns_per_span", "the same over HTTP with zstd", "ns", 1),
    ("agent.floor_ns_per_span_805", "floor, 805 bytes", "ns", 1),
    ("agent.paced_floor_ns_per_span_805", "the same, 300,000 spans/s", "ns", 1),
    ("agent.cpu_ns_per_span_805", "agent, 300,000 spans/s of 805 bytes, gRPC", "ns", 1),
    ("agent.zstd_ns_per_span_805", "the same over HTTP with zstd", "ns", 1),
    ("peer.collector.cpu_ns_per_span", "OpenTelemetry Collector as fast as it goes, gRPC", "ns", 0),
    ("peer.collector_zstd.cpu_ns_per_span", "the same over HTTP with zstd", "ns", 0),
    ("growth.rate100000.agent_cpu_ns", "agent, 100,000 spans/s, gRPC", "ns", 1),
    ("peer.collector.cpu_ns_per_span_100k", "Collector, 100,000 spans/s, gRPC", "ns", 0),
    ("peer.collector_zstd.cpu_ns_per_span_100k", "the same over HTTP with zstd", "ns", 0),
    ("peer.collector.cpu_ns_per_span_805", "Collector, 805 bytes, gRPC", "ns", 0),
    ("peer.collector_zstd.cpu_ns_per_span_805", "the same over HTTP with zstd", "ns", 0),
    ("agent.idle_cpu_percent_100", "agent, 100 processes attached that do nothing", "% of a core", 2),
    ("idle_after_burst_100.cpu_percent", "agent, 100 processes that had a burst of 60,000 spans and are idle", "% of a core", 2),
    ("idle_after_burst_100.anonymous_mib", "its anonymous memory then", "MiB", 1),
    ("idle_1000.cpu_percent", "agent, 1,000 idle processes of one span each", "% of a core", 2),
    ("idle_1000.anonymous_mib", "its anonymous memory then", "MiB", 1),
    ("burst_loss.percent", "60,000 spans in a burst while the agent sleeps: lost", "%", 1),
    ("after_bell.p99_ms", "from the end of a span to its arrival, while the agent sleeps: 99 % within", "ms", 0),
    *[(f"agent.{kind}_mib_{load}", f"agent, {memory}, {what}", "MiB", 1)
      for load, what in (("100k", "100,000 spans/s"), ("1m", "1,000,000 spans/s"),
                         ("overload", "ten times as many as its backend takes"))
      for kind, memory in (("rss", "resident memory with the application's ring"), ("anonymous", "its own memory"))],
    ("varied.agent_cpu_ns", "agent, ten applications with 30 kinds of spans that vary, 200,000 spans/s", "ns", 1),
    ("varied.bytes", "size of such a span", "bytes", 0),
    ("even.agent_cpu_ns", "the same with one kind of span, all equally long", "ns", 1),
    ("even.bytes", "size of such a span", "bytes", 0),
    ("varied.dropped", "varied spans dropped", "spans", 0),
    ("even.dropped", "even spans dropped", "spans", 0),
    *[(f"{name}.{key}", f"{what}: {repeats}", unit, digits)
      for name, what in (("prompt_sink", "agent killed under 20,000 spans/s, answers at once"),
                         ("late_sink", "the same, answers after two seconds"))
      for key, repeats, unit, digits in (("repeated_mib_per_kill", "sent again for each kill", "MiB", 2),
                                         ("repeated_percent", "of all spans", "%", 1))],
    ("peer.collector.rss_mib_100k", "Collector, memory at 100,000 spans/s", "MiB", 1),
    ("peer.collector.rss_mib_overload", "Collector, ten times as many as its backend takes", "MiB", 1),
    ("The whole way, as fast as it goes", None),
    ("pipeline.spans_per_s", "spanring: one producer, agent and sink on two cores", "spans/s", 0),
    ("pipeline.cpu_ns_per_span", "agent, CPU a span at that rate", "ns", 1),
    ("pipeline.lost", "spans lost at 80 % of that rate, all rounds", "spans", 0),
    ("pipeline.dropped_percent_flat_out", "dropped and counted beyond that rate", "%", 1),
    *[(f"peer.{name}.{key}", f"{title}: {what}", unit, digits)
      for name, title in (("opentelemetry_rust", "SDK, Rust"), ("opentelemetry_cpp", "SDK, C++"), ("opentelemetry_go", "SDK, Go"), ("lttng", "LTTng-UST"),
                          ("iceoryx", "iceoryx"), ("collector", "Collector"), ("collector_zstd", "Collector, zstd"))
      for key, what, unit, digits in (("spans_per_s", "arrived", "spans/s", 0),
                                      ("cpu_ns_per_span", "CPU of all its processes a span", "ns", 0),
                                      ("lost_percent", "lost", "%", 1))
      if not (name.startswith("collector") and key == "cpu_ns_per_span")],
    (GROWTH, None),
    *[(f"shape.{shape}.{key}", f"{title}: {what}", unit, digits)
      for shape, title in SHAPES.items() for key, what, unit, digits in SHAPE_COLUMNS + SHAPE_COUNTS],
    ("shape.many_open.bytes", "10,000 open HTTP spans: size of one", "bytes", 0),
    ("shape.many_open.floor_ns", "floor: as many bytes, written to and copied from as many places", "ns", 1),
    ("shape.many_open.app_ns", "10,000 open HTTP spans, ended in another order: each", "ns", 1),
    ("shape.many_open.memory_mib", "with so much memory; the default is 16 MiB", "MiB", 0),
    ("shape.many_open.not_taken_by_default", "in default memory: spans refused or dropped", "spans", 0),
    ("shape.many_open.refused_by_default", "in default memory: attributes refused", "", 0),
    *[(f"shape.many_open.{key}", f"10,000 open: {what}", unit, digits) for key, what, unit, digits in SHAPE_COUNTS],
    ("threads1000.ns", "1,000 threads in turns of 1,000 spans: CPU of its thread a span", "ns", 1),
    ("threads1000.one_ns", "one thread with as many turns", "ns", 1),
    ("threads1000.ratio", "the first against the second", "x", 2),
    *[(f"threads1000.{key}", f"1,000 threads: {what}", unit, digits) for key, what, unit, digits in SHAPE_COUNTS],
    ("first_span.us", "first span of a process, start to end", "us", 0),
    ("first_span.forked_us", "first span of a forked child whose parent has one", "us", 0),
    ("first_span.lost", "first spans lost", "spans", 0),
    ("growth.rate10000.floor_ns", "gRPC's raw interface at 10,000 spans/s, requests of 3,000", "ns", 1),
    *[(f"growth.rate{rate}.agent_cpu_ns", f"agent CPU at {rate:,} spans/s", "ns", 1) for rate in RATES if rate != 100_000],
    *[(f"growth.processes{count}.agent_cpu_ns", f"agent CPU, 100,000 spans/s, processes: {count}", "ns", 1)
      for count in PROCESSES],
    *[(f"growth.threads{count}.{key}", f"threads: {count:,}, {what}", unit, digits)
      for count in THREADS for key, what, unit, digits in THREAD_COLUMNS],
    *[(f"designs.{design}.{key}", f"{title}: {what}", unit, digits)
      for design, title in DESIGN_ROWS.items() for key, what, unit, digits in (*DESIGN_COLUMNS, ("dropped", "dropped", "spans", 0))],
    *[(f"batches.{batch}.{key}", f"batches of {title}: {what}", unit, digits)
      for batch, title in BATCH_ROWS.items() for key, what, unit, digits in BATCH_COLUMNS],
    ("growth.short_lived.processes", "short-lived processes with three spans each", "", 0),
    ("growth.short_lived.us_per_process", "from start to end", "us", 0),
    ("growth.short_lived.us_without_tracing", "the same, switched off", "us", 0),
    ("growth.short_lived.agent_us_per_process", "agent CPU a process", "us", 0),
    ("growth.short_lived.lost", "spans lost", "spans", 0),
]

def at_most(limit):
    return lambda value, _: value <= limit


def at_most_times(factor, other):
    return lambda value, figure: value <= factor * figure(other)


def at_most_floors(factor):
    """Of a span of 183 bytes, in the same rounds."""
    return f"at most {factor} x floor of 183 bytes", at_most_times(factor, "shape.three.floor_ns")


def at_least(limit):
    return lambda value, _: value >= limit


def at_most_above(distance, other):
    return lambda value, figure: value <= distance + figure(other)


def at_least_times(factor, other):
    return lambda value, figure: value >= factor * figure(other)


# key: what is asked for as a text, does it hold
BARS = {
    "app.span_ns": ("at most 2 x floor", at_most_times(2, "app.floor_ns")),
    **{f"shape.{shape}.app_ns": at_most_floors(factor)
       for shape, factor in {"bare": 1.8, "three": 2.8, "ten": 5.3, "http": 6.5, "twenty": 9.5, "rich": 6.8,
                             "nested": 6.5}.items()},
    **{f"shape.{shape}.nul_ns": (f"at most 3 ns a string more: {3 * strings} ns", at_most_above(3 * strings, f"shape.{shape}.app_ns"))
       for shape, strings in SHAPE_STRINGS.items()},
    **{f"shape.{shape}.rust_ns": ("at least 4 x span", at_least_times(4, f"shape.{shape}.app_ns")) for shape in SHAPES},
    "shape.many_open.app_ns": ("at most 2 x its floor", at_most_times(2, "shape.many_open.floor_ns")),
    "shape.many_open.not_taken_by_default": ("0", at_most(0)),
    "shape.many_open.refused_by_default": ("0", at_most(0)),
    "threads1000.ratio": ("at most 1.5", at_most(1.5)),
    "first_span.us": ("at most 150 us", at_most(150)),
    **{f"{beginning}.{key}": ("0", at_most(0)) for beginning in ("shape.many_open", "threads1000")
       for key in ("dropped", "refused", "lost")},
    "first_span.lost": ("0", at_most(0)),
    "shape.three.static_ns": at_most_floors(2.0),
    **{f"shape.{shape}.{key}": ("0", at_most(0)) for shape in SHAPES for key in ("dropped", "refused", "lost")},
    "app.unsampled_ns": ("at most 1.5 x the two calls", at_most_times(1.5, "app.calls_ns")),
    "app.disabled_ns": ("at most 1.3 x the two calls", at_most_times(1.3, "app.calls_ns")),
    **{f"app.{name}_static_ns": ("at most the two calls", at_most_times(1, "app.calls_ns")) for name in ("unsampled", "disabled")},
    "app.threads2_ratio": ("at most 1.3", at_most(1.3)),
    "peer.lttng.app_span_ns": ("at least 5 x span", at_least_times(5, "app.span_ns")),
    "peer.opentelemetry_rust.app_span_ns": ("at least 15 x span", at_least_times(15, "app.span_ns")),
    "peer.opentelemetry_go.app_span_ns": ("at least 15 x span", at_least_times(15, "app.span_ns")),
    "agent.cpu_ns_per_span": ("at most 2.4 x the floor at this pace", at_most_times(2.4, "agent.paced_floor_ns_per_span")),
    "agent.zero_copy_ns_per_span": ("at most 2.1 x the floor at this pace", at_most_times(2.1, "agent.paced_floor_ns_per_span")),
    "after_bell.p99_ms": ("at most 300 ms", at_most(300)),
    "peer.collector.cpu_ns_per_span": ("at least 10 x agent", at_least_times(10, "agent.cpu_ns_per_span")),
    "agent.zstd_ns_per_span_805": ("at most 1,300 ns", at_most(1300)),
    "pipeline.spans_per_s": ("at least 2,500,000", at_least(2_500_000)),
    "pipeline.lost": ("0", at_most(0)),
    "idle_after_burst_100.cpu_percent": ("at most 0.3 %", at_most(0.3)),
    "idle_after_burst_100.anonymous_mib": ("at most 25 MiB", at_most(25)),
    "idle_1000.cpu_percent": ("at most 0.5 %", at_most(0.5)),
    "burst_loss.percent": ("0", at_most(0)),
    "agent.anonymous_mib_overload": ("at most 1.2 x at 100,000 spans/s", at_most_times(1.2, "agent.anonymous_mib_100k")),
    "varied.agent_cpu_ns": ("at most 1.25 x the even ones", at_most_times(1.25, "even.agent_cpu_ns")),
    "varied.dropped": ("0", at_most(0)),
    "even.dropped": ("0", at_most(0)),
    "prompt_sink.repeated_mib_per_kill": ("at most 4 MiB", at_most(4)),
    "late_sink.repeated_mib_per_kill": ("at most 16 MiB", at_most(16)),
    "growth.rate10000.agent_cpu_ns": ("at most 250 ns", at_most(250)),
    "growth.processes100.agent_cpu_ns": ("at most 2.5 x one process", at_most_times(2.5, "growth.processes1.agent_cpu_ns")),
    "growth.short_lived.agent_us_per_process": ("at most 120 us", at_most(120)),
    "peer.collector.cpu_ns_per_span_100k": ("at least 10 x agent", at_least_times(10, "growth.rate100000.agent_cpu_ns")),
}


@dataclasses.dataclass
class Row:
    title: str
    key: str = ""
    value: str = ""
    spread: str = ""
    rounds: str = ""
    bar: str = ""


def bar(key, series):
    if key not in BARS:
        return ""
    text, holds = BARS[key]
    try:
        return text + (": yes" if holds(series.value(key), series.value) else ": **no**")
    except TypeError:  # it, or what it is compared with, was not measured
        return text


def rows(series):
    made = []
    for key, title, *form in FIGURES:
        if title is None:
            made.append(Row(key))
        elif key in series.values:
            unit, digits = form
            low, high = series.spread(key)
            _, quiet, every = series.rounds(key)
            spread = f"{low:,.{digits}f} to {high:,.{digits}f}" if every > 1 else ""
            value = f"{series.value(key):,.{digits}f} {unit}".strip()
            made.append(Row(title, key, value, spread, f"{quiet}/{every}", bar(key, series)))
        elif key in series.missing:
            made.append(Row(title, key, "–", series.missing[key], "", bar(key, series)))
    headed = [row for i, row in enumerate(made) if row.key or (i + 1 < len(made) and made[i + 1].key)]
    return headed


def quality(series):
    every = [(group, number) for group, floors in series.floors.items() for number in range(len(floors))]
    quiet = sum(series.quiet(group, number) for group, number in every)
    others = [share for shares in series.others.values() for share in shares]
    return (f"{quiet} of {len(every)} rounds were quiet: their floor was at most {DISTURBED} times the lowest of the run, "
            f"{series.lowest_floor():.1f} ns, and other programs used at most {100 * OTHERS:.0f} % of the machine (in the median "
            f"round {100 * statistics.median(others):.0f} %). Medians and quartiles are over quiet rounds; over all of them "
            f"where fewer than {FEWEST} were quiet.")


def text(rows, series):
    columns = ("title", "value", "spread", "rounds", "bar", "key")
    plain = [[getattr(row, column).replace("**", "") for column in columns] for row in rows if row.key]
    shown = [line[:2] + ([line[2]] if len(line[2]) < 40 else [line[2][:37] + "..."]) + line[3:] for line in plain]
    head = ["figure", "median", "quartiles", "quiet", "asked for", "key"]
    widths = [max(len(line[i]) for line in [head, *shown]) for i in range(len(columns))]
    right = (1, 2, 3)

    def line(cells):
        placed = [cell.rjust(widths[i]) if i in right else cell.ljust(widths[i]) for i, cell in enumerate(cells)]
        return "  ".join(placed).rstrip()

    lines = [line(head)]
    position = iter(shown)
    for row in rows:
        lines.append(line(next(position)) if row.key else "\n" + row.title)
    return "\n".join(lines) + "\n\n" + quality(series)


def grid(series, corner, lines, columns):
    """A table of its own for what differs in one thing: lines are (title, beginning of the keys)."""
    def cell(key, unit, digits):
        return f"{series.value(key):,.{digits}f} {unit}" if key in series.values else "–"

    made = [f"| {corner} | " + " | ".join(what for _, what, _, _ in columns) + " |", "|---|" + "---:|" * len(columns)]
    for title, beginning in lines:
        keys = [(f"{beginning}.{key}", unit, digits) for key, _, unit, digits in columns]
        if keys[0][0] in series.values:
            made.append(f"| {title} | " + " | ".join(cell(*key) for key in keys) + " |")
    return made + [""] if len(made) > 2 else []


def markdown(rows, series):
    """The same for the page, what grows in grids."""
    lines = []
    for row in rows:
        if not row.key:
            lines += ["", f"### {row.title}", ""]
            if row.title == GROWTH:
                lines += grid(series, "span", [(title, f"shape.{shape}") for shape, title in SHAPES.items()], SHAPE_COLUMNS)
                lines += grid(series, "threads", [(f"{count:,}", f"growth.threads{count}") for count in THREADS], THREAD_COLUMNS)
                lines += grid(series, "design", [(title, f"designs.{key}") for key, title in DESIGN_ROWS.items()], DESIGN_COLUMNS)
                lines += grid(series, "batches of", [(title, f"batches.{key}") for key, title in BATCH_ROWS.items()], BATCH_COLUMNS)
            lines += ["| figure | median | quartiles | quiet rounds | asked for |", "|---|---:|---:|---:|---|"]
        elif not row.key.startswith((*(f"shape.{shape}." for shape in SHAPES), "growth.threads", "designs.", "batches.")):
            lines.append(f"| {row.title} | {row.value} | {row.spread} | {row.rounds} | {row.bar} |")
    return "\n".join(lines).strip() + "\n\n" + quality(series)

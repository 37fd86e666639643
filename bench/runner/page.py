# SPDX-License-Identifier: Apache-2.0
"""Writes what was measured into docs/performance.md, between its markers, and the plots beside it."""

import os
import pathlib
import platform
import subprocess

import batches
import chart
import designs
import peers
import table
from agent_cost import PROCESSES, RATES
from growth import THREADS

BEGIN, END = "<!-- tools/bench --docs: begin -->", "<!-- tools/bench --docs: end -->"


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    compiler = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    virtual = " (virtual machine)" if "hypervisor" in pathlib.Path("/proc/cpuinfo").read_text() else ""
    return f"{model}{virtual}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, g++ {compiler} -O3"


BARS = {
    "app": ("What a span costs the application's thread", "ns", [
        ("floor", "app.floor_ns", chart.FLOOR),
        ("spanring", "app.span_ns", chart.OURS),
        ("LTTng-UST, two events", "peer.lttng.app_span_ns", chart.OTHERS),
        ("OpenTelemetry SDK, Rust", "peer.opentelemetry_rust.app_span_ns", chart.OTHERS),
        ("OpenTelemetry SDK, C++", "peer.opentelemetry_cpp.app_span_ns", chart.OTHERS),
        ("iceoryx, bytes alone", "peer.iceoryx.app_span_ns", chart.OTHERS),
        ("OpenTelemetry SDK, Go", "peer.opentelemetry_go.app_span_ns", chart.OTHERS)]),
    "agent": ("CPU of the agent for a span of 183 bytes", "ns", [
        ("floor: gRPC alone", "agent.floor_ns_per_span", chart.FLOOR),
        ("spanring, gRPC", "agent.cpu_ns_per_span", chart.OURS),
        ("spanring, HTTP with zstd", "agent.zstd_ns_per_span", chart.OURS),
        ("Collector, gRPC", "peer.collector.cpu_ns_per_span", chart.OTHERS),
        ("Collector, HTTP with zstd", "peer.collector_zstd.cpu_ns_per_span", chart.OTHERS)]),
}

# title, x, y, logarithmic x, {curve: [(x, key)]}; x may be a key itself
CURVES = {
    "threads": ("Spans a second of all threads together", "threads", "spans/s", True,
                {"all threads": [(n, f"growth.threads{n}.spans_per_s") for n in THREADS]}),
    "processes": ("CPU of the agent for a span, 100,000 spans/s in all", "processes", "ns", True,
                  {"agent": [(n, f"growth.processes{n}.agent_cpu_ns") for n in PROCESSES]}),
    "designs": ("A span handed over, by design", "threads", "CPU of its thread, ns", True,
                {title: [(n, f"designs.{key}.threads{n}_ns") for n in designs.THREADS]
                 for title, key in (("spanring", "spanring"), ("mutex, vector", "mutex"), ("queue of nodes", "mpsc"),
                                    ("one shared ring", "shared"))}),
    "batches_cpu": ("CPU of the agent for a span, by the size of a batch", "spans of a batch", "ns", True,
                    {title: [(n, f"batches.{way}{n}.cpu_ns") for n in batches.SIZES]
                     for title, way in (("copied", "copy"), ("zero copy", "zero_copy"))}),
    "batches_late": ("On its way: 95 % of spans arrive within", "spans of a batch", "ms", True,
                     {title: [(n, f"batches.{way}{n}.p95_ms") for n in batches.SIZES]
                      for title, way in (("copied", "copy"), ("zero copy", "zero_copy"))}),
    "rate": ("CPU of the agent for a span, against the rate", "spans/s", "ns", True,
             {"agent": [(n, f"growth.rate{n}.agent_cpu_ns") for n in RATES]}),
    "size": ("Cost against the size of a span", "bytes of a span", "ns", False,
             {name: [(f"shape.{one}.bytes", f"shape.{one}.{what}") for one in ("bare", "three", "ten", "twenty")]
              for name, what in (("application", "app_ns"), ("agent, 100 MB/s", "agent_cpu_ns"))}),
}


def plots(series):
    """file -> (what it shows, SVG); one that lacks its figures is left out."""
    made = {}
    for name, (title, unit, rows) in BARS.items():
        rows = [(label, series.value(key), colour) for label, key, colour in rows if key in series.values]
        if len(rows) > 1:
            made[name] = (title, chart.bars(title, unit, rows))
    for name, (title, x, y, logarithmic, curves) in CURVES.items():
        drawn = [(label, [(series.value(at) if isinstance(at, str) else at, series.value(key))
                          for at, key in points if key in series.values]) for label, points in curves.items()]
        if all(len(points) > 1 for _, points in drawn):
            made[name] = (title, chart.lines(title, x, y, drawn, logarithmic))
    return made


def write(docs, rows, series, quick, seconds):
    folder = docs / "performance"
    folder.mkdir(exist_ok=True)
    pictures = {}
    for name, (title, svg) in plots(series).items():
        (folder / f"{name}.svg").write_text(svg)
        pictures[name] = f"![{title}](performance/{name}.svg)\n\n"
    first = "".join(pictures.pop(name, "") for name in BARS)
    command = "tools/bench --quick --docs" if quick else "tools/bench --docs"
    made = (f"Written by `{command}` in {seconds / 60:.0f} minutes. {machine()}.\n\n"
            + first + table.markdown(rows, series) + "\n\n" + "".join(pictures.values())
            + "### Settings of the peers\n\n"
            + "\n".join(f"- {name} {peers.version(name)}: {settings}." for name, settings in peers.SETTINGS.items()))
    page = docs / "performance.md"
    before, rest = page.read_text().split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}")

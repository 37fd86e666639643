# SPDX-License-Identifier: Apache-2.0
"""What a span costs the thread that makes it, through the APIs that programs have: each beside its own SDK, in one process and in turns.

    tools/bench routes [--only ROUTE] [--docs]

Each route has a program in bench/peers, whose lines are "SHAPE: ... N ns, SDK M ns: R times". A bar is a ratio of one run, or
nanoseconds where there is no SDK beside it; it is told whether it is met, and nothing fails by it, since machines differ.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PAGE = SOURCE / "docs/performance.md"
BEGIN, END = "<!-- routes -->\n", "<!-- end of routes -->\n"
TITLES = "| API | three attributes | its SDK | times cheaper | bar | load | more |\n|---|---|---|---|---|---|---|\n"
LINE = re.compile(r"^([^:]+): (.*\d ns.*)")
BESIDE = re.compile(r"(.*?): ([\d.]+) times")
SKIPPED = 77


class Route:
    def __init__(self, title, folder, shape, page, ratio=None, nanoseconds=None):
        self.title, self.folder, self.shape, self.page = title, folder, shape, page
        self.ratio, self.nanoseconds = ratio, nanoseconds  # the bar

    def bar(self):
        words = [f"≥ {self.ratio:g} times"] if self.ratio else []
        return ", ".join(words + ([f"≤ {self.nanoseconds} ns"] if self.nanoseconds else []))

    def meets(self, figure):
        return ((self.ratio is None or (figure.ratio or 0) >= self.ratio) and
                (self.nanoseconds is None or figure.ours <= self.nanoseconds))


ROUTES = {
    "tracing": Route("`tracing`, Rust", "tracing_rust", "three fields, entered", "tracing.md", ratio=4),
    "rust": Route("OpenTelemetry, Rust", "opentelemetry_api_rust", "three attributes", "opentelemetry-rust.md", ratio=1.3),
    "cpp": Route("OpenTelemetry, C++", "opentelemetry_api_cpp", "three", "opentelemetry-cpp.md", ratio=3.5),
    "go": Route("OpenTelemetry, Go", "opentelemetry_api_go", "three attributes, set later", "opentelemetry-go.md", ratio=4),
    "python": Route("OpenTelemetry, Python", "opentelemetry_api_python", "three attributes", "opentelemetry-python.md", ratio=10,
                    nanoseconds=2000),
    "luajit": Route("LuaJIT", "luajit", "three attributes, in the memory of the last", "luajit.md", nanoseconds=150),
    "envoy": Route("Envoy: what a request takes more", "envoy", "added to a request", "envoy.md", ratio=3),
}


class Figure:
    def __init__(self, ours, sdk, ratio):
        self.ours, self.sdk, self.ratio = ours, sdk, ratio


def figures(text):
    """{shape: Figure} of what a program printed. Of several times before the ratio the last two count: ours, and the SDK's."""
    found = {}
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            beside = BESIDE.match(match[2])
            times = [int(number) for number in re.findall(r"(\d+) ns", beside[1] if beside else match[2])]
            found[match[1]] = Figure(times[-2], times[-1], float(beside[2])) if beside else Figure(times[-1], None, None)
    return found


def row(route, figure, load):
    verdict = "met" if route.meets(figure) else "**missed**"
    sdk = f"{figure.sdk:,} ns" if figure.sdk is not None else "none"
    ratio = f"{figure.ratio:.1f}" if figure.ratio is not None else ""
    return (f"| {route.title} | {figure.ours:,} ns | {sdk} | {ratio} | {route.bar()}: {verdict} | {load:.0f} | "
            f"[{route.page}]({route.page}#what-it-costs) |")


def merged(table, rows):
    """The page's rows, in the order of ROUTES, each in place of the one of its API."""
    old = {line.split("|")[1].strip(): line for line in table.splitlines()[2:]}
    new = {**old, **{line.split("|")[1].strip(): line for line in rows}}
    return TITLES + "".join(f"{new[route.title]}\n" for route in ROUTES.values() if route.title in new)


def into_page(text, rows):
    before, rest = text.split(BEGIN)
    table, after = rest.split(END)
    return before + BEGIN + merged(table, rows) + END + after


def run(name, build):
    """Its row, or None where it cannot be measured here."""
    route = ROUTES[name]
    done = subprocess.run([SOURCE / "bench/peers" / route.folder / "run.sh", build], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True)
    load = os.getloadavg()[0]
    if done.returncode == SKIPPED:
        print(f"{route.title}: skipped", flush=True)
        return None
    if done.returncode != 0:
        raise SystemExit(f"{route.title}: ended with {done.returncode}\n{done.stdout}")
    print(f"{route.title}, at a load of {load:.1f}:\n{done.stdout}", flush=True)
    found = figures(done.stdout)
    if route.shape not in found:
        raise SystemExit(f"{route.title}: no line of '{route.shape}'")
    return row(route, found[route.shape], load)


def main():
    parser = argparse.ArgumentParser(prog="tools/bench routes", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", metavar="ROUTE", action="append", choices=list(ROUTES), help=f"of {' '.join(ROUTES)}")
    parser.add_argument("--docs", action="store_true", help="write the rows into docs/performance.md")
    parser.add_argument("--build", default=SOURCE / "build-bench", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    rows = [line for line in (run(name, options.build) for name in options.only or ROUTES) if line]
    print(TITLES + "\n".join(rows))
    if options.docs:
        PAGE.write_text(into_page(PAGE.read_text(), rows))
    return 0 if rows else SKIPPED


if __name__ == "__main__":
    sys.exit(main())

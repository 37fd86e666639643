# SPDX-License-Identifier: Apache-2.0
"""tools/bench, once everything is built: runs the groups, prints the table, writes JSON, plots and the page."""

import argparse
import json
import os
import pathlib
import signal
import sys
import time

import agent_cost
import app
import batches
import crowd
import designs
import first_span
import growth
import idle
import late_sink
import memory
import page
import peers
import pipeline
import shapes
import table
import varied
from measure import run_group, say
from series import Series

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
ROUNDS, QUICK_ROUNDS = 30, 5
OTHER = """instead of measuring, each alone:
  routes                 the APIs that programs have, each beside its own SDK: tools/bench routes --help
  --instructions         counts the instructions of a span, against bench/instructions.json
  --record-instructions  writes bench/instructions.json
  --flame-graphs         draws docs/performance/*_flame.svg"""


def groups(quick, rounds, once=False):
    """name -> (measures, rounds): what is compared with each other is in one group, and takes turns."""
    fewer = 1 if once else max(3, rounds // 3)
    few = 1 if once else max(1 if quick else 3, rounds // 10)
    return {
        "app": (app.measures() + peers.application(), rounds),
        "shapes": (shapes.measures(), fewer),
        "crowd": (crowd.measures(), fewer),
        "first_span": (first_span.measures(), fewer),
        "agent": (agent_cost.measures(), fewer),
        "pipeline": (pipeline.measures() + peers.flat_out(), fewer),
        "rates": (agent_cost.rates(), few),
        "threads": (growth.threads(), fewer),
        "processes": (agent_cost.processes(), few),
        "idle": (idle.measures(), few),
        "short_lived": (growth.short_lived(quick, few), few),
        "memory": (memory.measures() + peers.memory(), few),
        "varied": (varied.measures(), fewer),
        "designs": (designs.measures(), fewer),
        "batches": (batches.measures(), few),
        "late_sink": (late_sink.measures(), few),
    }


def main():
    names = list(groups(True, QUICK_ROUNDS))
    parser = argparse.ArgumentParser(prog="tools/bench", epilog=OTHER, formatter_class=argparse.RawTextHelpFormatter,
                                     description="Builds for release, measures, prints the table of docs/performance.md.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: takes minutes, and is less precise")
    parser.add_argument("--json", metavar="FILE", help="write the figures, as one flat object of numbers")
    parser.add_argument("--only", metavar="GROUP", action="append", choices=names,
                        help=f"of {' '.join(names)};\nmay be given several times")
    parser.add_argument("--rounds", type=int, metavar="N",
                        help=f"of the group app ({ROUNDS}, quick: {QUICK_ROUNDS}); the others have a third or a tenth")
    parser.add_argument("--docs", action="store_true", help="write table and plots into docs/")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)  # a round of next to nothing: for tests
    parser.add_argument("--build", default=SOURCE / "build-bench", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    rounds = 1 if options.once else options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    if options.docs and options.only:
        parser.error("--docs writes a page of everything: not with --only")
    if rounds < 1:
        parser.error("--rounds needs a number above 0")
    if (os.cpu_count() or 1) < 2:
        parser.error("needs two cores: one for applications, one for agent and sink")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with us
    series = Series()
    begin = time.monotonic()
    for name, (measures, turns) in groups(options.quick, rounds, options.once).items():
        if not options.only or name in options.only:
            run_group(name, measures, turns, options.build, series, options.quick, options.once)
    seconds = time.monotonic() - begin
    say(f"measured for {seconds:.0f} s")

    rows = table.rows(series)
    print(table.text(rows, series))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(series.flat(), indent=1) + "\n")
    if options.docs:
        page.write(SOURCE / "docs", rows, series, options.quick, seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""tools/bench --flame-graphs: hot_path_flame.svg by callgrind, and agent_flame.svg of the agent at full load by linux-perf
(Debian: linux-perf; sampled by the CPU clock, so it needs no counters), into docs/performance.

    flame_graphs.py BUILD [hot_path|agent]
"""

import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import flame
from bed import Bed
from measure import MILLION, say

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import callgrind  # noqa: E402
import shop_requests  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = SOURCE / "docs/performance"

SPANS = 3000


def hot_path(build):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        inputs = shop_requests.write(pathlib.Path(folder) / "requests.tsv")
        costs = callgrind.run([build / "bench/hot_path", "three", inputs, SPANS], "span_once",
                              {**os.environ, "SPANRING_DIR": folder})
    inside = collections.Counter()
    for stack, count in costs.items():
        if "span_once" in stack:
            inside[stack[stack.index("span_once"):]] += count
    per_span = collections.Counter({stack: count / SPANS for stack, count in inside.items()})
    title = "A span in the application: instructions. In brackets: the file that inlined code came from"
    (FOLDER / "hot_path_flame.svg").write_text(flame.draw(per_span, title, "instructions a span"))


def folded(script):
    """perf script's samples as stacks, of all threads together."""
    stacks, stack = collections.Counter(), None
    for line in script.splitlines():
        if not line.strip():
            if stack:
                stacks[tuple(reversed(stack))] += 1
            stack = None
        elif line[0] not in " \t":
            stack = []
        elif stack is not None:
            name = line.strip().split(" ", 1)[-1].rsplit(" (", 1)[0]
            stack.append(name.rsplit("+0x", 1)[0])
    if stack:
        stacks[tuple(reversed(stack))] += 1
    return stacks


def agent(build):
    if shutil.which("perf") is None:
        raise SystemExit("flame_graphs: perf is missing; Debian has it as linux-perf")
    bed = Bed(build)
    try:
        sink = bed.sink()
        drained = bed.agent(sink.said[0])
        application = drained.application()
        application.ask("flat", MILLION)
        data = bed.path("perf.data")
        perf = subprocess.Popen(["perf", "record", "--quiet", "-e", "cpu-clock", "-F", "1999", "--call-graph", "dwarf,8192",
                                 "-p", str(drained.pid), "-o", str(data)],
                                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        application.ask("flat", 5 * MILLION)
        perf.send_signal(2)
        perf.wait()
        script = subprocess.run(["perf", "script", "--no-inline", "-F", "comm,ip,sym", "-i", str(data)],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
    finally:
        bed.close()
    stacks = folded(script)
    if not stacks:
        raise SystemExit("flame_graphs: perf gave no sample here")
    title = f"The agent at full load: {sum(stacks.values()):,} samples of the CPU clock"
    (FOLDER / "agent_flame.svg").write_text(flame.draw(stacks, title, "samples"))


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    FOLDER.mkdir(exist_ok=True)
    for name, make in {"hot_path": hot_path, "agent": agent}.items():
        if len(sys.argv) < 3 or sys.argv[2] == name:
            say(f"flame graph: {name}")
            make(build)


if __name__ == "__main__":
    main()

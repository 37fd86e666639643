#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much memory ten seconds of undecided spans take: rings, files and the agent's own together, for each byte of them.

Five applications; each trace has five spans (shapes `ten` and `three`, what they say is drawn: bench/shop_requests.py), all in
one application, or one in each of the five. Nothing is decided meanwhile. What is counted is the kernel's: blocks
of the segments and of the files, and RssAnon of the agent, less what that had before the first span.

The build needs the option bench.
"""

import argparse
import contextlib
import importlib
import json
import os
import pathlib
import sys
import time
import urllib.request

import shop_requests
from receive import SOURCE, Worker

APPLICATIONS = 5
REQUESTS = 1 << 16
OWN_TRACES = 1 << 32  # numbers of them that an application has to itself


def blocks(folder, pattern):
    return sum(path.stat().st_blocks * 512 for path in folder.glob(pattern))


def anonymous(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def metrics(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as page:
        lines = [line.rsplit(" ", 1) for line in page.read().decode().splitlines() if line and line[0] != "#"]
    return {name: float(value) for name, value in lines}


@contextlib.contextmanager
def workplace(harness):
    """A workspace, and a list for the applications that are to end with it."""
    workspace, workers = harness.Workspace(), []
    try:
        yield workspace, workers
    finally:
        for worker in workers:
            worker.process.kill()
        workspace.close()


def parser_of(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default="build", type=pathlib.Path, help="a build folder (build)")
    return parser


def harness_of(build):
    """The tests' own, of that build."""
    os.environ["SPANRING_BUILD"] = str(build)
    sys.path.insert(0, str(SOURCE / "tests/integration"))
    return importlib.import_module("harness")


def measure(harness, options, build, compression, scattered):
    """Bytes of the spans, and of rings, files and anonymous memory for them."""
    with workplace(harness) as (workspace, workers):
        port = harness.free_port()
        sampling = {"linger": "600s", "decision_wait": "600s", "num_traces": 10_000_000, "memory": "1GiB",
                    "files": {"max_bytes": "4GiB", "compression": compression},
                    "policies": [{"name": "all", "type": "always_sample"}]}
        file = workspace.unique("agent.yaml")
        file.write_text(json.dumps({
            "receivers": {"spanring": None}, "processors": {"tail_sampling": sampling}, "exporters": {"store": None},
            "service": {"pipelines": {"traces": {"receivers": ["spanring"], "processors": ["tail_sampling"], "exporters": ["store"]}},
                        "telemetry": {"metrics": {"address": f"127.0.0.1:{port}"}}}}))
        agent = workspace.agent("--config", file)
        requests = shop_requests.write(workspace.unique("requests.tsv"), REQUESTS)
        os.environ["SPANRING_DIR"] = str(workspace.segments)
        workers += [Worker(build / "bench/span_worker", options.shape, core % 2, requests) for core in range(APPLICATIONS)]
        time.sleep(1)  # what the agent makes once
        before, cpu = anonymous(agent), cpu_seconds(agent)
        rate = options.rate // APPLICATIONS
        for number, worker in enumerate(workers):
            worker.tell("traces", rate, options.seconds * 1000, *((1, 0) if scattered else (5, number * OWN_TRACES)))
        made = sum(worker.hear()["spans"] for worker in workers)
        said = metrics(port)
        rings, files = blocks(workspace.segments, "*.spr"), blocks(workspace.state / "undecided", "*.undecided")
        own = anonymous(agent) - before
        waiting = said["spanring_tail_sampling_undecided_spans"]
        if waiting < 0.99 * made:
            print(f"only {waiting:.0f} of {made:.0f} spans wait", file=sys.stderr)
        spent = (cpu_seconds(agent) - cpu) / made * 1e9
        return {"spans": waiting, "bytes": said["spanring_agent_drained_bytes_total"], "rings": rings, "files": files, "own": own, "cpu": spent,
                "ring_bytes": said["spanring_tail_sampling_ring_bytes"], "undecided_bytes": said["spanring_tail_sampling_undecided_bytes"],
                "filed_memory": said["spanring_tail_sampling_filed_memory_bytes"]}


def main():
    arguments = parser_of(__doc__)
    arguments.add_argument("--rate", type=int, default=50_000, help="spans a second of all together (50000)")
    arguments.add_argument("--seconds", type=int, default=10)
    arguments.add_argument("--shape", default="ten", help="of two spans of five (ten)")
    options = arguments.parse_args()
    build = options.build.resolve()
    harness = harness_of(build)
    for scattered in (False, True):
        for compression in ("none", "zstd"):
            found = measure(harness, options, build, compression, scattered)
            parts = {part: found[part] / found["bytes"] for part in ("rings", "files", "own")}
            print(f"{'in five applications' if scattered else 'in one application':20} {compression:4} {found['spans']:.0f} spans of "
                  f"{found['bytes'] / found['spans']:.0f} bytes: {sum(parts.values()):.3f} times their bytes: " +
                  ", ".join(f"{part} {share:.3f}" for part, share in parts.items()) +
                  f"; known of traces {found['undecided_bytes'] / found['bytes']:.3f}, of files {found['filed_memory'] / found['bytes']:.3f}"
                  f"; {found['cpu']:.0f} ns of CPU a span", flush=True)


if __name__ == "__main__":
    main()

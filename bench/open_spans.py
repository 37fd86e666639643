#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long `spanring open` takes over many processes that have spans open.

The producers are those of the integration tests, whose spans have attributes, events and links of all kinds. Prints the
median and the best of several calls, from the start of the program to its end, its CPU time, and how large the output is.
"""

import argparse
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

CALLS = ([], ["--stuck", "1h"], ["--json"], ["--limit", "0"], ["--limit", "0", "--json"])


def producer(build, folder, number, spans):
    return subprocess.Popen(
        [build / "tests/integration/producer", "--record", "/dev/null", "--count", "1", "--open", str(spans), "--hold",
         "--service", f"service-{number % 10}", "--seed", str(number)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"SPANRING_DIR": folder})


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(command, repetitions):
    times, cpu = [], []
    for _ in range(repetitions):
        begin, used = time.perf_counter(), cpu_of_children()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        times.append((time.perf_counter() - begin) * 1e3)
        cpu.append((cpu_of_children() - used) * 1e3)
    return statistics.median(times), min(times), statistics.median(cpu), len(done.stdout)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build", nargs="?", default="build", type=pathlib.Path, help="a build folder (build)")
    arguments.add_argument("--processes", type=int, default=100)
    arguments.add_argument("--spans", type=int, default=100, help="that each has open (100)")
    arguments.add_argument("--repetitions", type=int, default=15)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        producers = [producer(options.build, folder, number, options.spans) for number in range(options.processes)]
        try:
            for one in producers:
                while not one.stdout.readline().startswith(b"ready"):
                    if one.poll() is not None:
                        raise SystemExit("a producer ended")
            for call in CALLS:
                command = [options.build / "agent/spanring", "--directory", folder, "open", *call]
                median, best, cpu, size = measure(command, options.repetitions)
                print(f"{' '.join(['open', *call]):<22} median {median:6.1f} ms  best {best:6.1f} ms  "
                      f"CPU {cpu:6.1f} ms  {size:>9} bytes")
            print(f"load {os.getloadavg()[0]:.1f}")
        finally:
            for one in producers:
                one.stdin.close()
            for one in producers:
                one.wait(30)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `spanring top` takes of a core, once a second, in a terminal (tmux) over many processes that write spans.

The producers are those of the integration tests: most of their spans have a name of their own, which is the worst case.
Prints the last picture, and the CPU time of the command by /proc/PID/stat.
"""

import argparse
import os
import pathlib
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent


def cpu_of(pid):
    """(in the program, in the kernel), in seconds."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return [int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13]]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build", nargs="?", default="build", type=pathlib.Path, help="a build folder (build)")
    arguments.add_argument("--processes", type=int, default=100)
    arguments.add_argument("--rate", type=int, default=10, help="of each, as the producer takes it (10)")
    arguments.add_argument("--seconds", type=float, default=20)
    options = arguments.parse_args()
    os.environ["SPANRING_BUILD"] = str(options.build.resolve())
    sys.path.insert(0, str(SOURCE / "tests/integration"))
    import harness
    import tmux
    workspace = harness.Workspace()
    try:
        workspace.agent()
        producers = [harness.Process(workspace, "producer", [
            harness.PRODUCER, "--record", "/dev/null", "--endless", "--rate", options.rate, "--service",
            f"service-{number % 10}", "--seed", number], stdin=harness.subprocess.PIPE,
            env=harness.environment(SPANRING_DIR=workspace.segments)) for number in range(options.processes)]
        for producer in producers:
            producer.wait_for_line("ready")
        terminal = tmux.Terminal(workspace, columns=150, rows=45)
        terminal.run(harness.COMMAND, "--state-dir", workspace.state, "--directory", workspace.segments, "top")
        terminal.wait_for(f"{options.processes} processes")
        time.sleep(3)
        pid = terminal.foreground()
        before, begin = cpu_of(pid), time.monotonic()
        time.sleep(options.seconds)
        after, end = cpu_of(pid), time.monotonic()
        print(terminal.screen())
        user, system = ((b - a) / (end - begin) * 100 for a, b in zip(before, after))
        print(f"{user + system:.2f} % of a core: {user:.2f} in the program, {system:.2f} in the kernel")
    finally:
        workspace.close()


if __name__ == "__main__":
    main()

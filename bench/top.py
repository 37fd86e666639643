#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `spanring top` takes of a core, once a second, in a terminal (tmux) over many processes that write spans.

The producers are those of the integration tests.
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
    arguments.add_argument("--rate", type=int, default=10,
                           help="of each, as the producer takes it: traces of some 16 spans a second (10)")
    arguments.add_argument("--operations", type=int, default=0, metavar="NAMES",
                           help="of each of ten services, which come again and again; without it most spans have a name "
                                "of their own, and are counted as others")
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument("--warm", type=float, default=25, help="before that: until the tables are full (25)")
    arguments.add_argument("--beside", action="append", default=[], metavar="PROGRAM",
                           help="another spanring to be measured at the same time, over the same processes")
    options = arguments.parse_args()
    os.environ["SPANRING_BUILD"] = str(options.build.resolve())
    sys.path.insert(0, str(SOURCE / "tests/integration"))
    import harness
    import tmux
    workspace = harness.Workspace()
    try:
        workspace.agent()
        if options.operations:
            # Each is one of ten services', whose operations are the same.
            words = [["operations", f"service-{number % 10}", options.operations, options.rate * 16]
                     for number in range(options.processes)]
        else:
            words = [["producer", "--record", "/dev/null", "--endless", "--rate", options.rate, "--service",
                      f"service-{number % 10}", "--seed", number] for number in range(options.processes)]
        producers = [harness.Process(workspace, program, [
            harness.BUILD / "tests/integration" / program, *more], stdin=harness.subprocess.PIPE,
            env=harness.environment(SPANRING_DIR=workspace.segments)) for program, *more in words]
        for producer in producers:
            producer.wait_for_line("ready")
        programs = [harness.COMMAND, *options.beside]
        terminals = []
        for program in programs:
            terminals.append(tmux.Terminal(workspace, columns=150, rows=45))
            terminals[-1].run(program, "--state-dir", workspace.state, "--directory", workspace.segments, "top")
        for terminal in terminals:
            terminal.wait_for(f"{options.processes} processes")
        time.sleep(options.warm)
        pids = [terminal.foreground() for terminal in terminals]
        before, begin = [cpu_of(pid) for pid in pids], time.monotonic()
        time.sleep(options.seconds)
        after, end = [cpu_of(pid) for pid in pids], time.monotonic()
        print(terminals[0].screen())
        for program, earlier, later in zip(programs, before, after):
            user, system = ((b - a) / (end - begin) * 100 for a, b in zip(earlier, later))
            print(f"{user + system:.2f} % of a core: {user:.2f} in the program, {system:.2f} in the kernel ({program})")
        print(f"load {os.getloadavg()[0]:.1f}")
    finally:
        workspace.close()


if __name__ == "__main__":
    main()

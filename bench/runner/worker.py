# SPDX-License-Identifier: Apache-2.0
"""A program that the benchmark starts, asks, watches and ends: bench/worker.hpp has the protocol of those that answer."""

import os
import select
import subprocess
import time

WATCHDOG = 180  # seconds: ends a run whose worker hangs; nothing is asserted about durations


class Gone(Exception):
    """A program that did not start, does not answer, or ended."""


class Program:
    """Runs on one core, with nothing of the caller's OTEL_* and SPANRING_* settings; ended, by its id, with stop()."""

    LEAVES = 0.1  # seconds that it is given to end with its input

    def __init__(self, command, core=1, environment=None, log=None):
        self.name = os.path.basename(str(command[0]))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SPANRING_"))}
        kept.update({name: str(value) for name, value in (environment or {}).items()})
        self.log = open(log or os.devnull, "ab+")
        place = [] if core is None else ["taskset", "-c", str(core)]
        self.process = subprocess.Popen([*place, *map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, env=kept, bufsize=0)
        self.rest = b""

    @property
    def pid(self):
        return self.process.pid

    def line(self, seconds=WATCHDOG):
        deadline = time.monotonic() + seconds
        poll = select.poll()  # select() knows no descriptor above 1,023, and there are a thousand workers
        poll.register(self.process.stdout, select.POLLIN)
        while b"\n" not in self.rest:
            ready = poll.poll(max(0, 1000 * (deadline - time.monotonic())))
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                raise Gone(f"{self.name} {'ended' if ready else 'does not answer'}{self.last_words()}")
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode(errors="replace")

    def last_words(self):
        try:
            with open(self.log.name, "rb") as log:
                lines = log.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return ": " + lines[-1] if lines else ""

    def cpu_ns(self):
        """CPU time of all its threads, of those that ended too."""
        return time.clock_gettime_ns((~self.pid << 3) | 2)  # the kernel's clock id of a process, as clock_getcpuclockid

    def memory_mib(self):
        """(resident, anonymous): the agent's resident memory has the applications' rings in it, which are theirs."""
        try:
            with open(f"/proc/{self.pid}/status") as status:
                fields = dict(line.split(":", 1) for line in status)
            return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))
        except (FileNotFoundError, KeyError):
            raise Gone(f"{self.name} ended") from None

    def stop(self):
        """Its input ends; it is asked to end; after a while it must."""
        self.process.stdin.close()
        for seconds, ask in ((self.LEAVES, self.process.terminate), (15, self.process.kill)):
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                ask()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Worker(Program):
    """Says "ready ...", then answers each command with name=value pairs."""

    LEAVES = 5

    def __init__(self, command, core=1, environment=None, log=None):
        super().__init__(command, core, environment, log)
        first = self.line(30).split()
        if first[:1] != ["ready"]:
            raise Gone(f"{self.name} says '{' '.join(first)}'{self.last_words()}")
        self.said = first[1:]

    def send(self, *words):
        try:
            self.process.stdin.write((" ".join(str(word) for word in words) + "\n").encode())
        except BrokenPipeError:
            raise Gone(f"{self.name} ended{self.last_words()}") from None

    def answer(self):
        return {name: float(value) for name, value in (pair.split("=") for pair in self.line().split())}

    def ask(self, *words):
        self.send(*words)
        return self.answer()

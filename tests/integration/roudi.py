# SPDX-License-Identifier: Apache-2.0
"""iceoryx's daemon, as its package has it, and programs that subscribe by it.

It has its sockets, its lock and its memory under fixed names, so a host has one: tests that need it wait for each other, and are
skipped where somebody else's runs."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

import harness
from kafka import spans_of

TAP = harness.BUILD / "agent/spanring-tap"
SUBSCRIBER = harness.BUILD / "tests/integration/tap_subscriber"
SOCKET = pathlib.Path("/tmp/roudi")
LEFT = [SOCKET, *map(pathlib.Path, ("/tmp/roudi.lock", "/tmp/iox-unique-roudi.lock", "/dev/shm/iceoryx_mgmt"))]
# Few chunks: it writes zeros to all of its memory when it starts.
POOLS = ((1024, 400), (16384, 400), (70000, 100), (1 << 20, 4))


def is_there():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(SOCKET))
            return True
        except OSError:
            return False


def only_one_at_a_time(case):
    """The name is free again when its process ends, however that does."""
    reserved = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    case.addCleanup(reserved.close)
    deadline = time.monotonic() + 900  # as many tests of others as may be before this one
    while True:
        try:
            return reserved.bind("\0spanring-test-roudi")
        except OSError:
            if time.monotonic() > deadline:
                raise AssertionError("watchdog: another test keeps iceoryx's daemon") from None
            time.sleep(0.1)


class Roudi:
    def __init__(self, case, monitoring="off"):
        if not TAP.exists() or not shutil.which("iox-roudi"):
            raise unittest.SkipTest("iceoryx is missing")
        only_one_at_a_time(case)
        if is_there():
            raise unittest.SkipTest("somebody's iceoryx daemon runs on this host")
        self.workspace, self.monitoring = case.workspace, monitoring
        self.file = self.workspace.unique("roudi.toml")
        self.file.write_text("[general]\nversion = 1\n[[segment]]\n" + "".join(
            f"[[segment.mempool]]\nsize = {size}\ncount = {count}\n" for size, count in POOLS))
        self.process = None
        case.addCleanup(self.sweep)
        case.addCleanup(self.clean)
        self.start()

    def start(self):
        self.clean()
        self.process = harness.Process(self.workspace, "roudi", ["setpriv", "--pdeathsig", "KILL", "iox-roudi", "-c", self.file, "-m",
                                                                self.monitoring, "-k", "3"], env=harness.environment())
        try:
            self.process.wait_for_line("RouDi is ready for clients")
        except AssertionError:
            if any(path.exists() for path in LEFT):  # of another user, who killed it
                raise unittest.SkipTest(f"iceoryx's daemon cannot be started here: {self.process.stderr()[-500:]}") from None
            raise

    def kill(self):
        self.process.kill()

    def gave_up(self, name):
        """Who has been silent for 1.5 s."""
        harness.wait_until(lambda: re.search(rf"{name}\S* not responding", self.process.stderr()), f"{name} is given up")

    def sweep(self):
        """Sockets and locks of programs that were killed: nobody else's test runs now."""
        for name in ("spanring-test-[0-9]*", f"spanring-tap-{os.geteuid()}-*", "slow-spans-[0-9]*"):
            for path in pathlib.Path("/tmp").glob(name):
                if path.stat().st_uid == os.geteuid():
                    path.unlink()

    def clean(self):
        """What one that was killed has left, where it was ours."""
        if self.process is not None and self.process.running():
            self.process.popen.terminate()
            try:
                self.process.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for path in LEFT:
            try:
                if path.stat().st_uid == os.geteuid():
                    path.unlink()
            except OSError:
                pass


class Chunk:
    def __init__(self, line):
        _, self.stream, *numbers, message = line.split()
        self.sequence, self.before, self.spans, self.unpublished, self.unsorted = map(int, numbers)
        self.ids = spans_of(bytes.fromhex(message))


class Subscriber:
    def __init__(self, workspace, instance, event="spans", queue=256):
        self.process = harness.Process(workspace, "subscriber", [SUBSCRIBER, instance, event, queue], stdin=subprocess.PIPE,
                                       env=harness.environment())

    def subscribed(self):
        self.process.wait_for_line("subscribed")
        return self

    def tell(self, word, answer):
        told = self.process.stdout().count(answer)
        self.process.popen.stdin.write(f"{word}\n".encode())
        self.process.popen.stdin.flush()
        harness.wait_until(lambda: self.process.stdout().count(answer) > told, f"the subscriber {answer}")

    def hold(self):
        self.tell("hold", "holds\n")

    def lock(self):
        self.tell("lock", "locks\n")

    def go(self):
        self.tell("go", "goes\n")

    def chunks(self):
        text = self.process.stdout()
        return [Chunk(line) for line in text[:text.rfind("\n") + 1].splitlines() if line.startswith("chunk ")]

    def ids(self):
        return [each for chunk in self.chunks() for each in chunk.ids]

    def missed(self):
        """By the numbers of what it got."""
        missed, expected = 0, {}
        for chunk in self.chunks():
            missed += chunk.before - expected.get(chunk.stream, chunk.before)
            expected[chunk.stream] = chunk.before + chunk.spans
        return missed

    def kill(self):
        return self.process.kill()

    def stop(self):
        self.process.send(signal.SIGSTOP)

    def end(self):
        self.process.end_input()
        self.process.expect(0)

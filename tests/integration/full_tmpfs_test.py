# SPDX-License-Identifier: Apache-2.0
"""A tmpfs without room: the application never sees a SIGBUS, what does not fit is counted, and room helps at once.

Needs the right to mount; skipped visibly without it.
"""

import errno
import os
import signal
import subprocess
import unittest

import harness
from churn import Churner
from otlp_json import Received

STORM = harness.BUILD / "tests/integration/storm"


class FullTmpfs(harness.Case):
    def setUp(self):
        super().setUp()
        self.folder = self.workspace.folder / "tiny"
        self.folder.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", self.folder],
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if mounted.returncode != 0:
            raise unittest.SkipTest(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.folder], check=True)
        self.workspace.segments = self.folder / "segments"
        self.workspace.segments.mkdir(mode=0o700)
        self.collector = self.workspace.collector().start()
        self.received = Received(self.collector.received)

    def agent(self):
        return self.workspace.agent("--endpoint", self.collector.endpoint, "--batch-timeout", "20ms")

    def storm(self, *arguments):
        return harness.Process(self.workspace, "storm", [STORM, *arguments], stdin=subprocess.PIPE,
                               env=harness.environment(SPANRING_DIR=self.workspace.segments))

    def fill(self, leave=0):
        """Takes the room that is left, but for so many bytes."""
        file = self.folder / "filler"
        with open(file, "wb") as filler:
            harness.wait_until(lambda: self.took(filler, leave), "what is free is taken before a process takes of it")
        return file

    def took(self, filler, leave):
        free = os.statvfs(self.folder)
        size = free.f_bavail * free.f_bsize - leave
        try:
            if size > 0:
                os.posix_fallocate(filler.fileno(), 0, size)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return False  # it grew meanwhile
        return True

    def test_from_the_start(self):
        agent = self.agent()
        filler = self.fill()
        self.storm("one", "3").expect(3)  # it insists on spans; the library says -ENOSPC, and it says so
        self.assertEqual(self.workspace.segment_files(), [])
        filler.unlink()
        self.storm("one", "3").expect(0)
        harness.wait_until(lambda: self.received.count() == 3, "spans arrive once there is room")
        agent.stop()

    def test_when_a_segment_grows(self):
        agent = self.agent()
        agent.send(signal.SIGSTOP)  # nothing becomes free
        process = self.storm("grow", "20000")
        process.expect(0)
        agent.send(signal.SIGCONT)
        started, ended = [int(word) for word in process.stdout().split()[1::2]]
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is drained and unlinked")
        agent.stop()
        row, = self.workspace.accounting()
        self.assertEqual((row["started"], row["ended"]), (started, ended))
        self.assertGreater(row["dropped"]["full"], 0, "a tmpfs of 1 MiB has no room for them all")
        self.assertEqual(self.received.count(), ended - row["dropped"]["full"])

    def test_that_fills_up_and_empties_at_random(self):
        agent = self.agent()
        churner = Churner(self.workspace, "tiny", "--threads", "4", "--memory", str(64 << 20))
        harness.wait_until(lambda: self.received.count() > 100, "spans arrive")
        for _ in range(10):
            filler = self.fill(leave=4096)
            before = self.received.count()
            harness.wait_until(lambda: self.received.count() > before + 200, "spans go on arriving")
            filler.unlink()
        self.assertTrue(churner.process.running(), churner.process.stderr())
        churner.kill()
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is drained and unlinked")
        agent.stop()
        self.workspace.accounting()


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""Whoever reads the agent's log or console stops reading: spans go on, and the agent ends when it is asked to."""

import fcntl
import os
import signal
import subprocess

import harness

COUNT = 500


class StalledOutput(harness.Case):
    def agent(self, *arguments, **streams):
        command = [harness.AGENT, "--directory", self.workspace.segments, "--state-dir", self.workspace.state,
                   *harness.SECCOMP, "--batch-timeout", "20ms", *arguments]
        agent = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=harness.environment(), **streams)
        self.addCleanup(agent.wait)
        self.addCleanup(agent.kill)
        harness.wait_until(lambda: (self.workspace.state / "agent.json").exists(), "the agent is there")
        return agent

    def pipe(self):
        """Full; its reader holds it and never reads."""
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, b"x" * 512)
        except BlockingIOError:
            os.set_blocking(writer, True)
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        return writer

    def produce(self):
        self.workspace.producer("--seed", 1, "--count", COUNT).expect(0)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the process is drained")

    def full_log(self):
        agent = self.agent("--exporter", "store", stdout=subprocess.DEVNULL, stderr=self.pipe())
        for _ in range(200):  # of two lines each
            agent.send_signal(signal.SIGUSR1)
            os.sched_yield()
        self.produce()
        return agent

    def test_the_log_and_one_signal(self):
        agent = self.full_log()
        agent.terminate()
        self.assertEqual(agent.wait(harness.WATCHDOG), 0)

    def test_the_console_of_debug_at_the_end(self):
        agent = self.agent("--exporter", "debug", "--shutdown-timeout", "200ms", stdout=self.pipe(),
                           stderr=subprocess.DEVNULL)
        self.produce()
        agent.terminate()
        self.assertEqual(agent.wait(harness.WATCHDOG), 0)

    def test_the_console_of_debug_and_a_second_signal(self):
        agent = self.agent("--exporter", "debug", "--shutdown-timeout", "1h", stdout=self.pipe(),
                           stderr=subprocess.DEVNULL)
        self.produce()
        agent.terminate()
        harness.wait_until(lambda: agent.terminate() or agent.poll() is not None, "the next signal ends it at once")
        self.assertEqual(agent.returncode, 130)


if __name__ == "__main__":
    harness.main()

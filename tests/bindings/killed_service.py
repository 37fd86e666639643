# SPDX-License-Identifier: Apache-2.0
"""A service under load is killed; by its own record all that it ended and all that was open arrive, each once."""

import collections
import signal
import subprocess

import harness
import otlp_json
from data_test import attributes_of

BEFORE_THE_KILL = 20_000
CLIENTS = 64
THREADS = 4


class Arriving(harness.Case):
    """Agent and Collector, and what came through both."""

    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector().start()
        self.workspace.agent("--endpoint", self.collector.endpoint)
        self.received = otlp_json.Received(self.collector.received)

    def process(self, name, *command):
        return harness.Process(self.workspace, name, command, stdin=subprocess.PIPE,
                               env=harness.environment(SPANRING_DIR=self.workspace.segments, OTEL_SERVICE_NAME="service"))


class KilledService(Arriving):
    """Of a program that takes a file, to which it appends "begin ID" and "end ID" of its spans, and a number of clients."""

    def kill_under_load(self, program, ended=BEFORE_THE_KILL, threads=THREADS):
        self.account(self.run_until_killed(program, ended), threads)

    def run_until_killed(self, program, ended, *more):
        """Its witness, when so many spans had ended."""
        witness = self.workspace.unique("witness")
        service = self.process("service", program, witness, CLIENTS, *more)
        service.wait_for_line("ready")
        harness.wait_until(lambda: witness.read_bytes().count(b"end ") > ended, "the service is under load")
        self.assertEqual(service.kill(), -signal.SIGKILL)
        return witness

    @staticmethod
    def begun_and_ended(witness):
        lines = witness.read_text().split("\n")[:-1]
        return [{line.split()[1] for line in lines if line.startswith(word)} for word in ("begin ", "end ")]

    def account(self, witness, threads):
        """What the witness saw of processes that were killed, with so many threads, is what arrived."""
        begun, ended = self.begun_and_ended(witness)
        self.workspace.accounting()
        self.collector.stop()
        self.received.read()
        times = collections.Counter(span.identity for span in self.received.spans)
        self.assertEqual([one for one, count in times.items() if count > 1], [], "arrived more than once")
        self.assertEqual(begun - times.keys(), set(), "did not arrive")
        unfinished = {span.identity for span in self.received.spans if attributes_of(span.fields).get("spanring.unfinished")}
        self.assertEqual(ended & unfinished, set(), "ended, and arrived as unfinished")
        if threads:
            self.assertTrue(unfinished, "it was killed under load")
        # Started or ended, and killed before it was written down: at most one on each of the threads.
        self.assertLessEqual(len(times.keys() - begun), threads)
        self.assertLessEqual(len(begun - unfinished - ended), threads)
        print(f"{len(ended)} ended and {len(unfinished)} open at the kill; {len(times)} arrived")

# SPDX-License-Identifier: Apache-2.0
"""The backend that counts and keeps nothing: for more spans than a file of them could hold."""

import json
import subprocess

import harness


class CountingSink:
    def __init__(self, workspace, live_ms=0):
        self.process = harness.Process(workspace, "sink", [harness.BUILD / "tests/integration/counting_sink", live_ms],
                                       stdin=subprocess.PIPE)
        self.port = int(harness.wait_until(lambda: "\n" in self.process.stdout() and self.process.stdout().split("\n")[0],
                                           "the sink listens"))
        self.read = 0

    def tell(self, word):
        self.process.popen.stdin.write(f"{word}\n".encode())
        self.process.popen.stdin.flush()

    def answer(self, word, last):
        before = self.process.stdout().count(last)
        self.tell(word)
        harness.wait_until(lambda: self.process.stdout().count(last) > before, f"the sink did {word}", 600)

    def change(self, word):
        self.answer(word, f"did {word}\n")

    def report(self):
        """By second, and of all."""
        self.answer("report", "end\n")
        lines = self.process.stdout().split("\nend\n")[-2].split("\n")
        rows = [json.loads(line) for line in lines if line.startswith("{")]
        return rows[:-1], rows[-1]

# SPDX-License-Identifier: Apache-2.0
"""More operations than anybody can look at: each span has a name of its own.

60,000, or as many as SPANRING_OPERATIONS says (a million takes a minute, and is what docs/performance.md has).
"""

import json
import os
import pathlib
import re
import subprocess
import time

import harness
from page_server import PageCase

OPERATIONS = harness.BUILD / "tests/integration/operations"
COUNT = int(os.environ.get("SPANRING_OPERATIONS", "60000"))
FIRST = 20_000             # more than the agent tells apart
OF_A_SERVICE = 1_000       # it tells apart
OF_A_SEARCH = 50_000       # the command does
MEMORY = 64 << 20          # that the agent may need more for all than for the first: what is on its way


def memory_of(process, what="VmRSS"):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)[1]) << 10


class ManyOperations(PageCase):
    def ask_command(self, *words):
        begin = time.monotonic()
        done = subprocess.run(self.words(*words, "--json"), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=harness.environment(), timeout=harness.WATCHDOG)
        self.assertEqual(done.returncode, 0, done.stderr)
        print(f"spanring {' '.join(words)}: {time.monotonic() - begin:.2f} s, load {os.getloadavg()[0]:.1f}")
        return json.loads(done.stdout)

    def counted(self, *words):
        """(operations, spans, those that are folded), of spans that are all there."""
        answer = self.ask_command("ops", *words, "--limit", "0")
        others = [row["spans"] for row in answer["operations"] if row["name"] == "(others)"]
        self.assertEqual(answer["folded"], bool(others))
        self.assertEqual(sum(row["spans"] for row in answer["operations"]), answer["spans"])
        return len(answer["operations"]) - len(others), answer["spans"], sum(others)

    def test_what_is_beyond_the_limits_is_one_and_is_told(self):
        agent = self.workspace.agent()
        spans = harness.Process(self.workspace, "operations", [OPERATIONS, "shop", COUNT], stdin=subprocess.PIPE,
                                env=harness.environment(SPANRING_DIR=self.workspace.segments))
        top = harness.Process(self.workspace, "top", self.words("top"), env=harness.environment())
        memory = []
        made = 0
        for more in (FIRST, COUNT - FIRST):
            begin = time.monotonic()
            spans.popen.stdin.write(f"{more}\n".encode())
            spans.popen.stdin.flush()
            made += more
            harness.wait_until(lambda: self.ask_command("ops", "--limit", "1")["spans"] == made, "all are counted")
            print(f"{more} spans, each an operation, are in the store after {time.monotonic() - begin:.1f} s")
            memory.append(memory_of(agent))
        self.assertEqual(spans.stdout().split(), [str(FIRST), str(COUNT - FIRST)], "each was recorded")
        print("the agent's memory after the first, and after all:", *(f"{bytes >> 10} KiB" for bytes in memory))
        self.assertLess(memory[1] - memory[0], MEMORY)

        # As the agent counted them, and as the command counts what is in the store.
        self.assertEqual(self.counted(), (OF_A_SERVICE, COUNT, COUNT - OF_A_SERVICE))
        told_apart = min(COUNT, OF_A_SEARCH)
        self.assertEqual(self.counted("name~operation-"), (told_apart, COUNT, COUNT - told_apart))
        table = subprocess.run(self.words("ops"), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               env=harness.environment(), timeout=harness.WATCHDOG)
        self.assertRegex(table.stdout, r"shop +\(others\) +" + str(COUNT - OF_A_SERVICE))
        self.assertIn("the rest is (others)", table.stderr)
        harness.wait_until(lambda: re.search(r"shop +\(others\)", top.stdout()), "top shows them as one")
        print(f"top's memory: {memory_of(top, 'VmHWM') >> 10} KiB")
        top.stop(-15)

        # A name that was folded is found none the less.
        last = f"operation-{COUNT - 1}"
        (trace,) = self.ask_command("traces", f"name={last}")["traces"]
        self.assertEqual(trace["root"], last)

        page = self.page()
        self.enter()
        answer = self.get("/api/operations", limit=1000)
        self.assertEqual((answer["folded"], answer["all"], len(answer["operations"])), (True, OF_A_SERVICE + 1, 1000))
        self.assertIn("(others)", [row["name"] for row in answer["operations"]])
        answer = self.get("/api/operations", q="name~operation-", limit=1000)
        self.assertEqual((answer["folded"], answer["spans"]), (COUNT > OF_A_SEARCH, COUNT))
        (trace,) = self.get("/api/search", q=f"name={last}")["traces"]
        self.assertEqual(trace["root"], last)
        self.assertEqual(len(self.get("/api/search", limit=1000)["traces"]), 1000)
        (service,) = self.get("/api/map", spans=1_000_000)["services"]
        self.assertEqual(service["spans"], min(COUNT, 1_000_000))
        print(f"the page's memory: {memory_of(page, 'VmHWM') >> 10} KiB")


if __name__ == "__main__":
    harness.main()

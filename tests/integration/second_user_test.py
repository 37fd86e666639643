# SPDX-License-Identifier: Apache-2.0
"""What one user can do to the others through the agent that serves them all: nothing that costs them a span."""

import subprocess

import harness
from comparison import compare, records
from otlp_json import Received
from users import AllUsersCase

FILES = 100_000


class SecondUser(AllUsersCase):
    """Alice is honest, Bob is not."""

    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector().start()
        self.folder = self.parent / str(self.bob)

    def bobs(self, script, *arguments):
        """A program of Bob's, in Python: until its input ends."""
        return harness.Process(self.workspace, "bob",
                               [*self.as_user(self.bob), "/usr/bin/python3", "-I", "-c", script, self.folder, *arguments],
                               stdin=subprocess.PIPE, cwd="/")

    def honest(self, seed, *arguments):
        return self.producer(self.alice, "--seed", seed, "--count", 3000, "--flush", 60, *arguments)

    def check_honest(self, agent, producers):
        for producer in producers:
            producer.expect(0)
        self.assertTrue(agent.running(), agent.stderr())
        agent.stop()
        self.collector.stop()
        received = Received(self.collector.received).by_identity()
        mine = {identity: spans for identity, spans in received.items()
                if not any("bob" in str(item) for item in spans[0].resource.get("attributes", []))}
        compare(records(producers), mine)

    def test_a_hundred_thousand_files_that_are_no_segments(self):
        maker = self.bobs(f"""
import os, sys
os.chdir(sys.argv[1])
for number in range({FILES}):
    os.close(os.open(f"{{number:032x}}.spr", os.O_CREAT | os.O_WRONLY, 0o600))
print("made", flush=True)
sys.stdin.read()
""")
        maker.wait_for_line("made")
        agent = self.agent("--endpoint", self.collector.endpoint)
        producers = [self.honest(seed) for seed in range(3)]
        own = self.producer(self.bob, "--seed", 9, "--count", 100, "--flush", 60)
        own.expect(0)  # even its own, which the kernel tells of
        self.check_honest(agent, producers + [own])
        self.assertLess(len(agent.stderr().splitlines()), 200, "not a line for each")

    def test_directories_and_files_that_come_and_go_all_the_time(self):
        """In its own directory, under two names of segments; above it where anybody may."""
        agent = self.agent("--endpoint", self.collector.endpoint)
        flood = self.bobs("""
import os, select, sys
os.chdir(sys.argv[1])
names = [f"{number:032x}.spr" for number in (1, 2)]
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for name in names * 100:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o600))
""")
        flood.wait_for_line("ready")
        producers = [self.honest(seed) for seed in range(3)]
        for producer in producers:
            producer.expect(0)
        flood.end_input()
        flood.expect(0)
        self.check_honest(agent, producers)

    def rival(self, *arguments):
        rival = harness.Process(self.workspace, "rival", [*self.as_user(self.bob), harness.BUILD / "tests/integration/rival",
                                                          *arguments],
                                stdin=subprocess.PIPE, env=harness.environment(SPANRING_DIR=self.folder))
        rival.wait_for_line("ready")
        return rival

    def test_more_segments_than_all_users_may_have(self):
        agent = self.agent("--endpoint", self.collector.endpoint, before=["prlimit", "--nofile=256:256"])  # 192 for segments
        rival = self.rival("segments", "250")
        harness.wait_until(lambda: len(self.segments(self.bob)) == 250, "Bob has his segments")
        harness.wait_until(lambda: "the others wait" in agent.stderr(), "the agent has taken what it takes of him")
        self.check_honest(agent, [self.honest(seed) for seed in range(3)])
        rival.end_input()
        rival.expect(0)


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""What one user can do to the others through the agent that serves them all: nothing that costs them a span."""

import pathlib
import re
import socket
import subprocess
import urllib.request

import harness
from comparison import compare, records
from otlp_json import Received
from users import AllUsersCase

FILES = 100_000
MEMORY = 64 << 20  # of the agent, whatever one user does: docs/security.md

# What Bob does on a bad day, each as a program of its own, until he ends it. Places in a segment: docs/shared-memory.md.
COMMON = """
import fcntl, mmap, os, random, select, signal, struct, sys, time
os.chdir(sys.argv[1])
number, original = int(sys.argv[2]), sys.argv[3]
INSTANCE, SIZE, LIMIT, WRITER, WORDS, GROUPS = 56, 40, 48, 0x3000, 0x2b000, 0x14d000
def name_of(instance): return instance.hex() + ".spr"
def ready(): print("ready", flush=True)
def goes_on(seconds=0): return not select.select([sys.stdin], [], [], seconds)[0]
def forge(count, extents=None):
    # A file like the real one, alive as long as this process, and as sparse as can be.
    made = []
    with open(original, "rb") as file: content = bytearray(file.read(GROUPS))
    for _ in range(count):
        instance = random.randbytes(16)
        content[INSTANCE:INSTANCE + 16] = instance
        size, limit = struct.unpack_from("<QI", content, SIZE)
        if extents == "all":
            struct.pack_into("<I", content, WRITER, limit)
            for extent in range(limit): struct.pack_into("<Q", content, WORDS + 8 * extent, 1 if extent < 8192 else 3)
        temporary = "making-" + instance.hex()
        file = os.open(temporary, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(file, content, 0)
        os.ftruncate(file, size)
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqixxxx", fcntl.F_WRLCK, 0, 0, 1, 0))
        os.rename(temporary, name_of(instance))
        made.append((name_of(instance), file, size))
    return made
"""
LEASES = """
signal.signal(signal.SIGIO, signal.SIG_IGN)
held = []
ready()
while goes_on(0.05):
    name = name_of(random.randbytes(16))
    file = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(file, 1 << 20)
    os.close(file)
    held.append(os.open(name, os.O_RDONLY))
    try:
        fcntl.fcntl(held[-1], fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError:
        pass  # the agent has it open
"""
MANY_FILES = """
for each in range(20_000): os.close(os.open(f"{each:032x}.spr", os.O_CREAT | os.O_WRONLY, 0o600))
ready()
while goes_on(1): pass
"""
COME_AND_GO = """
names = [f"{each:031x}f.spr" for each in (1, 2)]
ready()
while goes_on():
    for name in names * 100: os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o600))
"""
SPARSE = """
files = forge(20, "all")
ready()
while goes_on(1): pass
"""
CUT = """
ready()
while goes_on(0.05):
    for name, file, size in forge(2):
        time.sleep(0.02)
        os.ftruncate(file, random.choice([0, 4096, GROUPS, GROUPS + 4096]))
        os.close(file)
        os.unlink(name)
"""
BELLS = """
files = forge(20)
ready()
while goes_on():
    for name, file, size in files * 50:
        os.pwrite(file, bytes(8), 0x1000)  # whatever the agent says, it is rung
        os.close(os.open(name, os.O_WRONLY))
"""
ATTACKS = [LEASES, MANY_FILES, COME_AND_GO, SPARSE, CUT, BELLS]


def own_memory(pid):
    """Pages of segments are the others'."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", status).group(1))


class SecondUser(AllUsersCase):
    """Alice is honest, Bob is not."""

    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector().start()
        self.folder = self.parent / str(self.bob)
        self.attackers, self.producers = [], []

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

    def rival(self, *arguments, memory="1MiB"):
        rival = harness.Process(self.workspace, "rival", [*self.as_user(self.bob), harness.BUILD / "tests/integration/rival",
                                                          *arguments],
                                stdin=subprocess.PIPE, env=harness.environment(SPANRING_DIR=self.folder, SPANRING_MEMORY_LIMIT=memory))
        rival.wait_for_line("ready")
        return rival

    def test_a_worst_day(self):
        """Everything at once, beside Alice's processes: what fits their rings arrives, and the agent keeps its bound."""
        template = self.rival("segments", "1", memory="1GiB")
        harness.wait_until(lambda: self.segments(self.bob), "Bob has his segment")
        original, = self.segments(self.bob)
        for number, attack in enumerate(ATTACKS):
            self.start_attack(attack, number, original)
        agent = self.agent("--endpoint", self.collector.endpoint, "--metrics-address", "127.0.0.1:0",
                           before=["prlimit", "--nofile=512:512"])
        address = re.search(r"metrics=http://([^:]+):(\d+)/", agent.wait_for_line("spanring-agent ready:", stream="stderr"))
        silent = [socket.create_connection((address.group(1), int(address.group(2)))) for _ in range(200)]
        rivals = [template, self.rival("segments", "400"), self.rival("flush"), self.rival("flush")]
        for round_of_producers in range(3):
            producers = [self.honest(10 * round_of_producers + seed) for seed in range(3)]
            for producer in producers:
                producer.expect(0)
            self.producers += producers
            self.assertLess(own_memory(agent.pid), MEMORY)
        with urllib.request.urlopen(f"http://{address.group(1)}:{address.group(2)}/metrics", timeout=harness.WATCHDOG) as page:
            self.assertIn("spanring_spans_started_total", page.read().decode())
        self.assertTrue(all(attacker.running() for attacker in self.attackers), "each went on to the end")
        for process in self.attackers + rivals:
            process.kill()
        for connection in silent:
            connection.close()
        self.check_honest(agent, self.producers)

    def start_attack(self, script, number, original):
        attacker = self.bobs(COMMON + script, number, original)
        attacker.wait_for_line("ready")
        self.attackers.append(attacker)

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

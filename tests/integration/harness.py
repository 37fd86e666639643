# SPDX-License-Identifier: Apache-2.0
"""Starts and ends what the integration tests need: an agent, a Collector, producers, each in folders of the test alone.

Nothing here waits for a time: wait_until() waits for an event, and a watchdog ends a test whose event never comes. Only
processes that were started here are ended, by their id.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("SPANRING_BUILD", SOURCE / "build")).resolve()
# A system call that is missing in the agent's list kills it here; elsewhere it is refused, which may pass unseen.
SECCOMP = ["--seccomp", "kill"] if os.environ.get("SPANRING_SECCOMP") == "1" else []
WATCHDOG = float(os.environ.get("SPANRING_WATCHDOG", "90"))  # seconds
QUIET = "60s"  # for what is on its way to arrive: a request that timed out, its pause and the next are more than ten
# An agent of the tests waits for its backend as long as this, where a configuration does not say how long. Whatever a request that is
# given up for its time holds comes twice, rightly, or lies in the spool when the agent ends; and a busy machine's Collector may take
# more than the default of ten seconds. A flush waits for all of that: under load for as long as a busy machine's Collector takes.
PATIENT = {"OTEL_EXPORTER_OTLP_TIMEOUT": "600000"}  # ms
PATIENT_FLUSH = int(2 * WATCHDOG) - 20  # seconds: who waits for two watchdogs is told that it was not served

AGENT = BUILD / "agent/spanring-agent"
COMMAND = BUILD / "agent/spanring"
PRODUCER = pathlib.Path(os.environ.get("SPANRING_PRODUCER", BUILD / "tests/integration/producer"))
COLLECTOR = BUILD / "collector/collector"

RESERVED = []  # see free_port()

EXIT_WRONG = 2      # wrong flag or configuration
EXIT_TEMPFAIL = 75  # sysexits.h: another agent serves these folders


def environment(**more):
    """Nothing of the caller's settings but where programs and temporary files are."""
    names = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "LANG", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**kept, **{name: str(value) for name, value in more.items()}}


def wait_until(event, what, seconds=WATCHDOG):
    """Waits until event() is true, and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = event()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"watchdog: after {seconds:.0f} s still not so: {what}")
        time.sleep(0.02)


class Process:
    """A child of this test, its output in files; ended, at the latest, with the workspace."""

    def __init__(self, workspace, name, command, **options):
        self.name = name
        self.output = workspace.unique(f"{name}.out")
        self.errors = workspace.unique(f"{name}.err")
        options.setdefault("stdin", subprocess.DEVNULL)
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            self.popen = subprocess.Popen([str(word) for word in command], stdout=output, stderr=errors, **options)
        workspace.processes.append(self)

    @property
    def pid(self):
        return self.popen.pid

    def stdout(self):
        return self.output.read_text(errors="replace")

    def stderr(self):
        return self.errors.read_text(errors="replace")

    def running(self):
        return self.popen.poll() is None

    def threads(self):
        """Folders in /proc of those that there are now, and their names."""
        threads = {}
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                threads[task] = (task / "comm").read_text(encoding="ascii").strip()
        return threads

    def thread(self, name):
        """The folder of one; a program may be ready before each of its threads has its name."""
        return wait_until(lambda: [task for task, its_name in self.threads().items() if its_name == name], f"there is a thread {name}")[0]

    def wait_for_line(self, beginning, stream="stdout"):
        def found():
            text = getattr(self, stream)()
            for line in text.splitlines(keepends=True):
                if line.startswith(beginning) and line.endswith("\n"):
                    return line.rstrip("\n")
            if not self.running():
                raise AssertionError(f"{self.name} ended with {self.popen.returncode}, and never said '{beginning}':\n"
                                     f"{self.stdout()}{self.stderr()}")
            return None
        return wait_until(found, f"{self.name} says '{beginning}'")

    def wait(self, seconds=WATCHDOG):
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"watchdog: {self.name} does not end:\n{self.stderr()[-4000:]}") from None

    def expect(self, code, seconds=WATCHDOG):
        got = self.wait(seconds)
        if got != code:
            raise AssertionError(f"{self.name} ended with {got}, not {code}:\n{self.stdout()[-2000:]}{self.stderr()[-4000:]}")

    def send(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """SIGKILL, and reaped."""
        self.popen.kill()
        return self.popen.wait()

    def stop(self, code=0):
        """SIGTERM, and it must end in good order."""
        self.popen.terminate()
        self.expect(code)

    def end_input(self):
        self.popen.stdin.close()


class Workspace:
    """Private folders on tmpfs; everything in it ends and goes with it."""

    def __init__(self):
        base = pathlib.Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spanring-test-", dir=base))
        self.segments = self.folder / "segments"
        self.segments.mkdir(mode=0o700)
        self.state = self.folder / "state"
        self.processes = []
        self.names = 0

    def unique(self, name):
        self.names += 1
        return self.folder / f"{self.names:03}-{name}"

    def close(self):
        for process in reversed(self.processes):
            if process.running():
                process.send(signal.SIGCONT)
                process.kill()
            if process.popen.stdin:
                process.popen.stdin.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def agent(self, *arguments, directory=None, state=None, env=None, program=AGENT):
        """A running agent, ready."""
        process = self.start_agent(*arguments, directory=directory, state=state, env=env, program=program)
        process.wait_for_line("spanring-agent ready:", stream="stderr")
        return process

    def start_agent(self, *arguments, directory=None, state=None, env=None, program=AGENT):
        command = [program, "--directory", directory or self.segments, "--state-dir", state or self.state,
                   *SECCOMP, *arguments]
        return Process(self, "agent", command, env=environment(**{**PATIENT, **(env or {})}))

    def producer(self, *arguments, env=None, name="producer"):
        """A producer and the file in which it says what it set."""
        record = self.unique("record.jsonl")
        command = [PRODUCER, "--record", record, *arguments]
        process = Process(self, name, command, stdin=subprocess.PIPE,
                          env=environment(**{"SPANRING_DIR": self.segments, **(env or {})}))
        process.record = record
        return process

    def collector(self, port=None):
        return Collector(self, port)

    def command(self, *arguments):
        """What `spanring ...` says of these folders."""
        ended = subprocess.run([COMMAND, "--state-dir", self.state, "--directory", self.segments, *arguments],
                               stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(),
                               timeout=WATCHDOG)
        if ended.returncode != 0:
            raise AssertionError(f"spanring {' '.join(arguments)} ended with {ended.returncode}:\n"
                                 f"{ended.stdout[-2000:]}{ended.stderr}")
        return ended.stdout

    def reload(self):
        """What `spanring reload` says, and whether the agent did it."""
        ended = subprocess.run([COMMAND, "--state-dir", self.state, "--directory", self.segments, "reload", "--json"],
                               stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(), timeout=2 * WATCHDOG)
        if ended.stderr or ended.returncode not in (0, 1):
            raise AssertionError(f"spanring reload ended with {ended.returncode}: {ended.stderr}")
        said = json.loads(ended.stdout)
        if said["reloaded"] != (ended.returncode == 0):
            raise AssertionError(f"spanring reload ended with {ended.returncode}: {said}")
        return said

    def accounting(self):
        """Of every process, once nothing moves any more. It must come out."""
        accounting = json.loads(self.command("accounting", "--wait", QUIET, "--json"))
        if accounting["verdict"] != "OK" or not accounting["quiet"]:
            raise AssertionError(f"the accounting does not come out:\n{self.command('accounting')}")
        return accounting["processes"]

    def unacknowledged(self):
        """By service, at this moment: with no agent there it can only grow. It is what may come once more after a kill, for what was
        answered and not yet booked then is sent again. What the killed agent began is settled first."""
        processes = json.loads(self.command("ps", "--json"))["processes"]
        return {process["service"]: process["exporters"][0]["pending_ring"] + process["open"] for process in processes}

    def is_quiet(self):
        return json.loads(self.command("accounting", "--json"))["quiet"]

    def segment_files(self):
        """Beside them an agent keeps its lock there."""
        return sorted(self.segments.glob("*.spr"))


class Collector:
    """The OpenTelemetry Collector: OTLP in, a file of JSON lines out. Goes on with its file when started again."""

    def __init__(self, workspace, port=None):
        self.workspace = workspace
        self.port = port or free_port()
        self.http_port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"  # gRPC
        self.http_endpoint = f"http://127.0.0.1:{self.http_port}"
        self.received = workspace.unique("received.jsonl")
        self.received.touch()
        self.configuration = workspace.unique("collector.yaml")
        self.configuration.write_text(CONFIGURATION.format(port=self.port, http_port=self.http_port,
                                                           path=self.received, rotation=json.dumps(ROTATION)))
        self.process = None

    def start(self):
        build_collector()
        self.process = Process(self.workspace, "collector", [COLLECTOR, "--config", f"file:{self.configuration}"],
                               env=environment())
        wait_until(self.accepts, "the Collector listens")
        self.had = self.received.stat().st_size
        return self

    def accepts(self):
        if not self.process.running():
            raise AssertionError(f"the Collector ended: {self.process.stderr()}")
        try:
            for port in (self.port, self.http_port):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self):
        """In good order: everything that it answered for is in the file then. It listens to SIGTERM a moment later than to its
        ports: who is asked to end before that just ends, and has answered for nothing."""
        self.process.popen.terminate()
        if self.process.wait() != -signal.SIGTERM or self.received.stat().st_size != self.had:
            self.process.expect(0)


# Never reached. Who rotates writes to its file at once: what the Collector answered for is there, even where it is killed, and a test
# that saw the answer counted finds it. Without, the exporter flushes what it buffers now and then.
ROTATION = {"max_megabytes": 1_000_000}
CONFIGURATION = """
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:{port}
      http:
        endpoint: 127.0.0.1:{http_port}
exporters:
  file:
    path: {path}
    rotation: {rotation}
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [file]
"""


def build_collector():
    if os.environ.get("SPANRING_COLLECTOR_READY") != "1":
        build_go("collector", COLLECTOR)


def build_go(folder, program):
    """Builds what is in this folder of the tests, once. Where Go is missing or too old the test is skipped, visibly."""
    if program.exists() and not os.access(program.parent, os.W_OK):
        return  # built by another user, who saw to it that it is new
    status = subprocess.run([SOURCE / "tools/go_build", HERE / folder, program], stdin=subprocess.DEVNULL).returncode
    if status == 77:
        raise unittest.SkipTest(f"{folder} needs a newer Go to be built")
    if status != 0:
        raise AssertionError(f"{folder} cannot be built")


def end_all(producers, seconds=WATCHDOG):
    """Endless ones: they make no more spans, and end in good order."""
    for producer in producers:
        producer.end_input()
    for producer in producers:
        producer.expect(0, seconds)


def free_port():
    """A port of this test alone, until it ends: of those that the kernel gives to nobody who asks for any, as for a connection's own
    end, and of which no other test on this machine has the name."""
    end = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(min(10_000, end // 2), end)
        reserved = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            reserved.bind(f"\0spanring-test-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            reserved.close()
            continue
        RESERVED.append(reserved)
        return port


class Case(unittest.TestCase):
    """A test with a workspace of its own."""

    maxDiff = 4000

    def setUp(self):
        self.workspace = Workspace()
        self.addCleanup(self.workspace.close)

    def tearDown(self):
        if self._outcome.success:
            return
        for process in self.workspace.processes:
            said = process.stderr()[-3000:]
            if said:
                print(f"---- {process.name} {process.pid} said:\n{said}", file=sys.stderr)


def main():
    """Runs the cases of the calling file: 0, 1, or 77 where every one was skipped."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun == 0:
        print("no test ran", file=sys.stderr)
        sys.exit(1)
    sys.exit(77 if len(result.skipped) == result.testsRun else 0)

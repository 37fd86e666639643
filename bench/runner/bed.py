# SPDX-License-Identifier: Apache-2.0
"""What measures stand on: folders of this run alone on tmpfs, sinks, agents; all of it ends and goes with the bed."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from worker import Gone, Program, Worker

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import shop_requests  # noqa: E402

AGENT_CORE = 1  # agents, sinks, daemons, the SDKs' own threads; applications run on core 0


class Bed:
    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spanring-bench-", dir=base))
        self.programs = []
        self.names = 0
        self.requests = shop_requests.write(self.folder / "requests.tsv")

    def path(self, name):
        self.names += 1
        return self.folder / f"{self.names:03}-{name}"

    def keep(self, program):
        self.programs.append(program)
        return program

    def stop(self, program):
        self.programs.remove(program)
        program.stop()

    def worker(self, name, *arguments, core=AGENT_CORE, environment=None):
        return self.keep(Worker([self.build / "bench" / name, *arguments], core, environment, self.path(f"{name}.log")))

    def peer(self, name, *arguments, environment=None):
        program = self.build / "peers" / name
        if not program.exists():
            reason = self.build / "peers" / f"{name}.missing"
            raise Gone(reason.read_text().strip() if reason.exists() else f"{name} is not built")
        return self.keep(Worker([program, *arguments], AGENT_CORE, environment, self.path(f"{name}.log")))

    def sink(self):
        return self.worker("otlp_sink")

    def http_sink(self):
        return self.worker("http_sink")

    def agent(self, endpoint=None, configuration=None):
        return Agent(self, endpoint, configuration)

    def close(self):
        for program in reversed(self.programs):
            program.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Agent(Program):
    """The real agent with folders of its own, and the applications that it drains."""

    def __init__(self, bed, endpoint, configuration):
        self.bed = bed
        self.segments = bed.path("segments")
        self.segments.mkdir(mode=0o700)
        command = [bed.build / "agent/spanring-agent", "--directory", self.segments, "--state-dir", bed.path("state")]
        if configuration is not None:
            file = bed.path("agent.yaml")
            file.write_text(configuration)
            command += ["--config", file]
            checked = subprocess.run([*map(str, command), "validate"], stdin=subprocess.DEVNULL,
                                     capture_output=True, text=True)
            if checked.returncode != 0:
                raise Gone("not available: " + (checked.stderr.strip().splitlines() or ["refused"])[-1].split(": ", 2)[-1])
        else:
            command += ["--endpoint", f"http://{endpoint}"]
        self.command = command
        self.run()

    def run(self):
        log = self.bed.path("agent.log")
        super().__init__(self.command, AGENT_CORE, log=log)
        self.bed.keep(self)
        self.wait_until_ready(log)

    def kill_and_start_again(self):
        """By SIGKILL; the next one has the same folders."""
        self.process.kill()
        self.bed.stop(self)
        self.run()

    def wait_until_ready(self, log):
        deadline = time.monotonic() + 30
        while "spanring-agent ready:" not in log.read_text(errors="replace"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Gone(f"the agent does not start{self.last_words()}")
            time.sleep(0.01)

    def application(self, shape="three", core=0, program="span_worker", **environment):
        return self.bed.worker(program, shape, core, self.bed.requests, core=core,
                               environment={"SPANRING_DIR": self.segments, **environment})

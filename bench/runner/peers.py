# SPDX-License-Identifier: Apache-2.0
"""What people use today, on the same span, each with its best sensible settings. A peer that is not installed has a row that
says so (bench/peers/NAME/build.sh says why)."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

from agent_cost import BATCH
from bed import AGENT_CORE
from measure import BURST, BYTES, LARGE_BYTES, MILLION, Measure
from memory import RATE, peaks
from worker import Gone, Program

SETTINGS = {
    "opentelemetry_rust": "batch processor, queue 65,536, batches of 8,192; OTLP/gRPC (tonic), no compression; "
                          "attributes given at the start; static strings, but for the shapes, which have owned ones",
    "opentelemetry_cpp": "batch processor, queue 65,536, batches of 8,192; OTLP/gRPC, no compression; attributes given at "
                         "the start",
    "opentelemetry_go": "batch processor, queue 65,536, batches of 8,192; OTLP/gRPC, no compression; GOMAXPROCS 2",
    "lttng": "one begin and one end event, user space, 8 sub-buffers of 8 MiB a core, the reader is woken by full ones "
             "(no timer), trace on tmpfs; losses as it counts them itself",
    "iceoryx": "loan, copy, publish; chunks of 256 bytes; one subscriber with a queue of 256 that reads every 0.2 ms",
    "collector": "receivers otlp (gRPC), processors memory_limiter (512 MiB) and batch (8,192; 200 ms), exporter "
                 "otlp without compression; senders' requests of 512 spans",
    "collector_zstd": "the same with exporter otlphttp and zstd (its default level), into an HTTP sink",
}
BATCH_PROCESSOR = {"OTEL_BSP_MAX_QUEUE_SIZE": 65536, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": BATCH,
                   "OTEL_BSP_SCHEDULE_DELAY": 200, "OTEL_LOG_LEVEL": "error"}


PEERS = pathlib.Path(__file__).resolve().parent.parent / "peers"


def version(name):
    """That is built here: of lock files and of Debian's packages."""
    def find(file, pattern):
        found = re.search(pattern, (PEERS / file).read_text())
        return found.group(1) if found else ""

    def debian(package):
        asked = subprocess.run(["dpkg-query", "-W", "-f=${source:Upstream-Version}", package], capture_output=True, text=True)
        return asked.stdout

    return {
        "opentelemetry_rust": lambda: find("opentelemetry_rust/Cargo.lock", r'name = "opentelemetry_sdk"\nversion = "(.*)"'),
        "opentelemetry_go": lambda: find("opentelemetry_go/go.mod", r"go.opentelemetry.io/otel/sdk v(\S+)"),
        "opentelemetry_cpp": lambda: debian("opentelemetry-cpp-dev"),
        "lttng": lambda: debian("liblttng-ust-dev"),
        "iceoryx": lambda: debian("libiceoryx-posh-dev"),
    }.get(name, lambda: find("collector/go.mod", r"collector/otelcol v(\S+)"))()


def keys(name, *what):
    return tuple(f"peer.{name}.{one}" for one in what)


class SdkBurst(Measure):
    """The application's thread while the SDK's exports on core 1: a burst fills several of its batches, fits into its
    queue, and is flushed before the next."""

    BURST = 40_000

    def __init__(self, name, shape=None):
        self.name = name
        self.shape = shape
        self.keys = keys(name, "app_span_ns")

    def start(self, bed, place):
        load = (bed.requests, self.shape) if self.shape else ()
        self.worker = bed.peer(self.name, place.endpoint, *load, environment=BATCH_PROCESSOR)
        self.worker.ask("burst", 1, self.BURST)

    def round(self):
        return {self.keys[0]: self.worker.ask("burst", 3, self.BURST)["ns"]}


class SdkShape(Measure):
    """The same for a shape, each span with what another request says: strings that the SDK has to copy. What one of them
    cannot say does not come: all that was made must arrive."""

    SDKS = {"rust_ns": "opentelemetry_rust", "cpp_ns": "opentelemetry_cpp"}

    def __init__(self, shape, key, each):
        self.shape = shape
        self.name = self.SDKS[key]
        self.each = each  # spans of a call
        self.keys = (f"shape.{shape}.{key}",)

    def start(self, bed, place):
        self.sink = place.sink
        self.bursts = 1 if place.once else 3
        self.calls = (100 if place.once else SdkBurst.BURST) // self.each
        self.worker = bed.peer(self.name, place.endpoint, bed.requests, self.shape, environment=BATCH_PROCESSOR)
        self.worker.ask("burst", 1, self.calls)

    def round(self):
        self.sink.ask("count")
        answer = self.worker.ask("burst", self.bursts, self.calls)
        arrived, made = self.sink.ask("count")["spans"], self.each * self.bursts * self.calls
        if arrived != made:
            raise Gone(f"{self.name} made {made} spans, and {arrived:.0f} arrived")
        return {self.keys[0]: answer["ns"]}


class SdkFlat(Measure):
    """As fast as it goes: CPU of the whole process for a span that arrived; what the full queue dropped."""

    def __init__(self, name, shape=None):
        self.name = name
        self.shape = shape
        self.keys = keys(name, "cpu_ns_per_span", "spans_per_s", "lost_percent")

    def start(self, bed, place):
        self.sink = place.sink
        self.spans = 200_000 if place.quick else MILLION
        load = (bed.requests, self.shape) if self.shape else ()
        self.worker = bed.peer(self.name, place.endpoint, *load, environment=BATCH_PROCESSOR)
        self.worker.ask("flat", 50_000)

    def round(self):
        self.sink.ask("count")
        before = self.worker.cpu_ns()
        flat = self.worker.ask("flat", self.spans)
        arrived = self.sink.ask("count")["spans"]
        used = self.worker.cpu_ns() - before
        return dict(zip(self.keys, (used / arrived, arrived / flat["seconds"], 100 * (1 - arrived / self.spans))))


class LttngSession:
    """A session daemon of our own, ended by its id. Trace files are kept small by rotation: the bytes are written."""

    def __init__(self, bed):
        if shutil.which("lttng") is None:
            raise Gone("lttng-tools is not installed")
        self.home = bed.path("lttng")
        self.home.mkdir(mode=0o700)
        self.environment = {"LTTNG_HOME": self.home, "LTTNG_UST_REGISTER_TIMEOUT": "5000"}
        if self.lttng("list", check=False) == 0:
            raise Gone("another LTTng session daemon is running")
        self.daemon = bed.keep(Program(["lttng-sessiond", "--no-kernel"], AGENT_CORE, self.environment,
                                       bed.path("sessiond.log")))
        deadline = time.monotonic() + 20
        while self.lttng("list", check=False) != 0:
            if self.daemon.process.poll() is not None or time.monotonic() > deadline:
                raise Gone(f"lttng-sessiond does not start{self.daemon.last_words()}")
            time.sleep(0.1)
        self.lttng("create", "bench", f"--output={self.home}/trace")
        self.lttng("enable-channel", "--userspace", "--session=bench", "--subbuf-size=8M", "--num-subbuf=8",
                   "--tracefile-size=16777216", "--tracefile-count=2", "spans")
        self.lttng("enable-event", "--userspace", "--session=bench", "--channel=spans", "spanring_bench:*")
        self.lttng("start", "bench")

    def lttng(self, *words, check=True):
        command = ["lttng", "--no-sessiond", *words]
        ended = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                               env={**os.environ, **{name: str(value) for name, value in self.environment.items()}})
        if check and ended.returncode != 0:
            raise Gone(f"{' '.join(command)}: {(ended.stderr or ended.stdout).strip()}")
        self.output = ended.stdout
        return ended.returncode

    def discarded(self):
        self.lttng("list", "bench")
        return sum(int(count) for count in re.findall(r"Discarded events: (\d+)", self.output))

    def cpu_ns(self):
        """Of the session daemon and of the consumer that it started."""
        total = 0
        for pid in [self.daemon.pid, *children(self.daemon.pid)]:
            try:
                total += time.clock_gettime_ns((~pid << 3) | 2)
            except OSError:
                continue
        return total


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return found


class Lttng(Measure):
    keys = keys("lttng", "app_span_ns", "cpu_ns_per_span", "spans_per_s", "lost_percent")

    def start(self, bed, place):
        self.spans = 200_000 if place.quick else MILLION
        if not (bed.build / "peers/lttng").exists():
            bed.peer("lttng")  # says why
        self.session = LttngSession(bed)
        self.worker = bed.peer("lttng", environment=self.session.environment)
        self.worker.ask("burst", 4, BURST)

    def round(self):
        burst = self.worker.ask("burst", 8, BURST)["ns"]
        discarded = self.session.discarded()
        before = self.worker.cpu_ns() + self.session.cpu_ns()
        flat = self.worker.ask("flat", self.spans)
        used = self.worker.cpu_ns() + self.session.cpu_ns() - before
        lost = min(self.spans, self.session.discarded() - discarded)  # a span without one of its events is lost
        return dict(zip(self.keys, (burst, used / max(1, self.spans - lost), (self.spans - lost) / flat["seconds"],
                                    100 * lost / self.spans)))


ROUDI = """[general]
version = 1

[[segment]]
[[segment.mempool]]
size = 256
count = 10000
"""


class Iceoryx(Measure):
    keys = keys("iceoryx", "app_span_ns", "cpu_ns_per_span", "spans_per_s", "lost_percent")

    def start(self, bed, place):
        self.spans = 200_000 if place.quick else MILLION
        if not (bed.build / "peers/iceoryx").exists():
            bed.peer("iceoryx")  # says why
        configuration = bed.path("roudi.toml")
        configuration.write_text(ROUDI)
        self.daemon = bed.keep(Program(["iox-roudi", "--config-file", configuration, "--monitoring-mode", "off"],
                                       AGENT_CORE, log=bed.path("roudi.log")))
        while "RouDi is ready" not in self.daemon.line(20):
            pass
        self.subscriber = bed.peer("iceoryx", "subscribe", BYTES)
        self.publisher = bed.peer("iceoryx", "publish", BYTES)
        self.publisher.ask("burst", 8, 200)

    def used(self):
        return self.publisher.cpu_ns() + self.subscriber.cpu_ns() + self.daemon.cpu_ns()

    def round(self):
        burst = self.publisher.ask("burst", 100, 200)["ns"]  # a burst fits into the subscriber's queue
        self.subscriber.ask("count")
        before = self.used()
        flat = self.publisher.ask("flat", self.spans)
        used = self.used() - before
        arrived = self.subscriber.ask("count")["spans"]
        return dict(zip(self.keys, (burst, used / arrived, arrived / flat["seconds"], 100 * (1 - arrived / self.spans))))


COLLECTOR = """receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:{port}
        max_recv_msg_size_mib: 64
processors:
  memory_limiter:
    check_interval: 100ms
    limit_mib: 512
  batch:
    send_batch_size: 8192
    timeout: 200ms
exporters:
  {exporter}
service:
  telemetry:
    logs:
      level: error
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [{name}]
"""
QUEUE = "sending_queue: {{num_consumers: 8}}"
OVER_GRPC = ("otlp", "otlp: {{endpoint: {endpoint}, compression: none, tls: {{insecure: true}}, " + QUEUE + "}}")
OVER_HTTP = ("otlphttp", "otlphttp: {{endpoint: 'http://{endpoint}', compression: zstd, " + QUEUE + "}}")


class RunningCollector:
    def __init__(self, bed, endpoint, exporter=OVER_GRPC, size=BYTES):
        program = bed.build / "peers/collector"
        if not program.exists():
            bed.peer("collector")  # says why
        self.port = free_port()
        name, text = exporter
        configuration = bed.path("collector.yaml")
        configuration.write_text(COLLECTOR.format(port=self.port, name=name, exporter=text.format(endpoint=endpoint)))
        log = bed.path("collector.log")
        self.program = bed.keep(Program([program, "--config", configuration], AGENT_CORE, log=log))
        wait_for_port(self.port, self.program)
        self.sender = bed.worker("grpc_sender", f"127.0.0.1:{self.port}", size, 512, 0, core=0)
        self.sender.ask("flat", 20_000)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, program):
    deadline = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if program.process.poll() is not None or time.monotonic() > deadline:
            raise Gone(f"{program.name} does not listen{program.last_words()}")
        time.sleep(0.05)


class CollectorCost(Measure):
    """As fast as it goes, like the other peers, and at 100,000 spans a second; all of its CPU until the last span left."""

    def __init__(self, name, exporter, size=BYTES):
        self.exporter = exporter
        self.size = size
        self.keys = (keys(name, "cpu_ns_per_span_805") if size == LARGE_BYTES else
                     keys(name, "cpu_ns_per_span", "spans_per_s", "lost_percent", "cpu_ns_per_span_100k"))

    def start(self, bed, place):
        self.milliseconds = 500 if place.quick else 2000
        self.spans = 100_000 if place.quick else 500_000
        http = self.exporter is OVER_HTTP
        self.sink = place.http_sink if http else place.sink
        self.running = RunningCollector(bed, place.http_endpoint if http else place.endpoint, self.exporter, self.size)
        self.settle(0)

    def settle(self, wanted):
        """Until the sink has everything, or for a second nothing: (what it counted, when the last came)."""
        arrived, last = 0, time.monotonic()
        while True:
            count = self.sink.ask("count")
            moved = count.get("spans", count["requests"])
            if moved:
                arrived, last = arrived + moved, time.monotonic()
            if (wanted and arrived >= wanted) or time.monotonic() - last > 1:
                return arrived, last
            time.sleep(0.02)

    def load(self, *command):
        """(CPU a span, spans a second, lost percent). The HTTP sink cannot look inside: there it is what was accepted."""
        self.settle(0)
        before, begin = self.running.program.cpu_ns(), time.monotonic()
        sent = self.running.sender.ask(*command)
        offered = sent["spans"] + sent["refused"]
        arrived, last = self.settle(sent["spans"] if self.exporter is OVER_GRPC else 0)
        if self.exporter is OVER_HTTP:
            arrived = sent["spans"]
        return (self.running.program.cpu_ns() - before) / arrived, arrived / (last - begin), 100 * (1 - arrived / offered)

    def round(self):
        values = self.load("flat", self.spans)
        if len(self.keys) > 1:
            values += self.load("paced", RATE, self.milliseconds)[:1]
        return dict(zip(self.keys, values))


class CollectorMemory(Measure):
    keys = keys("collector", "rss_mib_100k", "rss_mib_overload")

    def start(self, bed, place):
        self.bed = bed
        self.seconds = 3 if place.quick else 10
        if not (bed.build / "peers/collector").exists():
            bed.peer("collector")  # says why

    def round(self):
        sink = self.bed.sink()
        running = RunningCollector(self.bed, sink.said[0])
        values = [resident for resident, _ in peaks(running.program, running.sender.ask, sink, self.seconds)]
        for program in (running.sender, running.program, sink):
            self.bed.stop(program)
        return dict(zip(self.keys, values))


def application():
    return [SdkBurst("opentelemetry_rust"), SdkBurst("opentelemetry_cpp", "three"), SdkBurst("opentelemetry_go"), Lttng(),
            Iceoryx()]


def flat_out():
    return [SdkFlat("opentelemetry_rust"), SdkFlat("opentelemetry_cpp", "three"), SdkFlat("opentelemetry_go"),
            CollectorCost("collector", OVER_GRPC),
            CollectorCost("collector_zstd", OVER_HTTP), CollectorCost("collector", OVER_GRPC, LARGE_BYTES),
            CollectorCost("collector_zstd", OVER_HTTP, LARGE_BYTES)]


def memory():
    return [CollectorMemory()]

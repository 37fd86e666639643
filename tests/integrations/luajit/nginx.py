# SPDX-License-Identifier: Apache-2.0
"""Debian's nginx with its Lua module, traced: a gateway and, in another process, upstreams that say what headers came."""

import http.client
import os
import pathlib
import re
import shutil
import signal
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "integration"))
import harness  # noqa: E402

MODULES = pathlib.Path("/usr/lib/nginx/modules")
LUA = harness.SOURCE / "integrations/luajit"
NEEDED = [MODULES / "ndk_http_module.so", MODULES / "ngx_http_lua_module.so", pathlib.Path("/usr/share/lua/5.1/resty/core.lua")]

COMMON = """
{user}
daemon off;
pid {folder}/{name}.pid;
error_log stderr warn;
worker_processes {workers};
worker_shutdown_timeout 30s;
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
{environment}
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/{name}.body;
    proxy_temp_path {folder}/{name}.proxy;
    fastcgi_temp_path {folder}/{name}.fastcgi;
    uwsgi_temp_path {folder}/{name}.uwsgi;
    scgi_temp_path {folder}/{name}.scgi;
    lua_package_path "{lua}/?.lua;;";
    keepalive_requests 100000;
{http}
}}
"""

# Says the headers that came, as lines; /fail/N answers N.
UPSTREAM = """
    server {{
        listen 127.0.0.1:{port};
        location / {{
            content_by_lua_block {{
                local status = tonumber(ngx.var.uri:match("/fail/(%d+)") or ngx.var.uri:match("/down{port}/(%d+)"))
                if status then ngx.status = status end
                local hold = ngx.var.arg_hold
                if hold then ngx.sleep(tonumber(hold)) end
                ngx.say("port {port}")
                for _, name in ipairs {{ "traceparent", "tracestate", "baggage", "b3", "x-b3-traceid" }} do
                    local value = ngx.req.get_headers()[name]
                    if value then ngx.say(name, " ", type(value) == "table" and "several" or value) end
                end
            }}
        }}
    }}
"""


def skip_where_missing():
    missing = [str(path) for path in NEEDED if not path.exists()]
    if shutil.which("nginx", path="/usr/sbin:" + os.environ.get("PATH", "")) is None:
        missing.append("nginx")
    if missing:
        raise unittest.SkipTest(f"Debian's nginx with Lua is not installed (tools/setup): no {', '.join(missing)}")


def skip_without_luajit():
    if shutil.which("luajit") is None:
        raise unittest.SkipTest("luajit is not installed (tools/setup)")


class Nginx:
    """One, with the http block that is given; it listens when it is there."""

    def __init__(self, workspace, name, http_block, ports, workers=1, **environment):
        self.name = name
        self.folder = workspace.folder
        self.configuration = workspace.unique(f"{name}.conf")
        self.configuration.write_text(COMMON.format(
            user="user root;" if os.getuid() == 0 else "", folder=self.folder, name=name, workers=workers, modules=MODULES,
            environment="\n".join(f"env {key};" for key in environment), lua=LUA, http=http_block))
        nginx = shutil.which("nginx", path="/usr/sbin:" + os.environ.get("PATH", ""))
        self.process = harness.Process(workspace, name, [nginx, "-p", self.folder, "-c", self.configuration],
                                       env=harness.environment(LD_LIBRARY_PATH=harness.BUILD / "lib", **environment))
        for port in ports:
            harness.wait_until(lambda: self.listens(port), f"{name} listens")
        harness.wait_until(lambda: len(self.workers()) >= workers, f"{name} has its workers")

    def listens(self, port):
        if not self.process.running():
            raise AssertionError(f"{self.name} ended: {self.process.stderr()}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.WATCHDOG)
        try:
            connection.connect()
            return True
        except OSError:
            return False
        finally:
            connection.close()

    def workers(self):
        """Their ids; those that are about to end for a reload are among them."""
        try:
            return [int(pid) for pid in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]
        except OSError:
            return []

    def kill_worker(self):
        pid = self.workers()[0]
        os.kill(pid, signal.SIGKILL)
        harness.wait_until(lambda: pid not in self.workers(), "the worker is gone")

    def reload(self):
        """New workers; the old ones end when their requests have."""
        before = set(self.workers())
        self.process.send(signal.SIGHUP)
        harness.wait_until(lambda: not before & set(self.workers()) and self.workers(), "the old workers are gone")

    def stop(self):
        self.process.send(signal.SIGQUIT)
        self.process.expect(0)

    def end(self):
        """At once, with its workers, which a master that is killed leaves behind."""
        if self.process.running():
            self.process.send(signal.SIGTERM)
            self.process.wait()

    def complaints(self):
        """What the log says of the module."""
        return re.findall(r".*(?:spanring|lua ).*", self.process.stderr())


def get(port, path, headers=None, method="GET"):
    """Status, and {header: value} of what the upstream said, "port" among them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.WATCHDOG)
    try:
        connection.putrequest(method, path, skip_host="Host" in dict(headers or []))
        for name, value in headers or []:
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
    finally:
        connection.close()
    return response.status, dict(line.split(" ", 1) for line in body.splitlines() if " " in line)

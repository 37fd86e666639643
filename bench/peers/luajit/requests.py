#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tracing adds to a request that nginx proxies: CPU time of the gateway's worker, with spanring.nginx and without it, in turns, in one
worker, with the agent draining. A traced request is a server and a client span with some twenty attributes, and headers.

    requests.py BUILD [SLICES]

The figure is the median of the lower half of the slices. Ends with 77 where Debian's nginx with Lua is missing (tools/setup).
"""

import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[3]
MODULES = pathlib.Path("/usr/lib/nginx/modules")
REQUESTS = 200  # of a slice
SECONDS = 30  # for what must begin
NGINX = """{user} daemon off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
load_module {modules}/ndk_http_module.so; load_module {modules}/ngx_http_lua_module.so;
env SPANRING_DIR;
events {{ worker_connections 64; }}
http {{
    access_log off; keepalive_requests 1000000; lua_package_path "{lua}/?.lua;;";
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4;
    scgi_temp_path {folder}/5;
    init_worker_by_lua_block {{ require("spanring.nginx").init {{ service_name = "bench" }} }}
    upstream plain {{ server 127.0.0.1:{upstream}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        proxy_http_version 1.1; proxy_set_header Connection "";
        location /off {{ proxy_pass http://plain; }}
        location /lua {{ access_by_lua_block {{ return }} log_by_lua_block {{ return }} proxy_pass http://plain; }}
        location /on {{
            access_by_lua_block {{ local tracing = require "spanring.nginx" tracing.access() tracing.upstream() }}
            log_by_lua_block {{ require("spanring.nginx").log() }}
            proxy_pass http://plain;
        }}
    }}
}}
"""
UPSTREAM = """{user} daemon off; pid {folder}/upstream.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off; keepalive_requests 1000000;
    client_body_temp_path {folder}/6; proxy_temp_path {folder}/7; fastcgi_temp_path {folder}/8; uwsgi_temp_path {folder}/9;
    scgi_temp_path {folder}/10;
    server {{ listen 127.0.0.1:{upstream}; location / {{ return 200 "found\\n"; }} }}
}}
"""
HEADERS = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "User-Agent": "bench"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(command, port, folder, **environment):
    with open(folder / f"{port}.err", "wb") as errors:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=errors, env={**os.environ, **environment})
    deadline = time.monotonic() + SECONDS
    while port:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command[0]} does not start: {(folder / f'{port}.err').read_text()}") from None
            time.sleep(0.05)
    return process


def worker_of(master):
    children = pathlib.Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()
    return int(children[0])


def cpu(pid):
    """Nanoseconds that it has run."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def slice_of(connection, path, pid):
    begin = cpu(pid)
    for _ in range(REQUESTS):
        connection.request("GET", path, headers=HEADERS)
        response = connection.getresponse()
        if response.status != 200 or response.read() != b"found\n":
            raise SystemExit(f"{path} is answered with {response.status}")
    return (cpu(pid) - begin) / REQUESTS


def measure(build, slices, folder, processes):
    nginx = shutil.which("nginx", path="/usr/sbin:" + os.environ["PATH"])
    values = {"user": "user root;" if os.getuid() == 0 else "", "folder": folder, "modules": MODULES, "upstream": free_port(),
              "port": free_port(), "lua": SOURCE / "integrations/luajit"}
    for name, text in (("upstream", UPSTREAM), ("gateway", NGINX)):
        (folder / f"{name}.conf").write_text(text.format(**values))
    (folder / "segments").mkdir(mode=0o700)
    agent = [build / "agent/spanring-agent", "--directory", folder / "segments", "--state-dir", folder / "state"]
    processes.append(started(agent, 0, folder))
    processes.append(started([nginx, "-p", folder, "-c", folder / "upstream.conf"], values["upstream"], folder))
    gateway = started([nginx, "-p", folder, "-c", folder / "gateway.conf"], values["port"], folder, SPANRING_DIR=str(folder / "segments"),
                      LD_LIBRARY_PATH=str(build / "lib"))
    processes.append(gateway)
    pid = worker_of(gateway)
    connection = http.client.HTTPConnection("127.0.0.1", values["port"], timeout=SECONDS)
    took = {"/off": [], "/lua": [], "/on": []}
    for _ in range(slices):
        for path, times in took.items():
            times.append(slice_of(connection, path, pid))
    off, lua, on = (sorted(times)[len(times) // 4] for times in took.values())
    print(f"a request: {off / 1000:.1f} us, with Lua that does nothing {lua / 1000:.1f} us, traced {on / 1000:.1f} us: "
          f"tracing adds {(on - lua) / 1000:.1f} us")


def main():
    if not (MODULES / "ngx_http_lua_module.so").exists():
        print("luajit: Debian's nginx with Lua is not installed", file=sys.stderr)
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with this
    build = pathlib.Path(sys.argv[1]).resolve()
    processes = []
    with tempfile.TemporaryDirectory(prefix="spanring-bench-", dir="/dev/shm") as folder:
        try:
            measure(build, int(sys.argv[2]) if len(sys.argv) > 2 else 40, pathlib.Path(folder), processes)
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
                process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the answers of `spanring page` take over a store: by the clock, and of the CPU by /proc/PID/stat.

The store may be that of an agent, of `bench/store_search FILE`, or of `spanring --store FILE import`. Each question is
asked five times on a connection of its own, as a browser's first.
"""

import argparse
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import time
import urllib.parse

ROUNDS = 5
QUESTIONS = {
    "the page's first file": "/",
    "the newest traces": "/api/search",
    "service=pay": "/api/search?q=service%3Dpay",
    "http.route=/pay": "/api/search?q=http.route%3D/pay",
    "db.*~select": "/api/search?q=db.*~select",
    "free text": "/api/search?q=reset",
    "error": "/api/search?q=error",
    "duration>4ms": "/api/search?q=duration%3E4ms",
    "what is nowhere": "/api/search?q=nowhere-at-all",
    "three words": "/api/search?q=error+http.route%3D/pay+reset",
    "the last trace": "/api/trace?id=last",
    "the map, of 100,000 spans": "/api/map",
    "operations by a word": "/api/operations?q=error",
}


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def ask(port, target, cookie=""):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    begin = time.perf_counter()
    connection.request("GET", target, headers={"Cookie": cookie})
    answer = connection.getresponse()
    body = answer.read()
    end = time.perf_counter()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{target}: {answer.status} {body[:200]!r}")
    return answer, body, end - begin


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build", type=pathlib.Path, help="a build folder")
    arguments.add_argument("store", type=pathlib.Path, help="a store's file")
    options = arguments.parse_args()
    with subprocess.Popen([options.build / "agent/spanring", "--store", options.store, "page"], stdout=subprocess.PIPE,
                          text=True) as page:
        try:
            link = urllib.parse.urlsplit(page.stdout.readline().strip())
            answer, _, _ = ask(link.port, f"/enter?{link.query}")
            cookie = answer.getheader("Set-Cookie").partition(";")[0]
            stored = json.loads(ask(link.port, "/api/status", cookie)[1])["stored_spans"]
            print(f"{stored:,} spans, load {os.getloadavg()[0]:.0f}")
            for name, target in QUESTIONS.items():
                before = cpu_of(page.pid)
                took = [ask(link.port, target, cookie)[2] for _ in range(ROUNDS)]
                cpu = (cpu_of(page.pid) - before) / ROUNDS
                print(f"{name:28} {min(took) * 1e3:7.0f} to {max(took) * 1e3:.0f} ms, median "
                      f"{statistics.median(took) * 1e3:.0f}; CPU {cpu * 1e3:.0f} ms", flush=True)
        finally:
            page.terminate()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""The page in a real Chromium: spans from processes and by OTLP, an agent, `spanring page`, and page.mjs, which looks at it.

Skipped where there is no chromium, no Node, or not what tools/setup installs for Node. Pictures of all views are left in the
build folder, in page-pictures. With SPANRING_TOUR=1 those of docs/tour.md are renewed.
"""

import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

import harness  # noqa: E402
from open_test import OpenSpans  # noqa: E402
from spans import Traces  # noqa: E402

PICTURES = harness.BUILD / "page-pictures"
CHECKOUTS, FAILED, LARGE = 40, 3, 5000
OPEN_NAME = "settle-accounts"
TOUR = harness.SOURCE / "docs/tour"
TOUR_MOST = 120_000  # bytes of a picture


def browser():
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(harness.Case):
    def setUp(self):
        super().setUp()
        if browser() is None:
            self.skipTest("no chromium")
        if shutil.which("node") is None:
            self.skipTest("no Node")
        if not (HERE / "node_modules/playwright-core").is_dir():
            self.skipTest("tools/setup did not install tests/page/node_modules")

    def agent(self):
        port = harness.free_port()
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps({
            "receivers": {"spanring": None, "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
            "exporters": {"store": None},
            "service": {"pipelines": {"traces": {"receivers": ["spanring", "otlp"], "exporters": ["store"]}}}}))
        self.workspace.agent("--config", file)
        return port

    def send(self, port, traces):
        def connects():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.WATCHDOG)
                connection.connect()
                return connection
            except OSError:
                return None
        connection = harness.wait_until(connects, "the agent receives")
        for body in traces.requests():
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.read()), (200, b""))
        connection.close()

    def killed(self):
        """A process that dies in the middle of two spans. Returns the trace, and the inner one of the spans."""
        process = OpenSpans(self.workspace, "shop-returns")
        trace = process.start("return-order").split("-")[1]
        process.start("find-order")
        process.end()
        span = process.start("refund").split("-")[2]
        process.kill()
        return trace, span

    def stored(self, trace, spans):
        ended = subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments, "trace", trace, "--json"],
                               capture_output=True, text=True, env=harness.environment(), timeout=harness.WATCHDOG)
        return ended.returncode == 0 and len(json.loads(ended.stdout)["spans"]) == spans

    def test_views(self):
        port = self.agent()
        traces = Traces(time.time_ns())
        checkouts = [traces.checkout(number, slow=3 if number == 11 else 1, failed=number in (5, 17, 29)) for number in range(CHECKOUTS)]
        large = traces.large(LARGE)
        hostile, hostile_span = traces.hostile()
        self.send(port, traces)
        killed, killed_span = self.killed()
        working = OpenSpans(self.workspace, "shop-ledger")
        working.start(OPEN_NAME)
        working.start("<b>" + "\u202e" + "inner")
        harness.wait_until(lambda: self.stored(killed, 3), "the killed process's spans are in the store")
        harness.wait_until(lambda: self.stored(large, LARGE), "the large trace is in the store")
        page = harness.Process(self.workspace, "page", [harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments, "page"],
                               env=harness.environment())
        given = self.workspace.unique("given.json")
        shutil.rmtree(PICTURES, ignore_errors=True)
        PICTURES.mkdir(parents=True)
        given.write_text(json.dumps({
            "link": page.wait_for_line("http://"), "program": browser(), "pictures": str(PICTURES), "checkout": checkouts[-1], "checkouts": CHECKOUTS,
            "failed": FAILED, "killed": killed, "killedSpan": killed_span, "large": large, "hostile": hostile, "hostileSpan": hostile_span,
            "openName": OPEN_NAME, "only": os.environ.get("SPANRING_PAGE_CASE", "")}))
        looked = harness.Process(self.workspace, "node", ["node", HERE / "page.mjs", given], env=harness.environment())
        try:
            looked.wait(harness.WATCHDOG * 4)
        finally:
            print(looked.stdout(), looked.stderr(), sep="\n", flush=True)
        self.assertEqual(looked.popen.returncode, 0, "what the browser saw is above")
        self.assertIn(" cases passed", looked.stdout())
        self.renew_tour()
        working.stop(-15)
        page.stop()

    def renew_tour(self):
        """The pictures that docs/tour.md shows."""
        if os.environ.get("SPANRING_TOUR") != "1":
            return
        wanted = set(re.findall(r"\(tour/([\w-]+\.png)\)", (harness.SOURCE / "docs/tour.md").read_text()))
        self.assertGreater(len(wanted), 5)
        for name in wanted:
            subprocess.run(["pngquant", "--force", "--strip", "--output", TOUR / name, PICTURES / name], check=True)
            self.assertLess((TOUR / name).stat().st_size, TOUR_MOST, name)
        self.assertEqual({path.name for path in TOUR.glob("*.png")}, wanted)


if __name__ == "__main__":
    unittest.TestCase.maxDiff = None
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""What an agent says of its exporters, and who shows it: `spanring top` and the page."""

import http.server
import json
import threading

import harness
from page_server import PageCase

EVIL = "<script>alert(1)</script>\x1b[2J\u202e"


class Backend:
    """OTLP over HTTP, answered with whatever `status` is."""

    def __init__(self, port):
        backend = self
        self.status = 200

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                body = b"" if backend.status == 200 else EVIL.encode()
                self.send_response(backend.status)
                self.send_header("Content-Type", "application/x-protobuf" if backend.status == 200 else "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Reports(PageCase):
    def span(self):
        self.workspace.producer("--count", 1).expect(0)

    def reported(self, name="otlp_http"):
        """What the page says that the one agent says of it."""
        found = [one["agents"] for one in self.get("/api/exporters")["exporters"] if one["name"] == name]
        return found[0][0] if found and found[0] else None

    def wait_for(self, state):
        def is_so():
            one = self.reported()
            return one if one is not None and one["state"] == state else None
        return harness.wait_until(is_so, f"the exporter is reported as {state}")

    def test_states_and_errors_are_the_agents_own_word(self):
        port = harness.free_port()
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps({
            "exporters": {"otlp_http": {"endpoint": f"http://127.0.0.1:{port}", "timeout": "2s",
                                        "retry_on_failure": {"initial_interval": "50ms", "max_interval": "100ms"}},
                          "store": None}}))
        agent = self.workspace.agent("--config", file)
        self.page()
        self.enter()
        one = self.wait_for("ok")
        self.assertEqual((one["agent"], one["last_error"], one["last_error_unix_nano"]), (agent.pid, "", 0))
        self.assertGreater(one["queue_limit"], 0)
        self.assertEqual(self.reported("store")["state"], "ok")

        top = harness.Process(self.workspace, "top", self.words("top"), env=harness.environment())
        self.span()
        one = self.wait_for("retrying")
        self.assertNotEqual(one["last_error"], "")
        self.assertGreaterEqual(one["last_error_unix_nano"], one["since_unix_nano"])
        harness.wait_until(lambda: "retrying: " in top.stdout(), "top shows it")
        self.assertEqual(self.reported("store")["state"], "ok", "each is told of by itself")

        backend = Backend(port)
        try:
            since = one["since_unix_nano"]
            self.assertGreater(self.wait_for("ok")["since_unix_nano"], since)
            backend.status = 400
            self.span()
            one = self.wait_for("refused")
            self.assertIn("400", one["last_error"])
            harness.wait_until(lambda: "refused: " in top.stdout(), "top shows it")
            self.assertNotIn("\x1b", top.stdout())
            self.assertNotIn("\u202e", top.stdout())
            backend.status = 200
            self.span()
            self.wait_for("ok")
        finally:
            backend.close()
        top.stop(-15)

        # Of an agent that is gone nothing is believed.
        self.assertTrue((self.workspace.state / "exporters.json").exists())
        agent.kill()
        self.assertTrue(all(one["agents"] == [] for one in self.get("/api/exporters")["exporters"]))


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""`spanring flare`: a bundle that has what helps, and no secret, wherever one was."""

import base64
import http.server
import io
import json
import subprocess
import tarfile
import threading

import agent_configuration
import harness

SECRETS = {"header": "header-7fe1c0a4", "bearer": "bearer-55bd0e91", "file": "file-b6c2f7d8", "password": "password-0a9b8c7d",
           "variable": "variable-1f2e3d4c", "out of a file": "reference-9d8e7f6a", "proxy": "proxy-2b3c4d5e",
           "otel": "otel-6c7d8e9f", "client": "client-3e4f5a6b"}


class Tattler(http.server.BaseHTTPRequestHandler):
    """A backend that says in its answer what it was told in confidence."""

    def do_POST(self):  # noqa: N802
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = " ".join(f"{name}: {value}" for name, value in self.headers.items() if name[:2] in ("x-", "Au")).encode()
        self.send_response(400)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Flare(harness.Case):
    def flare(self, *arguments, env=None):
        return subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments,
                               "flare", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=self.workspace.segments.parent, env=harness.environment(**(env or {})), timeout=6 * harness.WATCHDOG)

    def parts(self, path):
        """By name, without the folder that all of them are in; and what it is whole."""
        content = path.read_bytes()
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            members = {member.name.partition("/")[2]: archive.extractfile(member).read().decode() for member in archive}
        return members, content.decode(errors="replace")

    def test_secrets_are_nowhere_in_it(self):
        backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tattler)
        thread = threading.Thread(target=backend.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(backend.server_close)
        self.addCleanup(backend.shutdown)
        endpoint = f"http://127.0.0.1:{backend.server_address[1]}"
        of_token, of_reference = self.workspace.unique("token"), self.workspace.unique("reference")
        of_token.write_text(SECRETS["file"] + "\n")
        of_reference.write_text(SECRETS["out of a file"])
        quick = agent_configuration.quick
        exporters = {
            "otlp_http/a": quick(endpoint, headers={"x-key": SECRETS["header"], "x-more": "${env:PLANTED}",
                                                    "x-file": "${file:%s}" % of_reference},
                                 auth={"authenticator": "bearertokenauth/a"}),
            "otlp_http/b": quick(endpoint, auth={"authenticator": "bearertokenauth/b"}),
            "otlp_http/c": quick(endpoint, auth={"authenticator": "basicauth"}),
            "otlp_http/d": quick(endpoint, auth={"authenticator": "oauth2client"})}
        extensions = {
            "bearertokenauth/a": {"token": SECRETS["bearer"]}, "bearertokenauth/b": {"filename": of_token},
            "basicauth": {"client_auth": {"username": "somebody", "password": SECRETS["password"]}},
            "oauth2client": {"client_id": "somebody", "client_secret": SECRETS["client"], "token_url": endpoint + "/token"}}
        file = agent_configuration.write(self.workspace, exporters, extensions=extensions)
        port = harness.free_port()
        agent = self.workspace.agent("--config", file, "--metrics-address", str(port), env={
            "PLANTED": SECRETS["variable"], "https_proxy": f"http://user:{SECRETS['proxy']}@127.0.0.1:9",
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-a={SECRETS['otel']}"})
        self.workspace.producer("--count", 100, "--flush", 60, "--service", "shop").expect(0)

        def told():
            asked = subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "status", "--json"],
                                   stdin=subprocess.DEVNULL, capture_output=True, env=harness.environment(), timeout=harness.WATCHDOG)
            said = json.loads(asked.stdout)["exporters"]
            return all(exporter["last_error"] for exporter in said) and said
        said = harness.wait_until(told, "each backend has refused spans")
        for name, secret in (("otlp_http/a", "header"), ("otlp_http/a", "variable"), ("otlp_http/a", "bearer")):
            error, = [exporter["last_error"] for exporter in said if exporter["name"] == name]
            self.assertIn(SECRETS[secret], error, "else the test shows nothing")

        path = self.workspace.state / "bundle.tar"
        ended = self.flare("--output", path)
        self.assertEqual((ended.returncode, ended.stdout), (0, f"{path}\n"))
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        members, whole = self.parts(path)
        missing = {"README.txt", "versions.txt", "status.json", "configuration.yaml", "doctor.json", "ps.json", "audit.json",
                   "metrics.txt"} - members.keys()
        self.assertEqual(missing, set(), ended.stderr)
        forms = list(SECRETS.values()) + [base64.b64encode(f"somebody:{SECRETS['password']}".encode()).decode()]
        for secret in forms:
            self.assertNotIn(secret, whole)
            self.assertNotIn(base64.b64encode(secret.encode()).decode().rstrip("="), whole)
            self.assertNotIn(secret, ended.stderr)
        self.assertIn("(hidden)", members["status.json"], "what the backend said is there without it")
        self.assertEqual(len(json.loads(members["status.json"])["exporters"]), 4)
        self.assertIn("shop", members["ps.json"])
        self.assertIn("spanring_exporter_healthy", members["metrics.txt"])
        self.assertIn("x-key: (not shown)", members["configuration.yaml"])
        self.assertIn(f"pid\":{agent.pid}", members["status.json"])
        self.assertLess(path.stat().st_size, 20 << 20)
        agent.stop()

    def test_writes_over_nothing(self):
        agent = self.workspace.agent("--exporter", "store")
        path = self.workspace.state / "there"
        path.write_text("mine")
        ended = self.flare("--output", path)
        self.assertEqual(ended.returncode, 3)
        self.assertIn("File exists", ended.stderr)
        self.assertEqual(path.read_text(), "mine")
        agent.stop()

    def test_says_what_it_lacks_without_an_agent(self):
        ended = self.flare()
        self.assertEqual(ended.returncode, 0, ended.stderr)
        path = self.workspace.segments.parent / ended.stdout.strip()
        self.assertRegex(path.name, r"^spanring-flare-\d{8}T\d{6}Z\.tar$")
        members, _ = self.parts(path)
        self.assertIn("no agent runs there", members["README.txt"])
        self.assertIn("doctor.json", members)
        self.assertNotIn("status.json", members)


if __name__ == "__main__":
    harness.main()

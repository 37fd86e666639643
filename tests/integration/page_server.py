# SPDX-License-Identifier: Apache-2.0
"""What tests of spanring page share: one that serves, and somebody who asks it."""

import http.client
import json
import socket
import subprocess
import urllib.parse

import harness

PATHS = ("/api/status", "/api/search", "/api/trace?id=last", "/api/operations", "/api/operation?any=1", "/api/map", "/api/open",
         "/api/processes", "/api/exporters", "/api/losses")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=harness.WATCHDOG)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class PageCase(harness.Case):
    port = 0

    def words(self, *arguments, before=()):
        return [*before, harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments, *arguments]

    def page(self, *arguments, store=None):
        """A page that serves, and the link that it printed."""
        process = harness.Process(self.workspace, "page", self.words(*(["--store", store] if store else []), "page", *arguments),
                                  env=harness.environment())
        self.addCleanup(lambda: process.stop() if process.running() else None)
        self.link = urllib.parse.urlsplit(process.wait_for_line("http"))
        self.port = self.link.port
        return process

    def token(self):
        return self.link.query.partition("=")[2]

    def ask(self, target, method="GET", connection=None, **headers):
        """The answer, with its whole body. A header whose value is None is not sent."""
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=harness.WATCHDOG)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        headers.setdefault("Host", f"127.0.0.1:{self.port}")
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    connection.putheader(name.replace("_", "-"), one)
        connection.endheaders()
        response = connection.getresponse()
        response.body = response.read()
        connection.close()
        return response

    def enter(self):
        answer = self.ask(f"/enter?token={self.token()}")
        self.assertEqual(answer.status, 200, answer.body)
        self.cookie = answer.getheader("Set-Cookie").partition(";")[0]
        return answer

    def get(self, path, code=200, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        answer = self.ask(path + query, Cookie=self.cookie)
        self.assertEqual(answer.status, code, answer.body)
        return json.loads(answer.body)

    def raw(self, content, connection=None):
        """What comes back for these bytes, until the other side closes."""
        with connection or socket.create_connection(("127.0.0.1", self.port), timeout=harness.WATCHDOG) as peer:
            peer.sendall(content)
            answer = b""
            while True:
                try:
                    more = peer.recv(1 << 16)
                except ConnectionResetError:
                    return answer
                if not more:
                    return answer
                answer += more

    def stored(self, *spans, service="shop"):
        """A store of these spans, each a dictionary of OTLP JSON."""
        store = self.workspace.unique("spans.db")
        self.add_to(store, *spans, service=service)
        return store

    def add_to(self, store, *spans, service="shop"):
        file = self.workspace.unique("spans.json")
        value = {"stringValue": service}
        file.write_text(json.dumps({"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": value}]},
            "scopeSpans": [{"scope": {"name": "test"}, "spans": list(spans)}]}]}))
        ended = subprocess.run(self.words("--store", store, "import", file), stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, env=harness.environment(), timeout=harness.WATCHDOG)
        self.assertEqual(ended.returncode, 0, ended.stderr)


def span(number, name="root", **more):
    return {"traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": name, "kind": 1,
            "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000001000000", **more}

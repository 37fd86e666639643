# SPDX-License-Identifier: Apache-2.0
"""spanring page from outside: who is answered, and who is not."""

import http.client
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import ssl
import stat
import subprocess
import unittest
import urllib.parse

import harness
from open_test import OpenSpans
from page_server import PATHS, PageCase, UnixConnection, span

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'")


class Doors(PageCase):
    """Who is answered."""

    def setUp(self):
        super().setUp()
        self.process = self.page(store=self.stored(span(1)))

    def test_a_link_works_once_and_the_cookie_from_then_on(self):
        self.assertRegex(self.link.geturl(), r"^http://127\.0\.0\.1:\d+/enter\?token=[0-9a-f]{64}$")
        for path in PATHS:
            self.assertEqual(self.ask(path).status, 401, path)
            self.assertEqual(self.ask(path, Cookie=f"spanring_page_{self.port}={self.token()}").status, 401, "no cookie")
        for token in ("", "00", "0" * 64, self.token()[:-1], self.token() + "0", self.token().upper() + " "):
            self.assertEqual(self.ask(f"/enter?token={urllib.parse.quote(token)}").status, 401, token)
        for target in ("/enter", f"/enter?token={self.token()}&x=1", f"/enter?token={self.token()}&token={self.token()}"):
            self.assertEqual(self.ask(target).status, 401, target)
        self.assertEqual(self.ask(f"/enter?token={self.token()}", "HEAD").status, 401, "a look ahead does not use it up")
        answer = self.enter()
        attributes = {part.strip() for part in answer.getheader("Set-Cookie").split(";")[1:]}
        self.assertEqual(attributes, {"HttpOnly", "SameSite=Strict", "Path=/"})
        self.assertNotIn(self.token().encode(), answer.body)
        self.assertEqual(self.ask(f"/enter?token={self.token()}").status, 401, "twice")
        for path in PATHS:
            self.assertIn(self.ask(path, Cookie=f"a=b; {self.cookie}").status, (200, 404), path)
        name, _, value = self.cookie.partition("=")
        other = ("1" if value[0] == "0" else "0") + value[1:]
        for cookie in (f"{name}={other}", f"{name}={value[:-1]}", f"{name}={value}0", f"{name}=", f"x{name}={value}",
                       f"{name}_={value}", value, f"{name}={self.token()}"):
            self.assertEqual(self.ask("/api/status", Cookie=cookie).status, 401, cookie)

        self.process.send(signal.SIGUSR1)
        harness.wait_until(lambda: self.process.stdout().count("\n") == 2, "another link is printed")
        self.link = urllib.parse.urlsplit(self.process.stdout().splitlines()[1])
        before = self.cookie
        self.enter()
        self.assertNotEqual(before, self.cookie)
        for cookie in (before, self.cookie):
            self.assertEqual(self.ask("/api/status", Cookie=cookie).status, 200)

    def test_every_answer_tells_the_browser_what_it_may_do(self):
        self.enter()
        for target in ("/", "/enter.js", "/enter?token=0", "/api/status", "/api/search?x=1", "/nothing", "/%00"):
            answer = self.ask(target, Cookie=self.cookie)
            self.assertEqual(answer.getheader("Content-Security-Policy"), POLICY, target)
            self.assertEqual(answer.getheader("X-Content-Type-Options"), "nosniff", target)
            self.assertEqual(answer.getheader("Referrer-Policy"), "no-referrer", target)
            self.assertEqual(answer.getheader("Cross-Origin-Resource-Policy"), "same-origin", target)
            self.assertIsNone(answer.getheader("Access-Control-Allow-Origin"), target)
            self.assertIn(answer.getheader("Cache-Control"), ("no-store", "no-cache"), target)
            if target.startswith("/api/"):
                self.assertEqual(answer.getheader("Cache-Control"), "no-store", target)
                self.assertEqual(answer.getheader("Content-Type"), "application/json; charset=utf-8")
        self.assertEqual(self.ask("/").getheader("Content-Type"), "text/html; charset=utf-8")
        self.assertEqual(self.ask("/enter.js").getheader("Content-Type"), "text/javascript; charset=utf-8")
        head = self.ask("/api/status", "HEAD", Cookie=self.cookie)
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertGreater(int(head.getheader("Content-Length")), 10)

    def test_no_file_of_the_page_asks_anybody_else(self):
        for file in (harness.SOURCE / "agent/command/page/ui").iterdir():
            if file.suffix not in (".html", ".css", ".js", ".svg"):
                continue
            text = file.read_text()
            for address in re.findall(r"\b(?:https?:)?//[\w.-]+\.\w+", re.sub(r"http://www\.w3\.org/\d+/\w+", "", text)):
                self.fail(f"{file.name} names {address}")
            if file.suffix == ".html":
                self.assertNotRegex(text, r"(?i)\son\w+\s*=|\sstyle\s*=|<style|<script(?![^>]*\ssrc=)", file.name)

    def test_other_sites_are_refused(self):
        self.enter()
        own = f"http://127.0.0.1:{self.port}"
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": own + ".evil.example"},
                        {"Origin": f"http://127.0.0.1:{self.port + 1}"}, {"Origin": own.replace("http", "https")},
                        {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
                        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"},
                        {"Origin": own, "Sec_Fetch_Site": "cross-site"}):
            for path in PATHS:
                self.assertEqual(self.ask(path, Cookie=self.cookie, **headers).status, 403, (path, headers))
            self.assertEqual(self.ask("/enter.js", **headers).status, 403, headers)
        for name in ("Origin", "Sec_Fetch_Site", "Host"):
            self.assertEqual(self.ask("/api/status", Cookie=self.cookie, **{name: ["http://evil.example", own]}).status, 400, name)
        for headers in ({"Origin": own}, {"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}):
            self.assertEqual(self.ask("/api/status", Cookie=self.cookie, **headers).status, 200, headers)
        # A link to the page itself may be anywhere: nothing of it can be seen or touched from there.
        leads = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
        self.assertEqual(self.ask("/", Sec_Fetch_Dest="document", **leads).status, 200)
        self.assertEqual(self.ask("/", Sec_Fetch_Dest="iframe", **leads).status, 403)

    def test_another_name_that_leads_here_is_another_site(self):
        self.enter()
        for host in ("evil.example", f"evil.example:{self.port}", f"127.0.0.1.evil.example:{self.port}", "10.0.0.1", "", None,
                     f"localhost.evil.example:{self.port}", "0.0.0.0", "[::2]", f"x@127.0.0.1:{self.port}", "127.1"):
            for path in (*PATHS, "/", "/enter.js", f"/enter?token={self.token()}"):
                self.assertEqual(self.ask(path, Cookie=self.cookie, Host=host).status, 421, (host, path))
        for host in ("localhost", f"LOCALHOST:{self.port}", "127.0.0.1", "[::1]:8080"):
            self.assertEqual(self.ask("/api/status", Cookie=self.cookie, Host=host).status, 200, host)

    def test_paths_are_names_and_nothing_else(self):
        self.enter()
        for target in ("//", "/..", "/../etc/passwd", "/%2e%2e/etc/passwd", "/api//status", "/api/status/", "/API/status",
                       "/api/%73tatus", "/api/../api/status", "/./api/status", "/index.html", "/enter.html", "/ui/enter.js", "/enter.js/",
                       "/enter.js?x=1", "/api", "/api/", "/api/nothing", "/api/status;x", "/..%2fetc/passwd", "/\\..\\x", "/etc/passwd"):
            answer = self.ask(target, Cookie=self.cookie)
            self.assertEqual(answer.status, 404, target)
            self.assertNotIn(b"root:", answer.body)
        for target in ("api/status", "http://127.0.0.1/api/status", "*", "/api/status?x=%00", "/api/status?x=%c0%af", "/?a=%zz",
                       "/api/status#x"):
            self.assertEqual(self.ask(target, Cookie=self.cookie).status, 400, target)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get"):
            answer = self.ask("/api/status", method, Cookie=self.cookie)
            self.assertEqual((answer.status, answer.getheader("Allow")), (405, "GET, HEAD"), method)
        self.assertIn("'nonsense' is not a parameter", self.get("/api/status", 400, nonsense=1)["error"])

    def test_what_is_no_request_ends_its_connection_alone(self):
        self.enter()
        head = f"GET /api/status HTTP/1.1\r\nHost: localhost\r\nCookie: {self.cookie}\r\n".encode()
        for content, code in ((b"\x16\x03\x01\x02\x00\x01\x00\x01", b"400"), (b"GET\r\n\r\n", b"400"), (b"GET / HTTP/9.9\r\n\r\n", b"400"),
                              (head + b"X: " + b"x" * 20_000 + b"\r\n\r\n", b"431"), (head + b"x: 1\r\n" * 4000 + b"\r\n", b"431"),
                              (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", b"431"),
                              (head + b"Content-Length: 3\r\n\r\nabc", b"400"), (head + b"Content-Length: -1\r\n\r\n", b"400"),
                              (head + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"400"),
                              (head + b"X\x00: 1\r\n\r\n", b"400"), (head + b"X: a\r\n b\x00\r\n\r\n", b"400")):
            answer = self.raw(content)
            self.assertEqual(answer[9:12], code, (content[:80], answer[:200]))
        # Two at once, on one connection, are answered one after the other.
        both = self.raw(head + b"\r\n" + head + b"Connection: close\r\n\r\n")
        self.assertEqual(both.count(b"HTTP/1.1 200 OK"), 2, both[:300])

    def test_many_connections_and_slow_ones_keep_nobody_out(self):
        self.enter()
        held = []
        try:
            for _ in range(300):
                peer = socket.create_connection(("127.0.0.1", self.port), timeout=harness.WATCHDOG)
                peer.sendall(b"GET /api/status HTTP/1.1\r\nHost: loc")
                held.append(peer)
            self.assertEqual(self.get("/api/status")["stored_spans"], 1)
            files = len(os.listdir(f"/proc/{self.process.pid}/fd"))
            self.assertLess(files, 100, "connections are bounded")
        finally:
            for peer in held:
                peer.close()

    def test_who_takes_no_answers_and_has_no_session_keeps_nobody_out(self):
        self.enter()
        held = []
        try:
            for _ in range(80):
                peer = socket.socket()
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                peer.settimeout(harness.WATCHDOG)
                peer.connect(("127.0.0.1", self.port))
                peer.setblocking(False)
                peer.send(b"GET /page.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
                held.append(peer)
            used = []

            def rests():
                used.append(pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().split()[13:15])
                return len(used) > 10 and used[-10:] == used[-1:] * 10
            harness.wait_until(rests, "it has written all that they let it")
            for _ in range(20):
                self.assertEqual(self.get("/api/status")["stored_spans"], 1)
        finally:
            for peer in held:
                peer.close()

    def test_a_client_that_goes_away_is_not_waited_for(self):
        self.enter()
        for _ in range(40):
            with socket.create_connection(("127.0.0.1", self.port), timeout=harness.WATCHDOG) as peer:
                peer.sendall(f"GET /api/map HTTP/1.1\r\nHost: localhost\r\nCookie: {self.cookie}\r\n\r\n".encode())
        harness.wait_until(lambda: self.ask("/api/status", Cookie=self.cookie).status == 200, "it goes on")


class Addresses(PageCase):
    """Where it serves."""

    def refused(self, *arguments, code=2):
        ended = subprocess.run(self.words("page", *arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               env=harness.environment(), timeout=harness.WATCHDOG)
        self.assertEqual((ended.returncode, ended.stdout), (code, ""), ended.stderr)
        return ended.stderr

    def test_elsewhere_than_on_loopback_it_serves_only_with_tls(self):
        for address in ("0.0.0.0:0", "[::]:0", "10.0.0.1:0", "example.org:0"):
            self.assertIn("only with TLS", self.refused("--listen", address))
        self.assertIn("belong together", self.refused("--tls-key", "/x"))
        self.assertIn("not an address", self.refused("--listen", "nowhere"))
        self.assertIn("cannot listen", self.refused("--listen", f"unix:{self.workspace.folder}/none/socket", code=3))
        self.assertIn("No such file", self.refused("--listen", "127.0.0.1:0", "--tls-certificate", "/nowhere", "--tls-key", "/x"))

    def certificate(self):
        certificate, key = self.workspace.unique("certificate.pem"), self.workspace.unique("key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out",
                        certificate], check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=harness.WATCHDOG)
        return certificate, key

    def test_with_tls(self):
        certificate, key = self.certificate()
        process = self.page("--listen", "0.0.0.0:0", "--host", "localhost", "--tls-certificate", certificate, "--tls-key", key,
                            store=self.stored(span(1)))
        self.assertTrue(self.link.geturl().startswith("https://localhost:"), self.link)
        trust = ssl.create_default_context(cafile=str(certificate))

        def ask(target, **headers):
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=harness.WATCHDOG, context=trust)
            return self.ask(target, connection=connection, **{"Host": f"localhost:{self.port}", **headers})
        answer = ask(f"/enter?token={self.token()}")
        self.assertEqual(answer.status, 200)
        self.assertIn("Secure", answer.getheader("Set-Cookie"))
        cookie = answer.getheader("Set-Cookie").partition(";")[0]
        self.assertEqual(ask("/api/status").status, 401)
        self.assertEqual(ask("/api/status", Cookie=cookie).status, 200)
        self.assertEqual(ask("/api/status", Cookie=cookie, Host="evil.example").status, 421)
        self.assertEqual(ask("/api/status", Cookie=cookie, Origin=f"http://localhost:{self.port}").status, 403)
        self.assertEqual(ask("/api/status", Cookie=cookie, Origin=f"https://localhost:{self.port}").status, 200)
        self.assertNotIn(b"200", self.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")[:20], "no plain HTTP")
        process.stop()

    def test_where_several_agents_run_that_is_said(self):
        second = self.workspace.folder / "second"
        second.mkdir(mode=0o700)
        self.workspace.agent()
        self.workspace.agent(directory=second, state=self.workspace.folder / "other")
        process = harness.Process(self.workspace, "page", [
            harness.COMMAND, "--directory", self.workspace.segments, "--directory", second, "page"], env=harness.environment())
        self.link = urllib.parse.urlsplit(process.wait_for_line("http"))
        self.port = self.link.port
        self.enter()
        refused = self.get("/api/search", 404)
        self.assertEqual(refused["store"], "several")
        self.assertIn(str(self.workspace.folder / "other"), refused["error"])
        self.assertEqual(len(self.get("/api/status")["agents"]), 2)
        process.stop()
        self.page()
        self.enter()
        (self.workspace.state / "spans.db").unlink(missing_ok=True)
        self.assertEqual(self.get("/api/search", 404)["store"], "missing")

    def test_a_unix_socket_is_its_users_alone(self):
        path = self.workspace.folder / "page.sock"
        old = os.umask(0)
        try:
            process = harness.Process(self.workspace, "page",
                                      self.words("--store", self.stored(span(1)), "page", "--listen", f"unix:{path}"),
                                      env=harness.environment())
        finally:
            os.umask(old)
        self.assertEqual(process.wait_for_line("unix:"), f"unix:{path}")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        status = self.ask("/api/status", connection=UnixConnection(path), Host="localhost")
        self.assertEqual(json.loads(status.body)["stored_spans"], 1)
        self.assertEqual(self.ask("/api/status", connection=UnixConnection(path), Host="evil.example").status, 421)
        self.assertEqual(self.ask("/api/status", connection=UnixConnection(path), Host="localhost", Origin="http://evil").status, 403)
        process.stop()
        self.assertFalse(path.exists())


@unittest.skipUnless(os.geteuid() == 0, "needs root, to be another user")
class Users(PageCase):
    def test_users_see_only_their_own(self):
        store = self.stored(span(1, name="of root"))
        self.workspace.folder.chmod(0o711)
        user = 62000 + secrets.randbelow(900)
        before = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
        if subprocess.run([*before, "test", "-x", harness.COMMAND], stdin=subprocess.DEVNULL).returncode != 0:
            self.skipTest(f"another user has no way to {harness.COMMAND}")
        OpenSpans(self.workspace, "of-root").start("open-of-root")
        process = harness.Process(self.workspace, "page", self.words("--store", store, "page", before=before),
                                  env=harness.environment(XDG_RUNTIME_DIR="/nowhere"))
        self.link = urllib.parse.urlsplit(process.wait_for_line("http"))
        self.port = self.link.port
        self.enter()
        for path in PATHS:
            answer = self.ask(path, Cookie=self.cookie)
            self.assertNotIn(b"of-root", answer.body, path)
            self.assertNotIn(b"of root", answer.body, path)
        self.assertEqual(self.get("/api/search", 500)["error"].count("spans.db"), 1)
        # Nor does root's socket open for him.
        path = self.workspace.folder / "page.sock"
        mine = harness.Process(self.workspace, "page", self.words("--store", store, "page", "--listen", f"unix:{path}"),
                               env=harness.environment())
        mine.wait_for_line("unix:")
        connect = f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})"
        ended = subprocess.run([*before, "/usr/bin/python3", "-c", connect], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertIn("PermissionError", ended.stderr)
        process.stop()
        mine.stop()


if __name__ == "__main__":
    harness.main()

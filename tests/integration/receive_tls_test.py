# SPDX-License-Identifier: Apache-2.0
"""Who may send to the receiver: TLS, senders' certificates, tokens and passwords, over gRPC and over HTTP.

The senders are gRPC's own client (grpc_client.cpp), Python's TLS, curl, and the agent itself with each of its OTLP exporters.
"""

import base64
import concurrent.futures
import http.client
import json
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import urllib.request

import agent_configuration
import harness
from certificates import Authority
from receive_grpc_test import OK, UNAUTHENTICATED, UNAVAILABLE, Client
from receiving import PROTOBUF, Receiving, identity, request

PASSWORD = "open sesame"
SLOW_HASH = "$2b$12$abcdefghijklmnopqrstuuOeZ2hQ32AyBh8ZYFFLfYoUxWKOV2GcS"  # a fifth of a second
HASH = "$apr1$salt1234$gum57uX3bCGZxFNO7//Yk."  # openssl passwd -apr1


class Entrance(Receiving):
    """Both protocols of one agent, with the same rules."""

    def setUp(self):
        super().setUp()
        self.folder = self.workspace.unique("tls")
        self.folder.mkdir()
        self.ports = {"grpc": self.port, "http": harness.free_port()}
        self.page = harness.free_port()

    def start(self, extensions=None, **entrance):
        """`entrance`: keys of both protocols."""
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(self.document(extensions, entrance)))
        self.flags = "--config", file
        self.agent = self.workspace.agent(*self.flags)
        return self.agent

    def document(self, extensions, entrance):
        protocols = {name: {"endpoint": f"127.0.0.1:{port}", **entrance} for name, port in self.ports.items()}
        document = {"receivers": {"spanring": None, "otlp": {"protocols": protocols}},
                    "exporters": {"otlp_grpc": agent_configuration.quick(self.collector.endpoint)},
                    "service": {"pipelines": {"traces": {"receivers": ["spanring", "otlp"], "exporters": ["otlp_grpc"]}},
                                "telemetry": {"metrics": {"address": f"127.0.0.1:{self.page}"}}}}
        if extensions:
            document["extensions"] = extensions
            document["service"]["extensions"] = list(extensions)
        return document

    def validated(self, extensions=None, **entrance):
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(self.document(extensions, entrance)))
        done = subprocess.run([harness.AGENT, "validate", file], env=harness.environment(), capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def grpc(self, *arguments):
        return Client(self, f"127.0.0.1:{self.ports['grpc']}", *arguments)

    def post(self, context=None, number=1, port=None, **headers):
        """Status, headers and body of the answer; with a context over TLS."""
        port = port or self.ports["http"]
        kind = (lambda: http.client.HTTPSConnection("127.0.0.1", port, timeout=harness.WATCHDOG, context=context)) \
            if context else (lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=harness.WATCHDOG))
        connection = kind()
        try:
            connection.request("POST", "/v1/traces", request("over http", [number]),
                               {"Content-Type": PROTOBUF, **{name.replace("_", "-"): text for name, text in headers.items()}})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def figures(self, name, label):
        found = {}
        with urllib.request.urlopen(f"http://127.0.0.1:{self.page}/metrics", timeout=harness.WATCHDOG) as page:
            for line in page.read().decode().splitlines():
                if line.startswith(name + "{"):
                    found[line.split(f'{label}="')[1].split('"')[0]] = int(float(line.rsplit(" ", 1)[1]))
        return found

    def refused(self):
        return self.figures("spanring_receiver_refused_connections_total", "reason")

    def wait_for_refused(self, reason, least=1):
        harness.wait_until(lambda: self.refused()[reason] >= least, f"{reason} is counted: {self.refused()}")


class Tls(Entrance):
    def setUp(self):
        super().setUp()
        self.collector.start()
        self.authority = Authority(self.folder, "authority")
        self.certificate, self.key = self.authority.signed("agent")
        self.tls = {"cert_file": str(self.certificate), "key_file": str(self.key)}

    def trusting(self, authority=None, pair=None, version=None):
        context = ssl.create_default_context(cafile=str((authority or self.authority).certificate))
        if pair:
            context.load_cert_chain(*map(str, pair))
        if version:
            context.maximum_version = context.minimum_version = version
        return context

    def ca(self):
        return f"ca={self.authority.certificate}"

    def test_requests_come_over_both_protocols_and_are_answered(self):
        agent = self.start(tls=self.tls)
        self.assertIn(f"grpcs://127.0.0.1:{self.ports['grpc']},https://127.0.0.1:{self.ports['http']}", agent.stderr())
        client, context = self.grpc(self.ca()), self.trusting()
        for number in range(0, 20, 2):
            self.assertEqual(client.call(request("over grpc", [number])), OK, client.message)
            self.assertEqual(self.post(context, number + 1)[0], 200)
        large = list(range(100, 20_000))
        self.assertEqual(client.call(request("over grpc", large)), OK, client.message)
        self.assertEqual(self.post(context, 20_000, Connection="close")[0], 200)
        curl = subprocess.run(["curl", "-sS", "--cacert", self.authority.certificate, "-o", "/dev/null", "-w", "%{http_code}",
                               "-H", f"Content-Type: {PROTOBUF}", "--data-binary", "@-",
                               f"https://localhost:{self.ports['http']}/v1/traces"],
                              input=request("over http", [20_001]), capture_output=True, timeout=harness.WATCHDOG, check=True)
        self.assertEqual(curl.stdout, b"200")
        arrived = self.everything_arrives([*range(20), *large, 20_000, 20_001])
        self.assertEqual(len(arrived), len(set(arrived)))
        self.assertEqual(sum(self.refused().values()), 0)
        agent.stop()

    def test_the_page_of_metrics_has_the_same_keys(self):
        """Prometheus of another host: a certificate, and a token that changes."""
        tokens = self.folder / "tokens"
        tokens.write_text("one\n")
        document = self.document({"bearertokenauth": {"filename": str(tokens)}}, {})
        document["service"]["telemetry"]["metrics"].update(
            tls={**self.tls, "client_ca_file": str(self.authority.certificate)}, auth={"authenticator": "bearertokenauth"})
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(document))
        agent = self.workspace.agent("--config", file)

        def asked(token, context=None):
            with urllib.request.urlopen(urllib.request.Request(
                    f"https://127.0.0.1:{self.page}/metrics", headers={"Authorization": f"Bearer {token}"}),
                    timeout=harness.WATCHDOG, context=context or self.trusting(pair=(self.certificate, self.key))) as page:
                return page.read().decode()
        self.assertIn("spanring_", asked("one"))
        for stranger in (lambda: asked("two"), lambda: asked("one", self.trusting())):
            with self.assertRaises(OSError):
                stranger()
        tokens.write_text("two\n")

        def is_known():
            try:
                return asked("two")
            except OSError:
                return None
        harness.wait_until(is_known, "the new token is known")
        agent.stop()

    def test_answers_wait_for_whoever_reads_slowly_and_none_is_lost_at_the_end(self):
        agent = self.start(tls=self.tls)
        context = self.trusting()
        answered = []
        go_on = threading.Event()

        def send(first):
            for number in range(first, first + 10_000):
                try:
                    if self.post(context, number)[0] == 200:
                        answered.append(number)
                except (OSError, http.client.HTTPException):
                    pass
                if go_on.is_set():
                    return
        threads = [threading.Thread(target=send, args=(first,)) for first in (0, 10_000, 20_000)]
        for thread in threads:
            thread.start()
        harness.wait_until(lambda: len(answered) >= 30, "some are answered")
        agent.stop()
        go_on.set()
        for thread in threads:
            thread.join()
        arrived = self.everything_arrives(answered)
        self.assertEqual(len(arrived), len(set(arrived)), "nothing comes twice")

    def test_connections_that_come_to_nothing_are_counted_by_their_reason(self):
        agent = self.start(tls={**self.tls, "min_version": "1.3"})
        self.assertEqual(self.grpc().call_once(request("x", [1])), UNAVAILABLE)
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.post()
        self.wait_for_refused("plaintext", 2)
        with self.assertRaises(ssl.SSLError):
            self.post(self.trusting(version=ssl.TLSVersion.TLSv1_2))
        self.wait_for_refused("version")
        with self.assertRaises(ssl.SSLError):
            self.post(self.trusting(Authority(self.folder, "another")))
        self.wait_for_refused("server_certificate")
        context = self.trusting()
        context.set_alpn_protocols(["h2"])
        with self.assertRaises(OSError):
            self.post(context)
        self.wait_for_refused("protocol")
        socket.create_connection(("127.0.0.1", self.ports["http"])).close()
        self.wait_for_refused("other")
        self.assertEqual(self.post(self.trusting())[0], 200)
        self.assertIn("a connection came to nothing", agent.stderr())
        agent.stop()

    def test_whoever_shakes_no_hands_keeps_nobody_out(self):
        self.start(tls=self.tls, max_connections=4)
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(6) for port in self.ports.values()]
        for connection in silent:
            self.addCleanup(connection.close)
        self.assertEqual(self.post(self.trusting())[0], 200)
        self.assertEqual(self.grpc(self.ca()).call(request("x", [2])), OK)
        self.wait_for_refused("limit", 4)
        self.everything_arrives([1, 2])

    def test_whoever_shakes_hands_while_another_agent_takes_over_is_answered(self):
        old = self.start(tls=self.tls)
        came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.trusting().wrap_bio(came, goes, server_hostname="127.0.0.1")
        with socket.create_connection(("127.0.0.1", self.ports["http"]), timeout=harness.WATCHDOG) as connection:
            def until_done(step):
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        connection.sendall(goes.read())
                        more = connection.recv(1 << 16)
                        came.write(more) if more else came.write_eof()
            until_done(client.do_handshake)  # but its last word is not said
            new = self.workspace.start_agent(*self.flags, "--replace")
            harness.wait_until(lambda: "takes over" in old.stderr(), "the old one winds down")
            body = request("x", [1])
            client.write(b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" %
                         (PROTOBUF.encode(), len(body)) + body)
            self.assertIn(b"200 OK", until_done(client.read))
        new.wait_for_line("spanring-agent ready:", stream="stderr")
        old.expect(0)
        self.everything_arrives([1])
        new.stop()

    def test_senders_need_a_certificate_of_the_authority(self):
        own = Authority(self.folder, "senders")
        sender, stranger = own.signed("sender"), Authority(self.folder, "strangers").signed("stranger")
        self.start(tls={**self.tls, "client_ca_file": str(own.certificate)})
        for wrong in (None, stranger):
            pair = [f"cert={wrong[0]}", f"key={wrong[1]}"] if wrong else []
            self.assertEqual(self.grpc(self.ca(), *pair).call_once(request("x", [1])), UNAVAILABLE)
            with self.assertRaises((OSError, http.client.HTTPException)):
                self.post(self.trusting(pair=wrong))
        self.wait_for_refused("client_certificate", 4)
        self.assertEqual(self.grpc(self.ca(), f"cert={sender[0]}", f"key={sender[1]}").call(request("x", [2])), OK)
        self.assertEqual(self.post(self.trusting(pair=sender), 3)[0], 200)
        self.everything_arrives([2, 3])
        self.assertEqual(set(self.identities()), {identity(2), identity(3)})

    def test_an_authority_that_another_one_signed_is_believed_for_itself_alone(self):
        root = Authority(self.folder, "root")
        own = root.below("senders")
        sender, stranger = own.signed("sender"), root.signed("stranger")
        self.start(tls={**self.tls, "client_ca_file": str(own.certificate)})
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.post(self.trusting(pair=stranger))
        self.wait_for_refused("client_certificate")
        self.assertEqual(self.post(self.trusting(pair=sender), 2)[0], 200)
        self.everything_arrives([2])

    def test_a_renewed_certificate_is_what_the_next_connection_gets(self):
        agent = self.start(tls={**self.tls, "reload_interval": "10ms"})
        old = self.trusting()
        self.assertEqual(self.post(old, 1)[0], 200)
        kept = self.grpc(self.ca())
        self.assertEqual(kept.call(request("x", [2])), OK)

        # First a certificate that does not go with its key: the one before is used, and that is told.
        new = Authority(self.folder, "renewed")
        pair = new.signed("renewed-agent")
        self.certificate.write_bytes(pathlib.Path(pair[0]).read_bytes())
        harness.wait_until(lambda: self.post(old, 3)[0] == 200 and "what was read before is used" in agent.stderr(),
                           "the half that is there is told")
        self.key.write_bytes(pathlib.Path(pair[1]).read_bytes())

        def answers(context):
            try:
                return self.post(context, 4)[0] == 200
            except OSError:
                return False
        harness.wait_until(lambda: answers(self.trusting(new)), "the new one is given")
        with self.assertRaises(ssl.SSLError):
            self.post(old)
        self.assertEqual(kept.call(request("x", [5])), OK)  # a connection keeps what it has
        self.everything_arrives([1, 2, 3, 4, 5])
        agent.stop()

    def test_an_agent_sends_to_another_one(self):
        own = Authority(self.folder, "senders")
        certificate, key = own.signed("sender")
        self.start({"basicauth/in": {"htpasswd": {"inline": f"ann:{HASH}"}}}, tls={**self.tls, "client_ca_file": str(own.certificate)},
                   auth={"authenticator": "basicauth/in"})
        for first, exporter in ((0, "otlp_grpc"), (1000, "otlp_http")):
            port = self.ports["grpc" if exporter == "otlp_grpc" else "http"]
            document = {"exporters": {exporter: agent_configuration.quick(
                            f"https://localhost:{port}", tls={"ca_file": str(self.authority.certificate),
                                                              "cert_file": str(certificate), "key_file": str(key)},
                            auth={"authenticator": "basicauth"})},
                        "receivers": {"spanring": None, "otlp": {"protocols": {"http": {"endpoint": f"unix:{self.folder}/in"}}}},
                        "extensions": {"basicauth": {"client_auth": {"username": "ann", "password": PASSWORD}}},
                        "service": {"extensions": ["basicauth"],
                                    "pipelines": {"traces": {"receivers": ["spanring", "otlp"], "exporters": [exporter]}}}}
            file = self.workspace.unique("sender.yaml")
            file.write_text(json.dumps(document))
            sender = self.workspace.agent("--config", file, directory=self.workspace.unique("elsewhere"),
                                          state=self.workspace.unique("state-of-sender"))
            curl = subprocess.run(["curl", "-sS", "--unix-socket", f"{self.folder}/in", "-o", "/dev/null", "-w", "%{http_code}",
                                   "-H", f"Content-Type: {PROTOBUF}", "--data-binary", "@-", "http://localhost/v1/traces"],
                                  input=request("through two", list(range(first, first + 100))), capture_output=True, check=True)
            self.assertEqual(curl.stdout, b"200")
            self.everything_arrives(range(first, first + 100))
            sender.stop()


class Authentication(Entrance):
    def setUp(self):
        super().setUp()
        self.collector.start()

    def unauthenticated(self):
        return self.figures("spanring_receiver_requests_total", "result").get("unauthenticated")

    def asks(self, right, wrong, challenge):
        """`right` and `wrong` are values of the header."""
        for value in wrong:
            headers = {"Authorization": value} if value else {}
            status, answered, body = self.post(**headers)
            self.assertEqual((status, answered.get("WWW-Authenticate")), (401, challenge))
            self.assertIn(b"does not know who sends", body)
            metadata = [f"authorization:{value}"] if value else []
            client = self.grpc(*metadata)
            self.assertEqual(client.call(request("x", [1])), UNAUTHENTICATED, client.message)
        harness.wait_until(lambda: self.unauthenticated() == 2 * len(wrong), "each is counted")
        self.assertEqual(self.post(number=2, Authorization=right)[0], 200)
        client = self.grpc(f"authorization:{right}")
        self.assertEqual(client.call(request("x", [3])), OK, client.message)
        self.everything_arrives([2, 3])
        self.assertEqual(set(self.identities()), {identity(2), identity(3)})

    def test_a_token(self):
        self.start({"bearertokenauth": {"token": "a-secret"}}, auth={"authenticator": "bearertokenauth"})
        self.asks("Bearer a-secret", ("", "Bearer a-secre", "Basic a-secret", "a-secret"), 'Bearer realm="otlp"')

    def test_a_password(self):
        file = self.folder / "htpasswd"
        file.write_text(f"bob:x\nann:{HASH}\n")
        self.start({"basicauth": {"htpasswd": {"file": str(file)}}}, auth={"authenticator": "basicauth"})
        right = "Basic " + base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
        harness.wait_until(lambda: self.post(number=2, Authorization=right)[0] == 200, "it is let in, busy or not")
        self.asks(right, ("", "Bearer x", "Basic !", "Basic YW5u"), 'Basic realm="otlp", charset="UTF-8"')

        def status(text):
            return self.post(number=4, Authorization="Basic " + base64.b64encode(text.encode()).decode())[0]
        harness.wait_until(lambda: status("ann:wrong") == 401, "a wrong password is refused, once there is time to look at it")
        file.write_text("ann:other\n")
        harness.wait_until(lambda: status("ann:other") == 200, "the file is read again")
        harness.wait_until(lambda: status(f"ann:{PASSWORD}") == 401, "what it had counts no more")

    def test_a_hash_is_computed_beside_the_receiver(self):
        """Which answers others over HTTP meanwhile."""
        agent = self.start({"basicauth": {"htpasswd": {"inline": f"ann:{SLOW_HASH}"}}}, auth={"authenticator": "basicauth"})
        receiver = agent.thread("receive")

        def cpu():
            """Seconds: of the receiver's thread, and of the agent with all threads that there were."""
            words = pathlib.Path(f"/proc/{agent.pid}/stat").read_text().rpartition(")")[2].split()
            ticks = int(words[11]) + int(words[12])
            return int((receiver / "schedstat").read_text().split()[0]) / 1e9, ticks / os.sysconf("SC_CLK_TCK")
        before = cpu()
        value = "Basic " + base64.b64encode(b"ann:wrong").decode()
        self.assertEqual(self.post(Authorization=value)[0], 401)
        receiver_cpu, all_cpu = (after - was for after, was in zip(cpu(), before))
        self.assertGreater(all_cpu, 0.05, "a hash was computed")
        self.assertLess(receiver_cpu, all_cpu / 2)
        agent.stop()

    def test_connections_of_one_sender_wait_for_one_answer(self):
        agent = self.start({"basicauth": {"htpasswd": {"inline": f"ann:{SLOW_HASH}"}}}, auth={"authenticator": "basicauth"})
        value = "Basic " + base64.b64encode(b"ann:wrong").decode()
        with concurrent.futures.ThreadPoolExecutor(4) as together:
            answers = [together.submit(self.post, Authorization=value) for _ in range(4)]
            self.assertEqual([answer.result()[0] for answer in answers], [401] * 4)
        agent.stop()

    def test_a_file_with_a_token_on_each_line_is_read_again(self):
        file = self.folder / "tokens"
        file.write_text("one\ntwo\n")
        self.start({"bearertokenauth": {"filename": str(file), "scheme": "Token", "header": "X-Key"}},
                   auth={"authenticator": "bearertokenauth"})
        self.assertEqual(self.post(number=1, X_Key="Token one")[0], 200)
        self.assertEqual(self.grpc("x-key:Token two").call(request("x", [2])), OK)
        self.assertEqual(self.post(X_Key="Token three")[0], 401)
        file.write_text("three\n")
        harness.wait_until(lambda: self.post(number=3, X_Key="Token three")[0] == 200, "the file is read again")
        harness.wait_until(lambda: self.grpc("x-key:Token two").call(request("x", [4])) == UNAUTHENTICATED,
                           "over gRPC as well")
        self.everything_arrives([1, 2, 3])

    def test_a_large_body_of_a_stranger_is_answered_all_the_same(self):
        self.start({"bearertokenauth": {"token": "a-secret"}}, auth={"authenticator": "bearertokenauth"})
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=harness.WATCHDOG)
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/traces", bytes(8 << 20), {"Content-Type": PROTOBUF})
        self.assertEqual(connection.getresponse().status, 401)


class Mistakes(Entrance):
    def test_each_is_named_with_its_place(self):
        authority = Authority(self.folder, "authority")
        certificate, key = authority.signed("agent")
        other = authority.signed("other")[1]
        broken = self.folder / "broken"
        broken.write_text("no certificate\n")
        good = {"cert_file": str(certificate), "key_file": str(key)}
        self.assertEqual(self.validated(tls=good)[0], 0)
        for tls, told in (({"cert_file": str(certificate)}, "cert_file and key_file go together"),
                          ({"client_ca_file": str(certificate)}, "client_ca_file needs them"),
                          ({**good, "cert_file": "/nonexistent"}, "tls.cert_file: cannot read /nonexistent"),
                          ({**good, "cert_file": str(broken)}, f"tls.cert_file: {broken}: "),
                          ({**good, "key_file": str(broken)}, f"tls.key_file: {broken}: "),
                          ({**good, "key_file": str(other)}, f"tls.key_file: {other}: "),
                          ({**good, "client_ca_file": str(broken)}, f"tls.client_ca_file: {broken}: "),
                          ({**good, "min_version": "1.1"}, "'1.1' is not one of: 1.2, 1.3"),
                          ({**good, "cipher_suites": ["x"]}, "is not here: OpenSSL's configuration says")):
            with self.subTest(told):
                code, said = self.validated(tls=tls)
                self.assertNotEqual(code, 0)
                self.assertIn(told, said)
                self.assertRegex(said, r"agent\.yaml[^\n]*:\d+")
        users = self.folder / "users"
        users.write_text("ann\n")
        for extension, told in (({"bearertokenauth": {"token": "x"}}, "the service has no extension 'basicauth'"),
                                ({"basicauth": {"client_auth": {"username": "a", "password": "b"}}},
                                 "htpasswd.inline: must be given, or htpasswd.file"),
                                ({"basicauth": {"htpasswd": {"inline": "ann"}}}, "line 1 is not USER:PASSWORD"),
                                ({"basicauth": {"htpasswd": {"file": "/nonexistent"}}},
                                 "htpasswd.file: cannot read /nonexistent"),
                                ({"basicauth": {"htpasswd": {"file": str(users)}}},
                                 f"htpasswd.file: {users}: line 1 is not USER:PASSWORD")):
            with self.subTest(told):
                code, said = self.validated(extension, auth={"authenticator": "basicauth"})
                self.assertNotEqual(code, 0)
                self.assertIn(told, said)
                self.assertRegex(said, r"agent\.yaml[^\n]*:\d+")

    def test_passwords_are_not_printed(self):
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(self.document({"basicauth": {"htpasswd": {"inline": f"ann:{HASH}"}}},
                                                 {"auth": {"authenticator": "basicauth"}})))
        done = subprocess.run([harness.AGENT, "print-config", "--config", file], env=harness.environment(), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("authenticator: basicauth", done.stdout)
        self.assertNotIn("salt1234", done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()

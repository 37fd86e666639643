# SPDX-License-Identifier: Apache-2.0
"""Backends that ask who sends: passwords, tokens out of files, tokens of a token server that does what token servers do.
nginx lets in whom it is told to, and a Collector behind it says what arrived."""

import os
import subprocess
import unittest

import agent_configuration
import authentication
import harness
from comparison import compare_all
from metrics_test import Page
from otlp_json import Received

PASSWORD = "open sesame, please"


class Authenticated(harness.Case):
    exporter = "otlp_grpc"
    tokens = None

    def setUp(self):
        super().setUp()
        try:
            subprocess.run(["nginx", "-v"], stdin=subprocess.DEVNULL, capture_output=True, check=True)
        except (FileNotFoundError, subprocess.CalledProcessError):
            raise unittest.SkipTest("nginx is not there") from None
        self.collector = self.workspace.collector()
        self.collector.start()
        self.received = Received(self.collector.received)

    def token_server(self, **settings):
        self.tokens = authentication.TokenServer(**settings)
        self.addCleanup(self.tokens.close)
        return self.tokens

    def door(self, rule):
        return authentication.Door(self.workspace, self.collector, rule, self.tokens.port if self.tokens else 1)

    def configure(self, door, extensions, authenticator, more=None):
        settings = agent_configuration.quick(door.endpoint(self.exporter), timeout="30s", tls={"ca_file": str(door.ca)},
                                             auth={"authenticator": authenticator})
        return agent_configuration.write(self.workspace, {self.exporter: settings, **(more or {})}, batch=64,
                                         extensions=extensions)

    def oauth2(self, door, more=None, **settings):
        extension = {"client_id": authentication.CLIENT, "client_secret": authentication.SECRET,
                     "token_url": self.tokens.url, "scopes": ["traces.write"], **settings}
        return self.configure(door, {"oauth2client": extension}, "oauth2client", more)

    def agent_of(self, file, **more):
        return self.workspace.agent("--config", file, "--metrics-address", "127.0.0.1:0", **more)

    def producer(self, seed, count):
        producer = self.workspace.producer("--seed", seed, "--count", count, "--flush", 60)
        producer.expect(0)
        return producer

    def secret(self, name, text):
        """A file, put in its place as a whole."""
        path = self.workspace.folder / name
        fresh = self.workspace.unique(name)
        fresh.write_text(text)
        fresh.rename(path)
        return path

    def counted(self, agent, name, **labels):
        return Page(agent).value(f"exporter_{name}", exporter=self.exporter, **labels)

    def nobody_learns(self, secrets, file, agent):
        """Neither who reads the log, nor the metrics, nor what the agent leaves on the disk, nor the printed configuration."""
        said = [agent.stderr(), agent.stdout()]
        said.append(subprocess.run([harness.AGENT, "--state-dir", self.workspace.state, "print-config", file],
                                   stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
                                   env=harness.environment()).stdout)
        for folder, _, names in os.walk(self.workspace.state):
            for name in names:
                with open(os.path.join(folder, name), "rb") as content:
                    said.append(content.read().decode(errors="replace"))
        for secret in secrets:
            for text in said:
                self.assertNotIn(secret, text)

    def test_a_password(self):
        users = self.workspace.unique("users")
        users.write_text(f"shop:{{PLAIN}}{PASSWORD}\n")
        door = self.door(f'auth_basic "who?"; auth_basic_user_file {users};')
        password = self.secret("password", "not that one\n")
        file = self.configure(door, {"basicauth/shop": {"client_auth": {"username": "shop", "password_file": str(password)}}},
                              "basicauth/shop")
        agent = self.agent_of(file)
        self.producer(1, 100)
        harness.wait_until(lambda: Page(agent).value("exporter_spans_rejected_total", exporter=self.exporter) == 100,
                           "what is sent with a wrong password is rejected")
        self.assertGreater(self.counted(agent, "unauthorized_total"), 0)
        self.assertEqual(self.received.count(), 0)
        self.secret("password", PASSWORD + "\n")
        # The file is looked at twice a second, and at once when somebody is refused.
        producers = [self.producer(2, 2000)]
        said = Page(agent).text
        compare_all(producers, self.received, agent, self.collector)
        self.assertNotIn(PASSWORD, said)
        self.nobody_learns([PASSWORD], file, agent)

    def test_a_token_in_a_file_that_is_rotated_under_load(self):
        tokens = self.token_server()
        tokens.known = {"Bearer first-of-all"}
        path = self.secret("token", "first-of-all\n")
        file = self.configure(self.door(authentication.ASK), {"bearertokenauth": {"filename": str(path)}}, "bearertokenauth")
        agent = self.agent_of(file)
        producer = self.workspace.producer("--seed", 3, "--endless", "--rate", 500)
        for token in ("second-of-all", "third-of-all", "fourth-of-all"):
            with tokens.lock:
                tokens.known.add(f"Bearer {token}")
            self.secret("token", f"{token}\n")
            had = self.received.count()
            harness.wait_until(lambda had=had: self.received.count() > had + 100, "spans go on")
            # Whoever rotates takes the old one away later; that the agent has not looked yet is found when it is refused.
            with tokens.lock:
                tokens.known = {f"Bearer {token}"}
            had = self.received.count()
            harness.wait_until(lambda had=had: self.received.count() > had + 100, "spans go on")
        harness.end_all([producer])
        compare_all([producer], self.received, agent, self.collector)
        self.nobody_learns(["first-of-all", "second-of-all", "third-of-all", "fourth-of-all"], file, agent)

    def test_tokens_that_end_and_are_taken_away_under_load(self):
        tokens = self.token_server(lifetime=2)  # seconds, so that each is replaced after one
        file = self.oauth2(self.door(authentication.ASK))
        agent = self.agent_of(file)
        producer = self.workspace.producer("--seed", 4, "--endless", "--rate", 500)
        harness.wait_until(lambda: len(tokens.given) >= 3 and self.received.count() > 100, "tokens are replaced before they end")
        self.assertEqual(self.counted(agent, "unauthorized_total"), 0)
        tokens.lifetime = 3600
        before = len(tokens.given)
        harness.wait_until(lambda: len(tokens.given) > before, "a token that lasts")
        tokens.forget_all()
        had = self.received.count()
        harness.wait_until(lambda: self.received.count() > had + 1000, "spans go on with another one")
        self.assertGreater(self.counted(agent, "unauthorized_total"), 0)
        self.assertEqual(self.counted(agent, "token_requests_total", result="obtained"), len(tokens.given))
        self.assertTrue(all(form["scope"] == ["traces.write"] for form in tokens.asked))
        harness.end_all([producer])
        compare_all([producer], self.received, agent, self.collector)
        self.assertNotIn("dropped", agent.stderr())
        self.nobody_learns([authentication.SECRET, *tokens.given], file, agent)

    def test_a_token_server_that_hangs_or_fails_delays_no_other_exporter(self):
        tokens = self.token_server()
        tokens.hangs.set()
        file = self.oauth2(self.door(authentication.ASK), more={"store": None}, timeout="500ms")
        agent = self.agent_of(file)
        producers = [self.producer(5, 2000)]
        harness.wait_until(lambda: Page(agent).value("exporter_spans_exported_total", exporter="store") == 2000,
                           "the other exporter has everything")
        self.assertEqual(self.received.count(), 0)

        def told(reason):
            page = Page(agent)
            status = subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments,
                                     "status", "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                    env=harness.environment(), timeout=harness.WATCHDOG).stdout
            return page.value("exporter_healthy", exporter=self.exporter) == 0 and reason in status
        harness.wait_until(lambda: told("no answer within 500ms"), "people are told that there is no token, and why")
        tokens.status = 503
        tokens.hangs.clear()
        harness.wait_until(lambda: told("HTTP 503 (temporarily_unavailable)"), "... and why there is none now")
        producers.append(self.producer(6, 500))
        self.assertGreater(self.counted(agent, "token_requests_total", result="failed"), 0)
        tokens.status = 200
        compare_all(producers, self.received, agent, self.collector)
        self.nobody_learns([authentication.SECRET, *tokens.given], file, agent)


class HttpAuthenticated(Authenticated):
    exporter = "otlp_http"


if __name__ == "__main__":
    harness.main()

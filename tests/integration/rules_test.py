# SPDX-License-Identifier: Apache-2.0
"""`spanring rules`: by which rules traces are kept, changed while the agent runs; each span is accounted for."""

import json
import subprocess
import urllib.request

import agent_configuration
import harness
from otlp_json import Received
from receiving import HttpReceiving, request_of, span
from scripted import Scripted

ERRORS = {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}
ALL = {"name": "all", "type": "always_sample"}


class Rules(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector()
        self.received = Received(self.collector.received)
        self.port = harness.free_port()

    def configuration(self, *policies, receivers=None):
        processors = {"tail_sampling": {"policies": list(policies), "linger": "50ms"}} if policies else {}
        processors["batch"] = {"send_batch_size": 64, "timeout": "20ms"}
        pipeline = {"processors": list(processors), "exporters": ["otlp_grpc"]}
        document = {"processors": processors, "exporters": {"otlp_grpc": agent_configuration.quick(self.collector.endpoint)},
                    "service": {"telemetry": {"metrics": {"address": f"127.0.0.1:{self.port}"}}, "pipelines": {"traces": pipeline}}}
        if receivers:
            document["receivers"] = receivers
            pipeline["receivers"] = list(receivers)
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(document))
        return file

    def agent(self, *policies):
        self.collector.start()
        return self.workspace.agent("--config", self.configuration(*policies))

    def ask(self, *arguments):
        return subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments,
                               *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=harness.environment(), timeout=2 * harness.WATCHDOG)

    def rules(self, *arguments):
        """Done, and what it said."""
        ended = self.ask("rules", *arguments)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), arguments)
        return ended.stdout

    def listed(self):
        document = json.loads(self.rules("list", "--json"))
        self.assertEqual(document["problem"], "")
        return {rule["name"]: rule for rule in document["rules"]}

    def live(self):
        return [name for name, rule in self.listed().items() if rule["live"]]

    def write_file(self, text):
        """As the command does, at once."""
        file = self.workspace.unique("rules.json")
        file.touch(mode=0o600)
        file.write_text(text)
        file.rename(self.workspace.state / "rules.json")

    def wait_for_rule(self, name, **numbers):
        """What was decided by it since it says what it says."""
        def counted():
            rule = self.listed()[name]
            return {key: rule[key] for key in numbers} == numbers
        harness.wait_until(counted, f"{name} has {numbers}")

    def page(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=harness.WATCHDOG) as answer:
            return answer.read().decode()

    def wait_for_line(self, line):
        harness.wait_until(lambda: line in self.page().splitlines(), f"the metrics have: {line}")

    def names(self, count):
        harness.wait_until(lambda: self.received.count() >= count, f"{count} spans arrive")
        return sorted(each.fields["name"] for each in self.received.spans)

    def test_rules_are_changed_while_spans_flow(self):
        agent = self.agent(ERRORS, ALL)
        shop = Scripted(self.workspace, "shop")
        self.assertEqual([(name, rule["live"], rule["effect"]) for name, rule in self.listed().items()],
                         [("errors", False, "status_code"), ("all", False, "always_sample"), ("no_policy", False, "")])
        shop.span("GET:/cart")
        self.wait_for_rule("all", traces_kept=1, spans_kept=1)
        self.assertEqual(self.rules("add", "--service", "shop", "--operation", "GET:/cart*", "--drop"),
                         "shop GET:/cart*: service shop, operation GET:/cart*: drop\n")
        shop.span("GET:/cart/1")
        shop.span("GET:/", error=True)
        self.wait_for_rule("shop GET:/cart*", traces_dropped=1, spans_sampled_out=1, traces_kept=0)
        self.wait_for_rule("errors", traces_kept=1)
        # Another one before it.
        self.rules("add", "failed", "--error", "--keep", "--first")
        self.assertEqual(list(self.listed()), ["failed", "shop GET:/cart*", "errors", "all", "no_policy"])
        shop.span("GET:/cart/2", error=True)
        shop.span("GET:/cart/3")
        self.wait_for_rule("failed", traces_kept=1)
        self.wait_for_rule("shop GET:/cart*", traces_dropped=2)
        self.assertEqual(self.names(3), ["GET:/", "GET:/cart", "GET:/cart/2"])
        # One that says something else counts anew; the accounts go on.
        self.rules("set", "shop GET:/cart*", "--service", "sh*", "--drop")
        shop.span("POST:/")
        self.wait_for_rule("shop GET:/cart*", traces_dropped=1)
        self.wait_for_line('spanring_tail_sampling_sampled_out_spans_total{rule="shop GET:/cart*"} 3')
        self.wait_for_line('spanring_spans_sampled_out_total{rule="shop GET:/cart*"} 3')
        # A reload leaves them as they are.
        self.assertEqual(self.ask("reload").returncode, 0)
        shop.span("POST:/again")
        self.wait_for_rule("shop GET:/cart*", traces_dropped=2)
        status = self.ask("status")
        self.assertIn("rules       2 set by `spanring rules` before those of the configuration", status.stdout)
        for command in ([harness.COMMAND, "--state-dir", self.workspace.state, "status", "--configuration"],
                        [harness.AGENT, "print-config", "--config", self.configuration(ALL), "--state-dir", self.workspace.state]):
            said = subprocess.run(command, capture_output=True, text=True, env=harness.environment(), timeout=harness.WATCHDOG)
            self.assertIn("#   shop GET:/cart*: service sh*: drop\n", said.stdout, said.stderr)
        self.rules("remove", "failed", "shop GET:/cart*")
        shop.span("GET:/cart/4")
        self.assertEqual(self.names(4), ["GET:/", "GET:/cart", "GET:/cart/2", "GET:/cart/4"])
        self.assertEqual(self.live(), [])
        harness.end_all([shop])
        row, = self.workspace.accounting()
        self.assertEqual(row["rules"], [{"name": "shop GET:/cart*", "sampled_out": 4, "late": 0}])
        self.assertIn("ended 8 = exported 4 + rejected 0 + sampled_out{shop GET:/cart*} 4 + dropped 0 + pending 0",
                      self.workspace.command("audit"))
        agent.stop()

    def test_they_outlast_a_killed_agent(self):
        """With their places: what is late by a rule that is gone is booked by it."""
        agent = self.agent(ALL)
        self.rules("add", "gone", "--operation", "root", "--drop")
        self.rules("add", "stays", "--operation", "other", "--drop")
        shop = Scripted(self.workspace, "shop")
        own = shop.span("root")
        shop.span("other")
        self.wait_for_line('spanring_spans_sampled_out_total{rule="gone"} 1')
        self.wait_for_line('spanring_spans_sampled_out_total{rule="stays"} 1')
        self.rules("remove", "gone")
        agent.kill()
        agent = self.workspace.agent("--config", self.configuration(ALL))
        self.assertEqual(self.live(), ["stays"])
        shop.span("late", own)
        self.wait_for_line('spanring_spans_sampled_out_total{rule="gone"} 2')
        shop.span("other")
        self.wait_for_rule("stays", traces_dropped=1)
        harness.end_all([shop])
        row, = self.workspace.accounting()
        self.assertEqual({rule["name"]: rule["sampled_out"] for rule in row["rules"]}, {"gone": 2, "stays": 2})
        self.assertEqual(self.received.count(), 0)
        agent.stop()

    def test_one_that_holds_for_a_while_ends(self):
        agent = self.agent(ALL)
        self.assertRegex(self.rules("add", "storm", "--drop", "--for", "1s"), r"^storm: any: drop, until \d")
        harness.wait_until(lambda: self.live() == [], "its time is over")
        shop = Scripted(self.workspace, "shop")
        shop.span("kept")
        self.assertEqual(self.names(1), ["kept"])
        self.rules("add", "for a day", "--drop", "--for", "1d")
        self.assertEqual([rule["name"] for rule in json.loads((self.workspace.state / "rules.json").read_text())["rules"]], ["for a day"])
        self.assertRegex(self.rules("list"), r"(?m)^for a day +live +any +drop +\d")
        harness.end_all([shop])
        agent.stop()

    def test_a_budget_bounds_what_is_kept(self):
        agent = self.agent(ALL)
        self.rules("add", "budget", "--service", "shop", "--traces-per-second", "0.001")
        shop = Scripted(self.workspace, "shop")
        for _ in range(5):
            shop.span("one")
        self.wait_for_rule("budget", traces_kept=1, traces_dropped=4)
        self.rules("set", "budget", "--service", "shop", "--probability", "1")
        shop.span("two")
        self.wait_for_rule("budget", traces_kept=1, traces_dropped=0)
        self.assertEqual(self.names(2), ["one", "two"])
        harness.end_all([shop])
        self.workspace.accounting()
        agent.stop()

    def test_what_is_wrong_changes_nothing(self):
        agent = self.agent(ALL)
        self.rules("add", "first", "--operation", "a", "--drop")
        file = self.workspace.state / "rules.json"
        before = file.read_text()
        for arguments, code, message in (
                (("add", "x"), 2, "what becomes of these traces? One of --keep, --drop, --probability,"),
                (("add", "x", "--keep", "--drop"), 2, "what becomes of these traces?"),
                (("add", "x", "--probability", "1.5"), 2, "probability is not above 0 and up to 1"),
                (("add", "x", "--probability", "nan"), 2, "probability is not above 0 and up to 1"),
                (("add", "x", "--probability", "much"), 2, "--probability"),
                (("add", "x", "--traces-per-second", "0"), 2, "traces_per_second is not above 0 and up to 1000000000"),
                (("add", "x", "--spans-per-second=-1"), 2, "spans_per_second is not above 0 and up to 1000000000"),
                (("add", "x", "--drop", "--for", "10 minutes"), 2, "--for '10 minutes' is not a duration"),
                (("add", "x", "--drop", "--for", "0s"), 2, "--for '0s' is not a duration"),
                (("add", "x", "--drop", "--slower-than", "long"), 2, "--slower-than 'long' is not a duration"),
                (("add", "x", "--drop", "--attribute", "customer"), 2, "--attribute 'customer': must be KEY=VALUE"),
                (("add", "x", "--drop", "--resource", "=a"), 2, "--resource '=a': must be KEY=VALUE"),
                (("add", "x", "--drop", "--attribute", "a=1", "--attribute", "a=2"), 2, "its key is there twice"),
                (("add", "a\x1b[31m\nb", "--drop"), 2, "name has characters that cannot be seen"),
                (("add", "a" * 201, "--drop"), 2, "name is longer than 200 bytes"),
                (("add", "x", "--drop", "--operation", "a" * 1025), 2, "operation is longer than 1024 bytes"),
                (("add", "all", "--drop"), 2, "'all' is a policy of the configuration"),
                (("add", "no_policy", "--drop"), 2, "'no_policy' is a policy of the configuration"),
                (("add", "(other)", "--drop"), 2, "'(other)' stands for many rules"),
                (("add", "first", "--drop"), 2, "there is a rule 'first' already"),
                (("remove", "frist"), 1, "there is no rule 'frist', did you mean 'first'?"),
                (("remove", "all"), 2, "'all' is a policy of the configuration"),
                (("set", "--drop"), 2, "name is required")):
            with self.subTest(arguments=arguments):
                ended = self.ask("rules", *arguments)
                self.assertEqual((ended.returncode, ended.stdout), (code, ""))
                self.assertIn(message, ended.stderr)
                self.assertNotIn("\x1b", ended.stderr)
                self.assertEqual(file.read_text(), before)
        # By hand.
        for text in ("{", '{"rules": [{"name": "x"}]}', '{"rules": 1}', "\0" * 100, '{"rules": [' + "[" * 5000):
            with self.subTest(text=text[:30]):
                self.write_file(text)
                document = json.loads(self.rules("list", "--json"))
                self.assertIn(f"{file}: ", document["problem"])
                self.assertEqual([rule["name"] for rule in document["rules"] if rule["live"]], ["first"])
                self.assertEqual(self.ask("rules", "add", "x", "--drop").returncode, 3)
                self.assertEqual(file.read_text(), text)
        self.assertIn("rules.json", self.ask("status").stdout)
        self.rules("reset")
        self.assertEqual(self.live(), [])
        agent.stop()

    def test_there_can_be_so_many(self):
        agent = self.agent(ALL)
        rules = [{"name": f"rule {place}", "operation": f"operation-{place}", "drop": True} for place in range(16)]
        self.write_file(json.dumps({"rules": rules}))
        self.assertEqual(len(self.live()), 16)
        shop = Scripted(self.workspace, "shop")
        for place in range(16):
            shop.span(f"operation-{place}")
        shop.span("kept")
        self.assertEqual(self.names(1), ["kept"])
        ended = self.ask("rules", "add", "more", "--drop")
        self.assertEqual(ended.returncode, 3)
        self.assertIn("rules: more than 16", ended.stderr)
        self.assertEqual({rule["traces_dropped"] for rule in self.listed().values() if rule["live"]}, {1})
        for rule in rules[1:]:  # each in a place of its own, of which there are 31 beside one policy
            rule["operation"] = "changed"
        self.write_file(json.dumps({"rules": rules}))
        self.assertEqual({rule["conditions"] for rule in self.listed().values() if rule["live"]}, {"operation operation-0", "operation changed"})
        ended = self.ask("rules", "set", "rule 0", "--operation", "again", "--drop")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("nothing has changed: rules: too many were changed within decision_cache.kept_for", ended.stderr)
        self.assertEqual(self.listed()["rule 0"]["conditions"], "operation operation-0")
        harness.end_all([shop])
        self.workspace.accounting()
        agent.stop()

    def test_who_decides_nothing_has_none(self):
        ended = self.ask("rules", "list")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("no agent runs there", ended.stderr)
        agent = self.agent()
        for arguments in (("list",), ("add", "--drop"), ("remove", "x"), ("reset",)):
            ended = self.ask("rules", *arguments)
            self.assertEqual(ended.returncode, 2)
            self.assertIn("its configuration has no processors.tail_sampling", ended.stderr)
        self.assertFalse((self.workspace.state / "rules.json").exists())
        agent.stop()

    def test_the_accounting_is_exact_under_load(self):
        """Rules come and go, and the agent is killed, while processes write."""
        self.collector.start()
        file = self.configuration(ALL)
        agent = self.workspace.agent("--config", file)
        producers = [self.workspace.producer("--seed", seed, "--count", 4000, "--flush", 60) for seed in range(3)]
        for turn in range(12):
            self.rules("set", "share", "--probability", str((turn % 4 + 1) / 5))
            if turn % 4 == 3:
                agent.kill()
                agent = self.workspace.agent("--config", file)
                self.assertEqual(self.live(), ["share"])
        self.rules("reset")
        harness.end_all(producers)
        rows = self.workspace.accounting()
        self.assertEqual(sum(row["ended"] for row in rows), 12000)
        for row in rows:
            self.assertEqual({rule["name"] for rule in row["rules"]} - {"share"}, set())
            self.assertEqual(sum(rule["sampled_out"] for rule in row["rules"]), row["exporters"][0]["sampled_out"])
        agent.stop()


class OfSenders(HttpReceiving):
    def test_rules_are_asked_about_what_comes_by_otlp(self):
        self.collector.start()
        processors = {"tail_sampling": {"policies": [ALL], "linger": "50ms"}, "batch": {"timeout": "20ms"}}
        receivers = {"spanring": None, "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}}}
        document = {"receivers": receivers, "processors": processors,
                    "exporters": {"otlp_grpc": agent_configuration.quick(self.collector.endpoint)},
                    "service": {"pipelines": {"traces": {"receivers": list(receivers), "processors": list(processors),
                                                         "exporters": ["otlp_grpc"]}}}}
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(document))
        agent = self.workspace.agent("--config", file)
        for number, service in enumerate(("cart", "shop", "cart"), start=1):
            if number == 2:
                self.workspace.command("rules", "add", "--service", "cart", "--drop")
            self.assertEqual(self.post(request_of(service, [span(number, bytes([number] * 16))])).status, 200)
        harness.wait_until(lambda: self.received.count() == 2, "what is not of that service arrives")
        harness.wait_until(lambda: "received 2 = exported 1 + rejected 0 + sampled_out{cart} 1" in self.workspace.command("audit"),
                           "the other one is booked by the rule")
        agent.stop()


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""Traces are decided when they are over: by what processes have open, across processes, whoever is killed, and each span is
accounted for."""

import json
import urllib.request

import agent_configuration
import harness
from otlp_json import Received
from scripted import Scripted

ERRORS = {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}
WANTED = {"name": "wanted", "type": "span_name", "span_name": {"values": ["wanted"]}}
UNFINISHED = {"name": "unfinished", "type": "unfinished"}
ALL = {"name": "all", "type": "always_sample"}


class TailSampling(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector()
        self.received = Received(self.collector.received)
        self.port = harness.free_port()

    def configuration(self, *policies, batch=64, **sampling):
        processors = {"tail_sampling": {"policies": list(policies), **sampling},
                      "batch": {"send_batch_size": batch, "timeout": "20ms"}}
        document = {"processors": processors, "exporters": {"otlp_grpc": agent_configuration.quick(self.collector.endpoint)},
                    "service": {"telemetry": {"metrics": {"address": f"127.0.0.1:{self.port}"}},
                                "pipelines": {"traces": {"processors": list(processors), "exporters": ["otlp_grpc"]}}}}
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(document))
        return file

    def agent(self, *policies, **sampling):
        self.collector.start()
        return self.workspace.agent("--config", self.configuration(*policies, **sampling))

    def process(self, service="shop"):
        return Scripted(self.workspace, service)

    def metric(self, name, **labels):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=harness.WATCHDOG) as answer:
            page = answer.read().decode()
        inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
        beginning = name + ("{" + inside + "} " if inside else " ")
        (line,) = [line for line in page.splitlines() if line.startswith(beginning)]
        return int(float(line.split()[-1]))

    def wait_for_metric(self, name, value, **labels):
        harness.wait_until(lambda: self.metric(name, **labels) == value, f"{name}{labels} is {value}")

    def names(self, count):
        harness.wait_until(lambda: self.received.count() >= count, f"{count} spans arrive")
        return sorted(span.fields["name"] for span in self.received.spans)

    def test_the_right_traces_are_kept(self):
        agent = self.agent(ERRORS, WANTED)
        shop, cart = self.process("shop"), self.process("cart")
        for error in (False, True):
            own = shop.say("start", 1, "front")
            cart.span("back", own, error=error)
            shop.say("end", 1)
        shop.span("plain")
        shop.span("wanted")
        self.assertEqual(self.names(3), ["back", "front", "wanted"])
        self.wait_for_metric("spanring_tail_sampling_sampled_out_spans_total", 3, rule="no_policy")
        self.wait_for_metric("spanring_tail_sampling_traces_total", 1, rule="errors", decision="kept")
        harness.end_all([shop, cart])
        self.wait_for_metric("spanring_exporter_spans_sampled_out_total", 3, exporter="otlp_grpc")
        self.wait_for_metric("spanring_exporter_spans_exported_total", 3, exporter="otlp_grpc")
        self.assertEqual(self.received.count(), 3)
        agent.stop()

    def test_a_callee_that_starts_after_its_caller_ended(self):
        agent = self.agent(ERRORS, linger="5s")
        shop, cart = self.process("shop"), self.process("cart")
        own = shop.span("caller")
        self.wait_for_metric("spanring_tail_sampling_undecided_spans", 1)  # what looks like an end, and is within the linger
        cart.span("callee", own, error=True)
        self.assertEqual(self.names(2), ["callee", "caller"])
        agent.stop()

    def test_a_context_goes_through_a_queue(self):
        """Nothing is open while it is there; who took it out of the queue was at work in the meantime."""
        agent = self.agent(ERRORS, linger="30s", decision_wait="60s")
        shop, worker = self.process("shop"), self.process("worker")
        queue = [shop.span("put", number=1), shop.span("put", number=1)]
        self.wait_for_metric("spanring_tail_sampling_undecided_spans", 2)
        for place, own in enumerate(queue):
            worker.span("take", own, error=place == 0)
        self.wait_for_metric("spanring_tail_sampling_undecided_spans", 4)
        self.assertEqual(self.received.count(), 0)
        agent.stop()  # which waits for nothing more
        self.assertEqual(self.names(2), ["put", "take"])
        harness.end_all([shop, worker])

    def test_a_task_that_starts_after_its_parent_ended(self):
        """Beside another one, which holds the trace open though its root is over."""
        agent = self.agent(ERRORS)
        shop = self.process()
        root = shop.say("start", 1, "root")
        shop.say("start", 2, "sibling", root)
        shop.say("end", 1)
        rounds = self.metric("spanring_tail_sampling_rounds_total")
        harness.wait_until(lambda: self.metric("spanring_tail_sampling_rounds_total") > rounds + 3, "three more rounds")
        self.assertEqual(self.metric("spanring_tail_sampling_undecided_spans"), 1)
        shop.span("task", root, error=True, number=3)
        shop.say("end", 2)
        self.assertEqual(self.names(3), ["root", "sibling", "task"])
        agent.stop()

    def test_a_remote_parents_decision_is_followed(self):
        agent = self.agent({"name": "follow", "type": "follow"})
        shop, cart = self.process("shop"), self.process("cart")
        shop.span("plain")
        cart.span("called", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
        own = shop.say("start", 1, "front")
        cart.span("back", own)
        shop.say("end", 1)
        self.assertEqual(self.names(3), ["back", "called", "front"])
        self.wait_for_metric("spanring_tail_sampling_sampled_out_spans_total", 1, rule="no_policy")
        self.wait_for_metric("spanring_tail_sampling_traces_total", 2, rule="follow", decision="kept")
        agent.stop()

    def test_what_is_kept_by_chance_says_so(self):
        """Of OpenTelemetry's probability sampling: the last seven bytes of a trace id are not below the threshold."""
        half = {"name": "half", "type": "probabilistic", "probabilistic": {"sampling_percentage": 50, "mode": "equalizing"}}
        agent = self.agent(ERRORS, half)
        shop = self.process()
        parents = [f"00-{'5' * 18}{'80' if kept else '7f'}{'f' * 11}{place:x}-0123456789abcdef-01"
                   for place in range(8) for kept in (False, True)]
        for parent in parents:
            shop.span("plain", parent)
        shop.span("failed", parents[0].replace("5", "6"), error=True)
        self.assertEqual(self.names(9), ["failed"] + ["plain"] * 8)
        self.wait_for_metric("spanring_tail_sampling_sampled_out_spans_total", 8, rule="half")
        for span in self.received.spans:
            chosen = span.fields["name"] == "plain"
            self.assertEqual(span.fields.get("traceState", ""), "ot=th:8" if chosen else "")
            self.assertEqual(span.fields["traceId"][18] == "8", chosen)
        shop.span("late", parents[1])
        shop.span("late", parents[0])
        self.names(10)
        self.wait_for_metric("spanring_tail_sampling_sampled_out_spans_total", 9, rule="half")
        self.assertEqual([span.fields.get("traceState", "") for span in self.received.spans if span.fields["name"] == "late"],
                         ["ot=th:8"])
        agent.stop()

    def test_what_is_kept_by_chance_says_so_out_of_a_file_and_after_a_kill(self):
        half = {"name": "half", "type": "probabilistic", "probabilistic": {"sampling_percentage": 50, "mode": "equalizing"}}
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration(half, linger="60s", decision_wait="120s", ring_linger="10ms"))
        shop = self.process()
        parents = [f"00-{'5' * 18}{digit}{'f' * 13}-0123456789abcdef-01" for digit in "7e"]
        for parent in parents:
            shop.span("plain", parent)
        self.wait_for_metric("spanring_tail_sampling_filed_spans", 2)
        agent.kill()
        agent = self.workspace.agent("--config", self.configuration(half))
        self.assertEqual(self.names(1), ["plain"])
        self.assertEqual([span.fields["traceState"] for span in self.received.spans], ["ot=th:8"])
        self.wait_for_metric("spanring_tail_sampling_sampled_out_spans_total", 1, rule="half")
        harness.end_all([shop])
        agent.stop()

    def test_what_is_unusual_for_its_operation_is_kept(self):
        slow = {"name": "slow", "type": "latency", "latency": {"above_quantile": 0.95}}
        fair = {"name": "fair", "type": "fair_rate", "fair_rate": {"traces_per_second": 7, "among": "operations"}}
        agent = self.agent(slow, fair, linger="2s")  # so that all are decided at once
        shop = self.process()
        lines = ["start 0 usual", "end 0 5"] * 200 + ["start 0 usual", "end 0 500"]
        shop.popen.stdin.write("".join(line + "\n" for line in lines).encode())
        shop.popen.stdin.flush()
        self.wait_for_metric("spanring_tail_sampling_traces_total", 1, rule="slow", decision="kept")
        self.wait_for_metric("spanring_tail_sampling_undecided_spans", 0)
        kept = self.metric("spanring_tail_sampling_kept_spans_total", rule="fair")
        self.assertTrue(0 < kept < 200, kept)
        self.wait_for_metric("spanring_tail_sampling_sampled_out_spans_total", 200 - kept, rule="fair")
        self.names(kept + 1)
        took = [int(span.fields["endTimeUnixNano"]) - int(span.fields["startTimeUnixNano"]) for span in self.received.spans]
        self.assertEqual([nanoseconds > 400_000_000 for nanoseconds in sorted(took)], [False] * kept + [True])
        agent.stop()

    def test_a_late_error_is_counted(self):
        agent = self.agent(ERRORS)
        shop = self.process()
        own = shop.span("early")
        self.wait_for_metric("spanring_tail_sampling_sampled_out_spans_total", 1, rule="no_policy")
        shop.span("late", own, error=True)
        self.wait_for_metric("spanring_tail_sampling_late_errors_total", 1, rule="no_policy")
        self.wait_for_metric("spanring_tail_sampling_sampled_out_spans_total", 2, rule="no_policy")
        kept = shop.span("kept", error=True)
        self.names(1)
        shop.span("late", kept)
        self.assertEqual(self.names(2), ["kept", "late"])
        agent.stop()

    def test_a_process_that_is_killed_leaves_unfinished_spans(self):
        agent = self.agent(UNFINISHED)
        shop, cart = self.process("shop"), self.process("cart")
        own = shop.say("start", 1, "left")
        cart.span("called", own)
        cart.span("other")
        self.wait_for_metric("spanring_tail_sampling_sampled_out_spans_total", 1, rule="no_policy")
        shop.kill()
        self.assertEqual(self.names(2), ["called", "left"])
        agent.stop()

    def test_a_trace_that_never_ends_is_decided_early(self):
        agent = self.agent(ALL, decision_wait="300ms")
        shop = self.process()
        own = shop.say("start", 1, "endless")
        shop.span("part", own, number=2)
        self.assertEqual(self.names(1), ["part"])
        self.wait_for_metric("spanring_tail_sampling_early_total", 1, cause="decision_wait")
        shop.say("end", 1)
        self.assertEqual(self.names(2), ["endless", "part"])
        agent.stop()

    def test_a_flush_waits_for_the_decision(self):
        agent = self.agent(ERRORS)
        shop = self.process()
        shop.span("wanted", error=True)
        shop.span("plain")
        self.assertEqual(shop.say("flush", 60), "flushed")
        self.assertEqual(self.names(1), ["wanted"])
        agent.stop()

    def test_a_killed_agent_loses_nothing_that_waited(self):
        agent = self.agent(ERRORS)
        file = agent.popen.args[agent.popen.args.index("--config") + 1]
        shop, cart = self.process("shop"), self.process("cart")
        dropped = shop.span("dropped")
        kept = shop.span("kept", error=True)
        self.names(1)
        self.wait_for_metric("spanring_exporter_spans_exported_total", 1, exporter="otlp_grpc")  # else it comes again
        self.wait_for_metric("spanring_tail_sampling_sampled_out_spans_total", 1, rule="no_policy")
        root = shop.say("start", 1, "root")
        cart.span("failed", root, error=True)
        cart.span("plain", shop.say("start", 2, "other"))
        self.wait_for_metric("spanring_tail_sampling_undecided_spans", 2)
        agent.kill()
        agent = self.workspace.agent("--config", file)
        self.wait_for_metric("spanring_tail_sampling_undecided_spans", 2)
        shop.say("end", 1)
        shop.say("end", 2)
        self.assertEqual(self.names(3), ["failed", "kept", "root"])
        # What the agent before decided is followed by the spans that come late.
        shop.span("late", kept)
        shop.span("late", dropped, error=True)
        self.assertEqual(self.names(4), ["failed", "kept", "late", "root"])
        self.wait_for_metric("spanring_tail_sampling_late_errors_total", 1, rule="no_policy")
        harness.end_all([shop, cart])
        self.wait_for_metric("spanring_exporter_spans_sampled_out_total", 4, exporter="otlp_grpc")
        self.wait_for_metric("spanring_exporter_spans_exported_total", 4, exporter="otlp_grpc")
        self.assertEqual(self.metric("spanring_spans_ended_total"), 8)
        # By rule as well, whoever was killed.
        self.wait_for_metric("spanring_spans_sampled_out_total", 4, rule="no_policy")
        self.assertEqual(self.metric("spanring_spans_late_total", rule="no_policy"), 1)
        rows = {process["service"]: process for process in self.workspace.accounting()}
        self.assertEqual(rows["shop"]["rules"], [{"name": "no_policy", "sampled_out": 3, "late": 1}])
        self.assertEqual(rows["cart"]["rules"], [{"name": "no_policy", "sampled_out": 1, "late": 0}])
        self.assertIn("ended 6 = exported 3 + rejected 0 + sampled_out{no_policy} 3 + dropped 0 + pending 0",
                      self.workspace.command("audit"))
        agent.stop()

    def test_rules_that_are_no_more_are_in_the_accounts(self):
        few = {"name": "few \x1b[31m", "type": "never"}
        agent = self.agent(few)
        shop = self.process()
        shop.span("one")
        self.wait_for_metric("spanring_tail_sampling_sampled_out_spans_total", 1, rule=few["name"])
        agent.stop()
        agent = self.workspace.agent("--config", self.configuration({"name": "none", "type": "never"}))
        shop.span("two")
        shop.span("three")
        self.wait_for_metric("spanring_spans_sampled_out_total", 2, rule="none")
        self.wait_for_metric("spanring_spans_sampled_out_total", 1, rule="(other)")
        audit = self.workspace.command("audit")
        self.assertIn("sampled_out{none} 2", audit)
        self.assertIn("sampled_out{few ", audit)
        self.assertNotIn("\x1b[31m", audit)
        agent.stop()


if __name__ == "__main__":
    harness.main()

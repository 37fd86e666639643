# SPDX-License-Identifier: Apache-2.0
"""The same traces through the agent's tail sampling and through the Collector's, with the same policies: the same ones are kept.

Processes write them while no agent runs, and end. Of what they leave there are copies: one is drained without sampling into a
Collector that has a pipeline for each set of policies, and one for each set by an agent that decides. Policies that depend on
the clock (rate_limiting) or that one side does not have are not here.
"""

import json
import random
import subprocess

import agent_configuration
import harness
from otlp_json import Received

SCRIPTED = harness.BUILD / "tests/integration/scripted"
TRACES = 250  # of each of two processes
MARK = "mark"

ALL = {"type": "always_sample"}
ERROR = {"type": "status_code", "status_code": {"status_codes": ["ERROR"]}}
OK_OR_UNSET = {"type": "status_code", "status_code": {"status_codes": ["OK", "UNSET"]}}
SLOW = {"type": "latency", "latency": {"threshold_ms": 300}}
BETWEEN = {"type": "latency", "latency": {"threshold_ms": 100, "upper_threshold_ms": 600}}
GOLD = {"type": "string_attribute", "string_attribute": {"key": "tier", "values": ["gold", "platinum"]}}
PATTERN = {"type": "string_attribute",
           "string_attribute": {"key": "tier", "values": ["^go", "er$"], "enabled_regex_matching": True}}
OF_RESOURCE = {"type": "string_attribute", "string_attribute": {"key": "service.name", "values": ["cart"]}}
NUMBER = {"type": "numeric_attribute", "numeric_attribute": {"key": "items", "min_value": -3, "max_value": 4}}
FLAG = {"type": "boolean_attribute", "boolean_attribute": {"key": "gift", "value": True}}
NO_FLAG = {"type": "boolean_attribute", "boolean_attribute": {"key": "gift", "value": False}}


def share(percentage, **more):
    return {"type": "probabilistic", "probabilistic": {"sampling_percentage": percentage, **more}}


def condition(*texts):
    return {"type": "ottl_condition", "ottl_condition": {"error_mode": "ignore", "span": list(texts)}}


def all_of(*policies):
    return {"type": "and", "and": {"and_sub_policy": parts(policies)}}


def parts(policies):
    return [{"name": f"part-{place}", **policy} for place, policy in enumerate(policies)]


def composite(rates, *policies):
    """Rates that are never reached, or none."""
    return {"type": "composite", "composite": {
        "max_total_spans_per_second": 1_000_000_000, "policy_order": [part["name"] for part in parts(policies)],
        "composite_sub_policy": parts(policies),
        "rate_allocation": [{"policy": f"part-{place}", "percent": rate} for place, rate in enumerate(rates) if rate is not None]}}


CONDITION = condition('attributes["tier"] == "gold" and kind != SPAN_KIND_SERVER', 'status.code == STATUS_CODE_ERROR and not IsRootSpan()',
                      'IsMatch(resource.attributes["service.name"], "^c") and attributes["items"] > 15')

POLICIES = {
    "all": [ALL], "error": [ERROR], "ok_or_unset": [OK_OR_UNSET], "slow": [SLOW], "between": [BETWEEN], "gold": [GOLD],
    "pattern": [PATTERN], "of_resource": [OF_RESOURCE], "number": [NUMBER], "flag": [FLAG], "no_flag": [NO_FLAG],
    "third": [share(33.3)], "salted": [share(33.3, hash_salt="sea")], "few": [share(4.5)],
    "condition": [CONDITION], "condition_of_resource": [condition('resource.attributes["service.name"] == "cart" and attributes["gift"] == true')],
    "and": [all_of(SLOW, GOLD)], "and_condition": [all_of(CONDITION, share(50)), all_of(ERROR, condition('attributes["items"] == nil'))],
    "and_after": [all_of(ERROR, GOLD), SLOW],
    "composite": [composite([40, 40, None], all_of(ERROR, SLOW), GOLD, FLAG)], "composite_and_more": [composite([0, 90], SLOW, share(20)), ERROR],
    "several": [ERROR, SLOW, GOLD, share(10)],
}


def named(policies):
    """With the one by which the last trace is kept."""
    marked = {"type": "string_attribute", "string_attribute": {"key": MARK, "values": ["last"]}}
    return [{"name": f"policy-{place}", **policy} for place, policy in enumerate([marked, *policies])]


def script(seed):
    """Traces of one to four spans."""
    draw = random.Random(seed)
    lines = []
    for _ in range(TRACES):
        for span in range(draw.randint(1, 4)):
            lines.append("start 0 root" if span == 0 else f"child {span} part {draw.randrange(span)}")
            if draw.random() < 0.5:
                lines.append(f"set {span} tier {draw.choice(['gold', 'silver', 'copper', 'go', 'platinum', 'Gold'])}")
            if draw.random() < 0.3:
                lines.append(f"number {span} items {draw.randint(-8, 20)}")
            if draw.random() < 0.3:
                lines.append(f"truth {span} gift {draw.randint(0, 1)}")
            if draw.random() < 0.1:
                lines.append(f"error {span}")
            lines.append(f"end {span} {draw.choice([0, 5, 90, 110, 250, 299, 301, 450, 599, 601, 2000])}")
    return lines


def milliseconds(spans):
    """Of each trace, from its first start to its last end."""
    times = {}
    for span in spans:
        start, end = int(span.fields["startTimeUnixNano"]), int(span.fields["endTimeUnixNano"])
        first, last = times.get(span.fields["traceId"], (start, end))
        times[span.fields["traceId"]] = min(first, start), max(last, end)
    return {trace: (last - first) // 1_000_000 for trace, (first, last) in times.items()}


class Decisions(harness.Case):
    def setUp(self):
        super().setUp()
        self.files = {name: self.workspace.unique(f"{name}.jsonl") for name in POLICIES}
        for file in self.files.values():
            file.touch()

    def left_by(self, *scripts):
        """What processes that have ended leave."""
        folder = self.workspace.unique("left")
        folder.mkdir(mode=0o700)
        for service, lines in scripts:
            ended = subprocess.run([SCRIPTED, service], input="\n".join(lines) + "\n", text=True, capture_output=True,
                                   timeout=harness.WATCHDOG, env=harness.environment(SPANRING_DIR=folder))
            self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        return folder

    def deciding_collector(self):
        collector = self.workspace.collector()
        sampling = {f"tail_sampling/{name}": {"decision_wait": "1s", "policies": named(policies)}
                    for name, policies in POLICIES.items()}
        exporters = {f"file/{name}": {"path": str(file), "rotation": harness.ROTATION}
                     for name, file in self.files.items()}
        pipelines = {f"traces/{name}": {"receivers": ["otlp"], "processors": [f"tail_sampling/{name}"],
                                        "exporters": [f"file/{name}"]} for name in POLICIES}
        protocols = {"grpc": {"endpoint": f"127.0.0.1:{collector.port}"},
                     "http": {"endpoint": f"127.0.0.1:{collector.http_port}"}}
        collector.configuration.write_text(json.dumps({
            "receivers": {"otlp": {"protocols": protocols}}, "processors": sampling, "exporters": exporters,
            "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": pipelines}}))
        return collector.start()

    def drain(self, left, collector, policies=None):
        """A copy of it, to the end."""
        folder, state = self.workspace.unique("segments"), self.workspace.unique("state")
        subprocess.run(["cp", "-a", "--sparse=always", left, folder], check=True, timeout=harness.WATCHDOG)
        processors = {"batch": {"timeout": "20ms"}}
        if policies:
            processors = {"tail_sampling": {"linger": "10ms", "policies": named(policies)}, **processors}
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps({
            "processors": processors, "exporters": {"otlp_grpc": agent_configuration.quick(collector.endpoint)},
            "service": {"pipelines": {"traces": {"processors": list(processors), "exporters": ["otlp_grpc"]}}}}))
        agent = self.workspace.agent("--config", file, directory=folder, state=state)
        harness.wait_until(lambda: not list(folder.glob("*.spr")), "all of it is drained")
        agent.stop()

    def test_the_same_traces_are_kept(self):
        left = self.left_by(("shop", script(1)), ("cart", script(2)))
        last = self.left_by(("shop", ["start 0 last", f"set 0 {MARK} last", "end 0"]))
        theirs = self.deciding_collector()
        self.drain(left, theirs)
        self.drain(last, theirs)
        there = {name: Received(file) for name, file in self.files.items()}

        def decided():
            return all(any(span.fields["name"] == "last" for span in received.read()) for received in there.values())
        harness.wait_until(decided, "the Collector has decided the last trace")
        theirs.stop()
        everything = {span.identity for span in there["all"].read()}
        took = milliseconds(there["all"].spans)
        self.assertEqual(len({identity[:32] for identity in everything}), 2 * TRACES + 1)

        ours = self.workspace.collector()
        received = Received(ours.received)
        for name, policies in POLICIES.items():
            with self.subTest(policies=name):
                before = len(received.read())
                ours.start()
                self.drain(left, ours, policies)
                ours.stop()  # only then its file has all that it answered for
                kept = {span.identity for span in received.read()[before:]}
                wanted = {span.identity for span in there[name].read() if span.fields["name"] != "last"}
                if name == "between":
                    # Known difference: the Collector asks after each span, and keeps a trace that was within the bounds once,
                    # though in the end it took longer (tailsamplingprocessor v0.118, internal/sampling/latency.go).
                    longer = {trace for trace, whole in took.items() if whole > 600}
                    self.assertTrue(any(identity[:32] in longer for identity in wanted))
                    wanted = {identity for identity in wanted if identity[:32] not in longer}
                self.assertEqual(kept - wanted, set(), "kept here alone")
                self.assertEqual(wanted - kept, set(), "kept by the Collector alone")
                if name != "all":
                    self.assertTrue(0 < len(kept) < len(everything) - 1, f"{len(kept)} of {len(everything)}")


if __name__ == "__main__":
    harness.main()

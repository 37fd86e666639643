# SPDX-License-Identifier: Apache-2.0
"""The same spans through the agent's processors and through the Collector's, with the same settings: what comes out is the same,
field by field.

They come by OTLP, so that both get the very bytes. A filter's entries are written as conditions for the Collector; conditions are the same
for both.
"""

import json
import random

import agent_configuration
import harness
from otlp_json import Received
from receiving import HttpReceiving

SPANS = 300
SERVICES = ("shop", "cart")
NAMES = ("GET /health", "GET /cart", "POST /checkout", "query", "")
KINDS = {"internal": 1, "server": 2, "client": 3}
KEYS = {
    "http.route": ["/cart", "/checkout", "/health"],
    "enduser.id": ["alice", "bob", "", "Grüße"],
    "card": ["4111111111111111", "none", "4111111111111 and 4222222222222222"],
    "http.request.header.cookie": ["a=b"],
    "items": [0, -3, 17, 2 ** 53],
    "ratio": [0.5, -1.25, 1e300],
    "gift": [True, False],
    "words": [["a", "4111111111111111"], []],
}
PRIORITIES = [0, 1, "0", "2.5", 0.5, "high", True]
MALFORMED = ("vendor", "ot=th:xyz")
# In the order in which both write them. Empty: a span has none.
TRACE_STATES = ("", "", "", "vendor=1", "ot=th:8", "ot=th:c;x:1,vendor=1", "ot=th:0", "ot=rv:ffffffffffffff;th:8",
                "ot=rv:00000000000000;th:8", "ot=rv:80000000000000", "ot=rv:c0123456789abc;th:c,a=b") + MALFORMED
CARD = ("stringValue", "4111111111111111")


def of_spans(*actions, **match):
    return {"attributes": {"actions": list(actions), **match}}


def strict(**what):
    return {"match_type": "strict", **what}


def regexp(**what):
    return {"match_type": "regexp", **what}


def both(processors):
    return processors, processors


def filters(entries, *conditions):
    """Ours, theirs."""
    return {"filter": {"spans": entries}}, {"filter": {"error_mode": "propagate", "traces": {"span": list(conditions)}}}


def conditions(*texts):
    """In the language that both know."""
    return both({"filter": {"error_mode": "ignore", "traces": {"span": list(texts)}}})


def sampled(**settings):
    return both({"probabilistic_sampler": settings})


DELETE = {"action": "delete", "key": "items"}
HASHES = [{"action": "hash", "key": key} for key in ("enduser.id", "items", "ratio", "gift")]

SETTINGS = {
    "insert": both(of_spans({"action": "insert", "key": "items", "value": 5}, {"action": "insert", "key": "new", "value": "text"})),
    "update": both(of_spans({"action": "update", "key": "items", "value": 5}, {"action": "update", "key": "none", "value": 1})),
    "upsert": both(of_spans({"action": "upsert", "key": "gift", "value": True}, {"action": "upsert", "key": "half", "value": 0.5})),
    "from": both(of_spans({"action": "upsert", "key": "who", "from_attribute": "enduser.id"},
                          {"action": "insert", "key": "many", "from_attribute": "words"})),
    "delete": both(of_spans({"action": "delete", "key": "enduser.id"}, {"action": "delete", "pattern": "^http\\.request\\.header\\."})),
    "hash": both(of_spans(*HASHES)),
    "hash_pattern": both(of_spans({"action": "hash", "pattern": "^(enduser|card)"})),
    "in_turn": both(of_spans({"action": "insert", "key": "a", "value": "x"}, {"action": "upsert", "key": "b", "from_attribute": "a"},
                             {"action": "delete", "key": "a"}, {"action": "hash", "key": "b"})),
    "include_name": both(of_spans(DELETE, include=strict(span_names=["GET /cart", "query"]))),
    "include_pattern": both(of_spans(DELETE, include=regexp(span_names=["^GET "]))),
    "exclude_service": both(of_spans(DELETE, exclude=strict(services=["cart"]))),
    "include_attribute": both(of_spans({"action": "delete", "key": "card"},
                                       include=strict(attributes=[{"key": "gift", "value": True}]))),
    "include_exclude": both(of_spans(DELETE, include=regexp(services=["^s"]), exclude=regexp(span_names=["check"]))),
    "resource": both({"resource": {"attributes": [{"action": "upsert", "key": "stage", "value": "test"},
                                                  {"action": "insert", "key": "service.name", "value": "never"},
                                                  {"action": "hash", "key": "host.name"}, {"action": "delete", "key": "zone"}]}}),
    "redact_values": both({"redaction": {"allow_all_keys": True, "blocked_values": ["4[0-9]{12}([0-9]{3})?"]}}),
    "redact_keys": both({"redaction": {"allowed_keys": ["http.route", "items", "card"], "ignored_keys": ["gift"],
                                       "blocked_values": ["4[0-9]{12}([0-9]{3})?"]}}),
    "filter_name": filters([{"span_names": ["GET /health", "query"]}], 'name == "GET /health"', 'name == "query"'),
    "filter_pattern": filters([{"match_type": "regexp", "span_names": ["^GET /h"]}], 'IsMatch(name, "^GET /h")'),
    "filter_kind": filters([{"span_kinds": ["client"]}], "kind == SPAN_KIND_CLIENT"),
    "filter_status": filters([{"status_codes": ["error"]}], "status.code == STATUS_CODE_ERROR"),
    "filter_attribute": filters([{"attributes": [{"key": "items", "value": 17}]}], 'attributes["items"] == 17'),
    "filter_both": filters([{"services": ["cart"], "span_kinds": ["server"]}],
                           'resource.attributes["service.name"] == "cart" and kind == SPAN_KIND_SERVER'),
    "condition_names": conditions('name == "GET /health"', 'IsMatch(name, "^qu.ry$")', 'name > "POST" and name < "Q"'),
    "condition_kinds": conditions('kind == SPAN_KIND_CLIENT and status.code == STATUS_CODE_ERROR', 'kind < 2 and not (status.message == "")'),
    "condition_numbers": conditions('attributes["items"] >= 17 and attributes["items"] != 17.0', 'attributes["ratio"] < -1 or attributes["ratio"] > 100000'),
    "condition_mixed_kinds": conditions('attributes["items"] == "17"', 'attributes["gift"] != 1 and attributes["gift"] > false',
                                        'attributes["ratio"] <= "a"'),
    "condition_nil": conditions('attributes["card"] == nil and attributes["words"] != nil', 'attributes["none"] != nil',
                                'nil < attributes["items"]'),
    "condition_lists": conditions('attributes["words"] == "a"', 'attributes["words"] != "a" and attributes["words"] != nil and attributes["gift"] == true'),
    "condition_kinds_of_values": conditions('IsInt(attributes["items"]) and IsDouble(attributes["ratio"])',
                                            'IsBool(attributes["gift"]) == true and IsString(attributes["card"]) == true'),
    "condition_patterns": conditions('IsMatch(attributes["items"], "^-?3$")', 'IsMatch(attributes["ratio"], "^1e\\\\+300$")',
                                     'IsMatch(attributes["gift"], "ru") and IsMatch(attributes["enduser.id"], "\\u00fc")'),
    "condition_precedence": conditions('kind == 2 or kind == 3 and attributes["gift"] == true', 'not name == "query" and kind == 1 and IsMatch(name, "c")'),
    "condition_resource": conditions('resource.attributes["service.name"] == "cart" and name == ""',
                                     'not IsMatch(resource.attributes["host.name"], "shop$") and kind == SPAN_KIND_SERVER',
                                     'resource.attributes["none"] != nil'),
    "condition_ids": conditions('span_id.string == "0000000000000007"', 'IsMatch(trace_id.string, "^[0-7]") and IsRootSpan()',
                                'parent_span_id.string == "00000000000000aa" and trace_state == "vendor=1"'),
    "condition_times": conditions('start_time_unix_nano < 1700000000000000020', 'end_time_unix_nano >= 1700000000500000290'),
    "sampled_by_hash": sampled(sampling_percentage=40, fail_closed=False),
    "sampled_by_hash_with_seed": sampled(sampling_percentage=66.6, hash_seed=4242),
    "sampled_all_by_hash": sampled(sampling_percentage=100, mode="hash_seed", fail_closed=False),
    "sampled_none": sampled(sampling_percentage=0),
    "sampled_equalizing": sampled(sampling_percentage=30, mode="equalizing", fail_closed=False),
    "sampled_equalizing_closed": sampled(sampling_percentage=66.6, mode="equalizing", sampling_precision=2),
    "sampled_proportional": sampled(sampling_percentage=50, mode="proportional", fail_closed=False),
    "sampled_proportional_closed": sampled(sampling_percentage=33.3, mode="proportional", sampling_precision=14),
    "sampled_twice": both({"probabilistic_sampler": {"sampling_percentage": 60, "mode": "proportional"},
                           "probabilistic_sampler/again": {"sampling_percentage": 40, "mode": "equalizing"}}),
    "several": both({"resource": {"attributes": [{"action": "upsert", "key": "stage", "value": "test"}]},
                     **of_spans({"action": "delete", "key": "enduser.id"}),
                     "redaction": {"allow_all_keys": True, "blocked_values": ["^none$"]}}),
}


def value_of(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [value_of(each) for each in value]}}
    return {"stringValue": value}


def attributes_of(pairs):
    return [{"key": key, "value": value_of(value)} for key, value in pairs.items()]


def spans(draw, numbers):
    for number in numbers:
        chosen = {key: draw.choice(values) for key, values in KEYS.items() if draw.random() < 0.5}
        if draw.random() < 0.15:
            chosen["sampling.priority"] = draw.choice(PRIORITIES)
        span = {"traceId": f"{draw.getrandbits(128) | 1:032x}", "traceState": draw.choice(TRACE_STATES), "spanId": f"{number + 1:016x}", "name": draw.choice(NAMES),
                "kind": draw.choice(list(KINDS.values())), "startTimeUnixNano": str(1_700_000_000_000_000_000 + number),
                "endTimeUnixNano": str(1_700_000_000_500_000_000 + number), "attributes": attributes_of(chosen)}
        if draw.random() < 0.3:
            span["status"] = {"code": 2, "message": "refused"}
        if draw.random() < 0.4:
            span["parentSpanId"] = "00000000000000aa"
        yield span


def request(service, made):
    resource = {"attributes": attributes_of({"service.name": service, "host.name": f"host of {service}", "zone": "a"})}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "test"}, "spans": made}]}]}).encode()


def plain(value):
    """Comparable, and the order of keys is nobody's promise."""
    if "arrayValue" in value:
        return [plain(each) for each in value["arrayValue"].get("values", [])]
    ((kind, content),) = value.items() if value else (("empty", None),)
    return kind, str(content) if kind == "intValue" else content


def pairs_of(owner):
    return {pair["key"]: plain(pair.get("value", {})) for pair in owner.get("attributes", [])}


class Processors(HttpReceiving):
    def their_collector(self):
        """One pipeline for each set of settings."""
        collector = self.workspace.collector()
        files = {name: self.workspace.unique(f"{name}.jsonl") for name in SETTINGS}
        processors, exporters, pipelines = {}, {}, {}
        for name, (_, theirs) in SETTINGS.items():
            files[name].touch()
            theirs = {self.named(kind, name): settings for kind, settings in theirs.items()}
            processors |= theirs
            exporters[f"file/{name}"] = {"path": str(files[name]), "rotation": harness.ROTATION}
            pipelines[f"traces/{name}"] = {"receivers": ["otlp"], "processors": list(theirs),
                                           "exporters": [f"file/{name}"]}
        protocols = {"grpc": {"endpoint": f"127.0.0.1:{collector.port}"}, "http": {"endpoint": f"127.0.0.1:{collector.http_port}"}}
        collector.configuration.write_text(json.dumps({
            "receivers": {"otlp": {"protocols": protocols}}, "processors": processors, "exporters": exporters,
            "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": pipelines}}))
        return collector.start(), {name: Received(file) for name, file in files.items()}

    @staticmethod
    def named(kind, name):
        """`kind`, which may have a name already."""
        return f"{kind}_{name}" if "/" in kind else f"{kind}/{name}"

    def through_agent(self, processors, requests):
        """What our Collector gets."""
        ours = self.workspace.collector().start()
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps({
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}}}, "processors": processors,
            "exporters": {"otlp_grpc": agent_configuration.quick(ours.endpoint)},
            "service": {"pipelines": {"traces": {"receivers": ["otlp"], "processors": list(processors), "exporters": ["otlp_grpc"]}}}}))
        agent = self.workspace.agent("--config", file, state=self.workspace.unique("state"))
        try:
            self.send(requests)
        finally:
            agent.stop()
            ours.stop()  # only then its file has all that it answered for
        return Received(ours.received).read()

    def send(self, requests, port=None):
        to, self.port = self.port, port or self.port
        for body in requests:
            self.assertEqual(self.post(body, Content_Type="application/json").status, 200)
        self.port = to

    @staticmethod
    def told(received):
        """identity: what is in it."""
        return {span.identity: (pairs_of(span.resource), pairs_of(span.fields), span.fields.get("name", ""), span.fields.get("kind"),
                                span.fields.get("status", {}).get("code", 0), span.fields.get("traceState", "")) for span in received}

    def test_what_comes_out_is_the_same(self):
        draw = random.Random(7)
        half = SPANS // len(SERVICES)
        requests = [request(service, list(spans(draw, range(place * half, (place + 1) * half))))
                    for place, service in enumerate(SERVICES)]
        unchanged = self.told(self.through_agent({}, requests))
        self.assertEqual(len(unchanged), SPANS)
        theirs, there = self.their_collector()
        self.send(requests, theirs.http_port)
        theirs.stop()
        for name, (settings, _) in SETTINGS.items():
            with self.subTest(settings=name):
                wanted, found = self.told(there[name].read()), self.told(self.through_agent(settings, requests))
                self.assertTrue(wanted and wanted != unchanged, "the Collector does something")
                self.maxDiff = 2000
                self.assertEqual(found.keys() - wanted.keys(), set(), "left out by the Collector alone")
                self.assertEqual(wanted.keys() - found.keys(), set(), "left out here alone")
                masked = 0
                for identity, what in wanted.items():
                    if name == "redact_values" and CARD in what[1].get("words", []):
                        # Known difference: the Collector looks at texts alone (redactionprocessor v0.118, processor.go), here a
                        # list with a blocked text in it is masked as a whole.
                        what[1]["words"] = ("stringValue", "****")
                        masked += 1
                    if name == "sampled_none" and unchanged[identity][-1] in MALFORMED:
                        # Known difference: with a percentage of 0 the Collector puts another trace state for one that is malformed
                        # (probabilisticsamplerprocessor v0.118, tracesprocessor.go), here it stays.
                        self.assertEqual((found[identity], what[-1]), ((*what[:-1], unchanged[identity][-1]), "ot=th:0"))
                        continue
                    self.assertEqual(found[identity], what, unchanged[identity])
                self.assertEqual(masked != 0, name == "redact_values")


if __name__ == "__main__":
    harness.main()

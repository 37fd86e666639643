# SPDX-License-Identifier: Apache-2.0
"""Processors change and leave out what comes from segments and by OTLP, once whatever is killed, and the accounts say how
much that was."""

import hashlib
import http.client
import json
import subprocess

import agent_configuration
import harness
from otlp_json import Received, plain_attributes
from receive_test import PROTOBUF, request

SCRIPTED = harness.BUILD / "tests/integration/scripted"
SERVER = 2
PROCESSORS = {
    "resource": {"attributes": [{"action": "upsert", "key": "deployment.environment.name", "value": "test"},
                                {"action": "hash", "key": "service.instance.id"}]},
    "filter/servers": {"spans": [{"span_kinds": ["server"]}]},
    "filter/fives": {"spans": [{"match_type": "regexp", "span_names": ["^span [0-9]*[05]$"], "services": ["^shop$"]}]},
    "attributes": {"actions": [{"action": "insert", "key": "stage", "value": "${env:STAGE}"},
                               {"action": "upsert", "key": "twice", "from_attribute": "stage"},
                               {"action": "hash", "key": "twice"}]},
    "batch": None,
}


class Processors(harness.Case):
    def setUp(self):
        super().setUp()
        self.port = harness.free_port()
        self.collector = self.workspace.collector()
        self.received = Received(self.collector.received)

    def agent(self, processors=PROCESSORS, **exporter):
        settings = {**agent_configuration.quick(self.collector.endpoint), **exporter}
        document = {"receivers": {"spanring": None, "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}}},
                    "processors": processors, "exporters": {"otlp_grpc": settings},
                    "service": {"pipelines": {"traces": {"receivers": ["spanring", "otlp"], "processors": list(processors),
                                                         "exporters": ["otlp_grpc"]}}}}
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(document))
        return self.workspace.agent("--config", file, env={"STAGE": "night"})

    def test_what_is_secret_stays_here_and_names_have_no_ids(self):
        self.collector.start()
        agent = self.agent({"transform": {"span_names": [{"pattern": "/[0-9]+", "replacement": "/{id}"}]},
                            "redaction": {"allow_all_keys": True, "blocked_key_patterns": ["token$"],
                                          "blocked_values": ["4[0-9]{15}"]},
                            "limits": {"attribute_count_limit": 3, "attribute_value_length_limit": 20}, "batch": None})
        lines = ["start 0 /orders/17/items/4", "set 0 api.token hidden", "set 0 card no:4111111111111111", f"set 0 long {'x' * 99}",
                 "set 0 fourth none", "end 0", "flush 60"]
        ended = subprocess.run([SCRIPTED, "shop"], input="\n".join(lines) + "\n", text=True, capture_output=True,
                               timeout=harness.WATCHDOG, env=harness.environment(SPANRING_DIR=self.workspace.segments))
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        harness.wait_until(self.received.count, "it arrives")
        (span,) = self.received.spans
        self.assertEqual(span.fields["name"], "/orders/{id}/items/{id}")
        self.assertEqual(plain_attributes(span.fields),
                         {"api.token": (1, "****"), "card": (1, "no:****"), "long": (1, "x" * 20)})
        self.assertEqual(span.fields["droppedAttributesCount"], 1)
        agent.stop()

    def post(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=harness.WATCHDOG)
        connection.request("POST", "/v1/traces", body, {"Content-Type": PROTOBUF})
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b""))
        connection.close()

    def audited(self):
        return json.loads(self.workspace.command("audit", "--wait", "60s", "--json"))  # and all equations hold

    def arrived(self, spans):
        harness.wait_until(lambda: self.received.count() >= spans, f"{spans} spans arrive")
        for span in self.received.spans:
            attributes = plain_attributes(span.fields)
            self.assertEqual(attributes["stage"], (1, "night"))
            self.assertEqual(attributes["twice"], (1, hashlib.sha256(b"night").hexdigest()))
            self.assertNotEqual(span.fields.get("kind"), SERVER)
            self.assertEqual(plain_attributes(span.resource)["deployment.environment.name"], (1, "test"))
        self.assertEqual(len({span.identity for span in self.received.spans}), len(self.received.spans))
        return self.received.spans

    def pending_in_ring(self):
        (process,) = json.loads(self.workspace.command("ps", "--json"))["processes"]
        return sum(exporter["pending_ring"] for exporter in process["exporters"])

    def test_segments_are_accounted_for_though_the_agent_is_killed(self):
        agent = self.agent()
        producer = self.workspace.producer("--count", 600, "--open", 5, "--hold", "--flush", 60)
        producer.wait_for_line("ready")
        # What a kill finds in the spool and not yet acknowledged is delivered twice, and counted so: agent_steps_test.py.
        harness.wait_until(lambda: self.pending_in_ring() == 0, "the spool has what was not filtered")
        agent.kill()
        producer.kill()
        self.collector.start()
        agent = self.agent()

        def settled():
            (process,) = self.audited()["processes"]
            (exporter,) = process["exporters"]
            return (process, exporter) if process["state"] == "finished" else None
        process, exporter = harness.wait_until(settled, "the dead process is finished")
        self.assertEqual((process["started"], process["unfinished"]), (605, 5))
        self.assertGreater(exporter["filtered"], 50)
        self.assertEqual(exporter["exported"] + exporter["filtered"], 605)
        self.assertEqual(len(self.arrived(exporter["exported"])), exporter["exported"])
        agent.stop()

    def test_requests_are_processed_once_though_they_were_kept(self):
        agent = self.agent(spool={"enabled": False})
        self.post(request("shop", range(100)))
        self.post(request("cart", range(100, 120)))
        self.post(request("shop", [200, 205]))
        self.post(request("shop", [300, 305]))
        self.post(request("shop", [310]))  # nothing is left of it
        agent.kill()
        self.collector.start()
        agent = self.agent(spool={"enabled": False})
        spans = self.arrived(100)
        self.assertEqual(len(spans), 100)
        senders = {sender["service"]: sender for sender in self.audited()["senders"]}
        self.assertEqual((senders["shop"]["received"], senders["shop"]["exporters"][0]["filtered"]), (105, 25))
        self.assertEqual(senders["cart"]["exporters"][0]["filtered"], 0)
        self.assertEqual({plain_attributes(span.resource)["service.instance.id"] for span in spans},
                         {(1, hashlib.sha256(b"1").hexdigest())})
        self.assertIn("received 105 = exported 80 + rejected 0 + filtered 25 + dropped 0", self.workspace.command("audit"))
        agent.stop()


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""An agent that begins anew in its process, for what cannot change under spans that flow (processors, receivers, tail
sampling): nothing is lost, nothing comes twice from a backend that answers, nobody is refused, and where the new one
cannot be made the old one goes on."""

import json
import os
import re
import signal
import socket
import sys
import urllib.request

import agent_configuration
import harness
from comparison import compare, records
from otlp_json import plain_attributes
from receiving import deaf_backend
from replacing import GrpcSender, Knocker, Prober, Replacing, Sender

TIMES = int(os.environ.get("SPANRING_REPLACEMENTS", "10"))


class ReloadAnew(Replacing):
    def setUp(self):
        super().setUp()
        self.by_grpc = harness.free_port()
        self.encoding = "console"
        self.file = self.workspace.folder / "reloaded.yaml"

    def configure(self, processors=None, exporters=None, **http):
        exporters = exporters or self.exporters
        processors = {"batch": {"send_batch_size": 512, "timeout": "50ms"}, **(processors or {})}
        document = {
            "receivers": {"spanring": None,
                          "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}", **http},
                                                 "grpc": {"endpoint": f"127.0.0.1:{self.by_grpc}"}}}},
            "processors": processors, "exporters": exporters,
            "service": {"telemetry": {"logs": {"encoding": self.encoding}},
                        "pipelines": {"traces": {"receivers": ["spanring", "otlp"], "processors": [*processors],
                                                 "exporters": list(exporters)}}}}
        written = self.file.with_suffix(".new")
        written.write_text(json.dumps(document, indent=4))
        written.rename(self.file)

    def reloads(self):
        return json.loads((self.workspace.state / "reload.json").read_text())["reloads"]

    def outstanding(self):
        """Batches that wait for an exporter's answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/metrics", timeout=harness.WATCHDOG) as page:
            return int(re.search(r"^spanring_agent_outstanding_batches (\d+)$", page.read().decode(), re.M).group(1))

    def processor(self, number):
        """What matches nothing, another one each time; and each third time none."""
        return None if number % 3 == 2 else {"attributes/none": {"actions": [{"key": f"nobody.{number}", "action": "delete"}]}}

    def test_again_and_again_under_load(self):
        self.collector.start()
        self.configure()
        agent = self.agent()
        pid = agent.pid
        producers = self.producers()
        clients = Sender(self.port), GrpcSender(self.by_grpc), Prober(self.health), Knocker(self.by_grpc)
        nobody = [[] for _ in clients]

        def failures():
            return [client.failures for client in clients]

        self.arrive(500)
        for number in range(TIMES):
            before = [client.sent for client in clients]
            self.configure(self.processor(number), max_request_body_size=(4 << 20) + number)
            said = self.workspace.reload()
            self.assertTrue(said["reloaded"], said)
            self.assertIn("receivers.otlp.protocols.http.max_request_body_size", said["anew"])
            self.assertEqual((self.reloads(), said["problems"]), (number + 1, []))
            harness.wait_until(lambda: all(client.sent > sent for client, sent in zip(clients, before)) or
                               failures() != nobody, "clients are served")
            self.assertEqual(failures(), nobody)
        self.arrive(500)
        for client in clients:
            client.end()
        harness.end_all(producers)
        self.assertEqual(failures(), nobody, "nobody was refused")
        self.assertEqual((agent.pid, agent.stderr().count("spanring-agent ready:")), (pid, TIMES + 1), "one process")
        print(f"{TIMES} reloads; requests of clients {[c.sent for c in clients]}, told to come again "
              f"{[c.again for c in clients]}", file=sys.stderr)
        self.judge(agent, producers, *clients[:2])

    def test_what_cannot_be_made_is_as_it_was(self):
        """The new spool is another agent's: that is found out when the old agent of the process has gone already."""
        self.collector.start()
        taken = self.workspace.folder / "spool"
        other = self.workspace.folder / "other"
        other.mkdir(mode=0o700)
        spool = agent_configuration.quick(self.collector.endpoint, timeout="60s", spool={"directory": str(taken)})
        theirs = agent_configuration.write(self.workspace, {"otlp_grpc": spool})
        self.workspace.agent("--config", theirs, directory=other, state=self.workspace.folder / "other-state")
        self.configure()
        agent = self.agent()
        producers = self.producers(1)
        sender = Sender(self.port)
        self.arrive(100)
        self.configure(self.processor(0), exporters={"otlp_grpc": spool})
        said = self.workspace.reload()
        self.assertEqual((said["reloaded"], said["anew"]), (False, []))
        self.assertIn(str(taken), said["problems"][0])
        self.assertIn("not reloaded, everything goes on as it was", agent.stderr())
        self.arrive(300)
        self.configure(self.processor(0))
        said = self.workspace.reload()
        self.assertTrue(said["reloaded"], said)
        self.assertLess({"processors.attributes/none.actions[0].key", "service.pipelines.traces.processors"},
                        set(said["anew"]))
        self.arrive(300)
        sender.end()
        harness.end_all(producers)
        self.assertEqual(sender.failures, [])
        self.judge(agent, producers, sender)

    def test_processors_are_at_work_from_then_on(self):
        self.collector.start()
        self.configure()
        agent = self.agent()

        def arrive(service):
            producer = self.workspace.producer("--seed", 7, "--service", service, "--count", 10, "--flush", 60)
            producer.expect(0)

            def arrived():
                return [span for span in self.received.read()
                        if plain_attributes(span.resource).get("service.name") == (1, service)]

            harness.wait_until(lambda: len(arrived()) >= 10, "they arrive")
            return arrived()

        for span in arrive("before"):
            self.assertNotIn("reloaded", plain_attributes(span.fields))
        self.encoding = "json"
        self.configure({"attributes/mark": {"actions": [{"key": "reloaded", "value": "yes", "action": "insert"}]}})
        self.assertTrue(self.workspace.reload()["reloaded"])
        self.assertIn('"reloaded, and begun anew for: ', agent.stderr(), "what changes at once has changed as well")
        for span in arrive("after"):
            self.assertEqual(plain_attributes(span.fields)["reloaded"], (1, "yes"))
        agent.stop()
        self.collector.stop()

    def test_it_is_fed_while_it_drains_and_may_be_ended(self):
        """A backend takes connections and says nothing, so draining lasts as long as it may."""
        file = self.workspace.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(str(file))
            supervisor.settimeout(harness.WATCHDOG)
            exporters = {"otlp_http": deaf_backend(self)}
            self.configure(exporters=exporters)
            agent = self.agent("--shutdown-timeout", "8s", env={"NOTIFY_SOCKET": file, "WATCHDOG_USEC": 2_000_000})
            producers = self.producers(1)
            harness.wait_until(lambda: self.outstanding() > 0, "spans are on their way")
            self.configure(self.processor(0), exporters=exporters)
            agent.send(signal.SIGHUP)
            while not supervisor.recv(1000).startswith(b"RELOADING=1"):
                pass
            for _ in range(3):
                self.assertEqual(supervisor.recv(1000), b"WATCHDOG=1")
            agent.send(signal.SIGTERM)
            said = b"WATCHDOG=1"
            while said == b"WATCHDOG=1":
                said = supervisor.recv(1000)
            self.assertEqual(said, b"STOPPING=1")
            agent.expect(0)
        self.assertEqual(agent.stderr().count("spanring-agent ready:"), 1, "and does not begin once more")
        self.collector.start()
        self.configure()
        agent = self.agent()
        harness.end_all(producers)
        wanted = records(producers)
        harness.wait_until(lambda: wanted.keys() <= self.received.by_identity().keys(), "the next agent has all spans")
        agent.stop()
        self.collector.stop()
        compare(wanted, self.received.by_identity())

    def test_what_another_process_alone_can_do_is_refused(self):
        """With a processor beside it, which changes nothing then."""
        self.configure()
        agent = self.agent()
        elsewhere = f"127.0.0.1:{harness.free_port()}"
        self.configure(self.processor(0), endpoint=elsewhere)
        self.assertEqual(self.workspace.reload()["problems"],
                         ["receivers.otlp.protocols.http.endpoint: changes with a restart only, which loses no span"])
        self.assertEqual(agent.stderr().count("spanring-agent ready:"), 1)
        agent.stop()


if __name__ == "__main__":
    harness.main()

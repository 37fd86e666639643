# SPDX-License-Identifier: Apache-2.0
"""An agent that reads its configuration again while spans flow: nothing is lost, nothing comes twice from a backend that
answers, the accounts come out, and what is wrong changes nothing."""

import json
import os
import pathlib
import signal
import socket

import agent_configuration
import harness
from comparison import compare, records
from otlp_json import Received
from receiving import identity, request

RELOADS = 100


def established(pid, port):
    """The agent's own ports of its connections to that one."""
    sockets = {os.readlink(link) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    ports = set()
    lines = [line for name in ("tcp", "tcp6") for line in pathlib.Path("/proc/net", name).read_text().splitlines()[1:]]
    for line in lines:
        words = line.split()
        if words[3] == "01" and int(words[2].split(":")[1], 16) == port and f"socket:[{words[9]}]" in sockets:
            ports.add(int(words[1].split(":")[1], 16))
    return ports


class Reload(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector()
        self.received = Received(self.collector.received)
        self.file = self.workspace.folder / "agent.yaml"
        self.seed = 0

    def configure(self, exporters, batch=64, **receivers):
        document = {"receivers": {"spanring": None, **receivers},
                    "processors": {"batch": {"send_batch_size": batch, "timeout": "50ms"}},
                    "exporters": exporters,
                    "service": {"pipelines": {"traces": {"receivers": ["spanring", *receivers], "processors": ["batch"],
                                                         "exporters": list(exporters)}}}}
        written = self.file.with_suffix(".new")
        written.write_text(json.dumps(document, indent=4))
        written.rename(self.file)

    def agent(self, **more):
        return self.workspace.agent("--config", self.file, **more)

    def producer(self, *arguments):
        self.seed += 1
        return self.workspace.producer("--seed", self.seed, "--service", f"service-{self.seed}", "--flush", 60, *arguments)

    def reloaded(self, **wanted):
        said = self.workspace.reload()
        self.assertEqual(said, {"reloaded": True, "problems": [], "added": [], "changed": [], "removed": [], "anew": [],
                                **wanted})

    def refused(self):
        said = self.workspace.reload()
        self.assertFalse(said["reloaded"])
        self.assertEqual((said["added"], said["changed"], said["removed"]), ([], [], []))
        return said["problems"]

    def quick(self, **more):
        return agent_configuration.quick(self.collector.endpoint, **more)

    def lines_of(self, path):
        """What is in it and in those that were set aside as it grew."""
        got = {}
        for file in path.parent.glob(path.stem + "*" + path.suffix):
            for identity_, spans in Received(file).by_identity().items():
                got.setdefault(identity_, []).extend(spans)
        return got

    def arrive(self, number):
        enough = self.received.count() + number
        harness.wait_until(lambda: self.received.count() >= enough, "spans arrive")

    def rows(self):
        """By service, of each exporter its row; once nothing is pending."""
        return {process["service"]: {row["name"]: row for row in process["exporters"]}
                for process in self.workspace.accounting()}

    def test_a_hundred_times_under_load(self):
        """The exporter that stays changes each second time, another one comes and goes, a third one never changes."""
        self.collector.start()
        lines, steady = self.workspace.folder / "some.jsonl", self.workspace.folder / "all.jsonl"
        exporters = {"otlp_grpc": self.quick(), "file/all": {"path": str(steady)}}
        self.configure(exporters)
        agent = self.agent()
        producers = [self.producer("--endless", "--rate", 200) for _ in range(2)]
        for producer in producers:
            producer.wait_for_line("ready")
        self.arrive(500)
        for number in range(RELOADS):
            there = number % 4 in (0, 1)
            exporters["otlp_grpc"]["timeout"] = f"{600 + number // 2 % 2}s"
            self.configure({**exporters, **({"file/some": {"path": str(lines)}} if there else {})}, batch=64 + number)
            self.reloaded(added=["file/some"] if number % 4 == 0 else [],
                          removed=["file/some"] if number % 4 == 2 else [],
                          changed=["otlp_grpc"] if number and number % 2 == 0 else [])
        self.arrive(500)
        harness.end_all(producers)
        wanted = records(producers)
        harness.wait_until(lambda: len(self.received.by_identity()) >= len(wanted), f"{len(wanted)} spans arrive")
        rows = self.rows()
        agent.stop()
        self.collector.stop()
        compare(wanted, self.received.by_identity())
        compare(wanted, self.lines_of(steady))
        self.assertEqual(sum(row["otlp_grpc"]["exported"] for row in rows.values()), len(wanted))
        self.assertEqual(sum(row["file/all"]["exported"] for row in rows.values()), len(wanted))
        self.assertEqual({row["otlp_grpc"]["elsewhere"] for row in rows.values()}, {0})
        some = sum(row["file/some"]["exported"] for row in rows.values())
        self.assertGreater(some, 0)
        self.assertEqual(some, sum(len(spans) for spans in self.lines_of(lines).values()), "what its row says is in the file")
        self.assertEqual(some + sum(row["file/some"]["elsewhere"] for row in rows.values()), len(wanted))

    def test_what_is_wrong_changes_nothing(self):
        self.collector.start()
        self.configure({"otlp_grpc": self.quick()})
        agent = self.agent()
        producer = self.producer("--endless", "--rate", 1000)
        self.arrive(100)
        ports = established(agent.pid, self.collector.port)
        self.assertNotEqual(ports, set())
        self.file.write_text("exporters:\n  otlp_grpc:\n    timeout: 5 sec\n    endpont: nowhere\n")
        problems = self.refused()
        self.assertIn(f"{self.file}:3:14: exporters.otlp_grpc.timeout: '5 sec' is not a duration", problems[0])
        self.assertIn("unknown key 'endpont', did you mean 'endpoint'?", problems[1])
        self.file.unlink()
        self.assertIn(str(self.file), self.refused()[0])
        # Right, but for a restart.
        self.configure({"otlp_grpc": self.quick(), "debug": {}}, otlp={"protocols": {"http": {"endpoint": "127.0.0.1:0"}}})
        self.assertIn("receivers.otlp.protocols.http.endpoint: changes with a restart only, which loses no span",
                      self.refused())
        self.assertIn("not reloaded, everything goes on as it was", agent.stderr())
        self.arrive(100)
        self.assertEqual(established(agent.pid, self.collector.port), ports, "the connection is the same")
        self.configure({"otlp_grpc": self.quick(), "file": {"path": str(self.workspace.folder / "spans.jsonl")}})
        self.reloaded(added=["file"])
        self.arrive(100)
        self.assertEqual(established(agent.pid, self.collector.port), ports, "nobody touched that exporter")
        harness.end_all([producer])
        self.rows()
        agent.stop()
        self.collector.stop()
        compare(records([producer]), self.received.by_identity())

    def test_a_pipe_is_not_read_again(self):
        """Nobody writes to it: whoever opened it would wait."""
        self.configure({"debug": {}})
        agent = self.agent()
        self.file.unlink()
        os.mkfifo(self.file)
        self.assertEqual(self.refused(), [f"{self.file}: no regular file, so it cannot be read a second time"])
        self.file.unlink()
        self.file.touch()
        os.truncate(self.file, 1 << 34)
        self.assertEqual(self.refused(), [f"{self.file}: cannot read: is larger than 4MiB"])
        self.file.write_text("".join(f"unknown_{number}: {'x' * 50}\n" for number in range(9000)))
        problems = self.refused()
        self.assertEqual((len(problems), problems[-1]), (51, "and 8950 more"))
        self.configure({"debug": {}})
        self.reloaded()
        agent.stop()

    def test_the_end_comes_before_a_reload(self):
        """Both wait for it, and SIGHUP has the lower number."""
        self.configure({"debug": {}})
        agent = self.agent()
        agent.send(signal.SIGSTOP)
        stat = pathlib.Path(f"/proc/{agent.pid}/stat")
        harness.wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "it stands still")
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGCONT):
            agent.send(number)
        agent.expect(0)
        self.assertIn("SIGTERM: draining", agent.stderr())
        self.assertNotIn("reloaded", agent.stderr())

    def test_what_waits_for_a_backend_goes_to_the_changed_exporter(self):
        """Without a spool, so that it waits in memory, and with one."""
        for number, spool in enumerate(({"enabled": False}, {"enabled": True})):
            with self.subTest(spool=spool["enabled"]):
                if number:
                    self.collector = self.workspace.collector()
                    self.received = Received(self.collector.received)
                nowhere = agent_configuration.quick(f"http://127.0.0.1:{harness.free_port()}", spool=spool)
                self.configure({"otlp_grpc": nowhere})
                agent = self.agent()
                producer = self.producer("--endless", "--rate", 2000)
                harness.wait_until(lambda: producer.record.exists() and producer.record.read_bytes().count(b"\n") > 2000, "spans are made")
                self.collector.start()
                self.configure({"otlp_grpc": self.quick(spool=spool)})
                self.reloaded(changed=["otlp_grpc"])
                self.arrive(3000)
                harness.end_all([producer])
                row = self.rows()[f"service-{self.seed}"]["otlp_grpc"]
                agent.stop()
                self.collector.stop()
                compare(records([producer]), self.received.by_identity())
                self.assertEqual((row["elsewhere"], row["dropped"]["queue"]), (0, 0))

    def test_an_exporter_that_goes_leaves_its_spool_to_its_next_life(self):
        steady = self.workspace.folder / "all.jsonl"
        away = {"otlp_grpc": self.quick(), "file": {"path": str(steady)}}
        self.configure(away)
        agent = self.agent()
        first = self.producer("--count", 1000)
        first.expect(0)
        harness.wait_until(lambda: Received(steady).count() == 1000, "they are in the file")
        self.configure({"file": {"path": str(steady)}})
        self.reloaded(removed=["otlp_grpc"])
        self.assertIn("wait in its spool", agent.stderr())
        second = self.producer("--count", 500)
        second.expect(0)
        harness.wait_until(lambda: Received(steady).count() == 1500, "they are in the file")
        self.collector.start()
        self.configure(away)
        self.reloaded(added=["otlp_grpc"])
        harness.wait_until(lambda: self.received.count() >= 1000, "what was in the spool arrives")
        rows = self.rows()
        agent.stop()
        self.collector.stop()
        compare(records([first]), self.received.by_identity())
        compare(records([first, second]), Received(steady).by_identity())
        self.assertEqual(rows["service-1"]["otlp_grpc"]["exported"], 1000)
        self.assertEqual(rows["service-2"].get("otlp_grpc", {"exported": 0})["exported"], 0)

    def test_a_successor_that_cannot_start_gives_way(self):
        """Its new spool is another agent's: found out when it starts only. Both exporters are as they were."""
        self.collector.start()
        taken = self.workspace.folder / "spool"
        other = self.workspace.folder / "other"
        other.mkdir(mode=0o700)
        theirs = agent_configuration.write(self.workspace, {"otlp_grpc": self.quick(spool={"directory": str(taken)})})
        self.workspace.agent("--config", theirs, directory=other, state=self.workspace.folder / "other-state")
        lines = self.workspace.folder / "all.jsonl"
        self.configure({"file": {"path": str(lines)}, "otlp_grpc": self.quick()})
        agent = self.agent()
        producer = self.producer("--endless", "--rate", 1000)
        self.arrive(100)
        self.configure({"file": {"path": str(self.workspace.folder / "more.jsonl")},
                        "otlp_grpc": self.quick(spool={"directory": str(taken)}), "debug": {}})
        self.assertIn(str(taken), self.refused()[0])
        self.arrive(500)
        harness.end_all([producer])
        self.rows()
        agent.stop()
        self.collector.stop()
        compare(records([producer]), self.received.by_identity())
        wanted = records([producer])
        got = Received(lines).by_identity()
        for identity_, spans in Received(self.workspace.folder / "more.jsonl").by_identity().items() \
                if (self.workspace.folder / "more.jsonl").exists() else ():
            got.setdefault(identity_, []).extend(spans)  # while it was tried
        compare(wanted, got)

    def test_what_comes_by_otlp_goes_to_who_is_there(self):
        import http.client
        port = harness.free_port()
        receiver = {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}
        first, second = self.workspace.folder / "first.jsonl", self.workspace.folder / "second.jsonl"

        def send(numbers):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.WATCHDOG)
            connection.request("POST", "/v1/traces", request("shop", numbers), {"Content-Type": "application/x-protobuf"})
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()

        self.configure({"file/first": {"path": str(first)}}, otlp=receiver)
        agent = self.agent()
        send(range(1, 11))
        self.configure({"file/first": {"path": str(first)}, "file/second": {"path": str(second)}}, otlp=receiver)
        self.reloaded(added=["file/second"])
        send(range(11, 31))
        self.configure({"file/second": {"path": str(second)}}, otlp=receiver)
        self.reloaded(removed=["file/first"])
        send(range(31, 61))
        document = json.loads(self.workspace.command("accounting", "--wait", harness.QUIET, "--json"))
        agent.stop()
        self.assertEqual(document["verdict"], "OK")
        self.assertEqual(Received(first).by_identity().keys(), {identity(n) for n in range(1, 31)})
        self.assertEqual(Received(second).by_identity().keys(), {identity(n) for n in range(11, 61)})
        sender, = document["senders"]
        rows = {row["name"]: (row["exported"], row["elsewhere"]) for row in sender["exporters"]}
        self.assertEqual(rows, {"file/first": (30, 30), "file/second": (50, 10)})

    def test_systemd_is_told(self):
        path = self.workspace.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(str(path))
            supervisor.settimeout(harness.WATCHDOG)
            self.configure({"debug": {}})
            agent = self.agent(env={"NOTIFY_SOCKET": path})
            self.assertEqual(supervisor.recv(1000), b"READY=1")
            agent.send(signal.SIGHUP)
            begins = supervisor.recv(1000).decode().splitlines()
            self.assertEqual(begins[0], "RELOADING=1")
            self.assertRegex(begins[1], r"^MONOTONIC_USEC=[1-9]\d*$")
            self.assertEqual(supervisor.recv(1000), b"READY=1")
            agent.stop()


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""One agent takes over from another (`spanring-agent --replace`) while spans flow and clients connect: nothing is lost,
nothing comes twice from a backend that answers, nobody is refused; and where one of the two dies in the middle, or the
new one cannot serve, an agent goes on."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import sys

import agent_configuration
import harness
from comparison import records
from replacing import GrpcSender, Knocker, Prober, Replacing, Sender

TIMES = int(os.environ.get("SPANRING_REPLACEMENTS", "10"))


class Word:
    """What two agents say to each other: a record of a socket, with descriptors."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(harness.WATCHDOG)

    def say(self, kind, files=(), **more):
        text = json.dumps({"kind": kind, "protocol": 1, **more}).encode()
        socket.send_fds(self.connection, [text], list(files))

    def hear(self):
        """A kind, and what came along; none where the other has ended."""
        text, files, _, _ = socket.recv_fds(self.connection, 65536, 64)
        for file in files:
            os.close(file)
        return json.loads(text)["kind"] if text else None


class Replace(Replacing):
    def test_again_and_again_under_load(self):
        self.collector.start()
        by_grpc = harness.free_port()
        file = self.configuration(self.exporters, http={"endpoint": f"127.0.0.1:{self.port}"},
                                  grpc={"endpoint": f"127.0.0.1:{by_grpc}"})
        agent = self.agent(file=file)
        producers = self.producers()
        clients = Sender(self.port), GrpcSender(by_grpc), Prober(self.health), Knocker(by_grpc)
        nobody = [[] for _ in clients]

        def failures():
            return [client.failures for client in clients]

        self.arrive(500)
        for _ in range(TIMES):
            before = [client.sent for client in clients]
            agent = self.replaced(agent, file=file)
            harness.wait_until(lambda: all(client.sent > sent for client, sent in zip(clients, before)) or
                               failures() != nobody, "clients are served")
            self.assertEqual(failures(), nobody)
        self.arrive(500)
        for client in clients:
            client.end()
        harness.end_all(producers)
        self.assertEqual(failures(), nobody, "nobody was refused")
        print(f"{TIMES} replacements; spans {len(records(producers))}; requests of clients {[c.sent for c in clients]}, told to "
              f"come again {[c.again for c in clients]}", file=sys.stderr)
        self.judge(agent, producers, *clients[:2])

    def test_what_cannot_start_changes_nothing(self):
        """Found out before it asks for the place: a wrong file, a place where another listens."""
        self.collector.start()
        agent = self.agent()
        producers = self.producers(1)
        sender = Sender(self.port)
        wrong = self.workspace.folder / "wrong.yaml"
        wrong.write_text("exporters:\n  otlp_grpc:\n    timeout: 5 sec\n")
        new = self.new(file=wrong)
        new.expect(harness.EXIT_WRONG)
        self.assertIn("is not a duration", new.stderr())
        with socket.create_server(("127.0.0.1", 0)) as other:
            place = "127.0.0.1:" + str(other.getsockname()[1])
            new = self.new(file=self.configuration(self.exporters, http={"endpoint": place}))
            new.expect(1)
            self.assertIn(f"receivers.otlp: cannot listen on {place}: Address already in use", new.stderr())
        self.assertNotIn("takes over", agent.stderr())
        self.arrive(300)
        sender.end()
        harness.end_all(producers)
        self.assertEqual(sender.failures, [])
        self.judge(agent, producers, sender)

    def test_who_cannot_serve_gives_the_place_back(self):
        """Its spool is another agent's: that is found out when the old one has gone already."""
        self.collector.start()
        taken = self.workspace.folder / "spool"
        other = self.workspace.folder / "other"
        other.mkdir(mode=0o700)
        spool = agent_configuration.quick(self.collector.endpoint, timeout="60s", spool={"directory": str(taken)})
        theirs = agent_configuration.write(self.workspace, {"otlp_grpc": spool})
        self.workspace.agent("--config", theirs, directory=other, state=self.workspace.folder / "other-state")
        unix = self.workspace.folder / "otlp.sock"
        places = {"http": {"endpoint": f"127.0.0.1:{self.port}"}, "grpc": {"endpoint": f"unix:{unix}"}}
        agent = self.agent(file=self.configuration(self.exporters, **places))
        producers = self.producers()
        sender = Sender(self.port)
        for number in range(3):
            new = self.new(file=self.configuration({"otlp_grpc": spool}, **places))
            new.expect(1)
            self.assertIn(str(taken), new.stderr())
            harness.wait_until(lambda: agent.stderr().count("this one goes on") == number + 1, "it goes on")
            self.arrive(300)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(unix))  # the file is there
        agent = self.replaced(agent)  # one that can
        self.arrive(300)
        sender.end()
        harness.end_all(producers)
        self.assertEqual(sender.failures, [])
        self.judge(agent, producers, sender)

    def test_a_new_one_that_says_no_more(self):
        """At each step of what it has to say; what dies is seen in the same way."""
        self.collector.start()
        agent = self.agent()
        producers = self.producers()
        sender = Sender(self.port)
        for steps in (["hello"], ["hello", "take"], ["hello", "take", None]):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
                connection.connect(self.control())
                word = Word(connection)
                for step in steps:
                    if step:
                        word.say(step)
                    if step != "take":
                        self.assertEqual(word.hear(), "welcome" if step else "gone")
            self.arrive(300)
        harness.wait_until(lambda: agent.stderr().count("this one goes on") == 2, "it went on, where it had been asked to go")
        agent = self.replaced(agent)
        self.arrive(300)
        sender.end()
        harness.end_all(producers)
        self.assertEqual(sender.failures, [], "nobody was refused")
        self.judge(agent, producers, sender)

    def test_an_old_one_that_says_no_more(self):
        """Likewise: the new one goes on with what it has been given."""
        for last in ("hello", "take", "ready"):
            with self.subTest(last=last), contextlib.ExitStack() as stack:
                self.workspace.state.mkdir(mode=0o700, exist_ok=True)
                control = self.control()
                pathlib.Path(control).unlink(missing_ok=True)
                ear = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
                ear.settimeout(harness.WATCHDOG)
                ear.bind(control)
                ear.listen()
                taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                place = taken.getsockname()[1]
                new = self.new(file=self.configuration({"debug": {}}, http={"endpoint": f"127.0.0.1:{place}"}))
                connection = stack.enter_context(ear.accept()[0])
                word = Word(connection)
                self.assertEqual(word.hear(), "hello")
                word.say("welcome", [taken.fileno()], sockets=[f"127.0.0.1 {place}"])
                taken.close()
                waits = stack.enter_context(socket.create_connection(("127.0.0.1", place)))  # is not refused
                if last != "hello":
                    self.assertEqual(word.hear(), "take")
                if last == "ready":
                    word.say("gone")
                    self.assertEqual(word.hear(), "ready")
                connection.close()
                ear.close()
                new.wait_for_line("spanring-agent ready:", stream="stderr")
                waits.settimeout(harness.WATCHDOG)
                waits.sendall(b"GET / HTTP/1.1\r\n\r\n")
                self.assertIn(b"404", waits.recv(1000))
                new.stop()

    def test_another_configuration(self):
        """Places are added and left, and those that stay go on."""
        self.collector.start()
        agent = self.agent()
        sender = Sender(self.port)
        more, unix = harness.free_port(), self.workspace.folder / "otlp.sock"
        both = self.configuration({**self.exporters, "file": {"path": str(self.workspace.folder / "spans.jsonl")}},
                                  http={"endpoint": f"127.0.0.1:{self.port}"}, grpc={"endpoint": f"unix:{unix}"})
        agent = self.replaced(agent, file=both)
        inode = unix.stat().st_ino
        agent = self.replaced(agent, file=both)
        self.assertEqual(unix.stat().st_ino, inode, "it is the same socket")
        sender.end()
        self.assertEqual(sender.failures, [])
        agent = self.replaced(agent, file=self.configuration(self.exporters, http={"endpoint": f"127.0.0.1:{more}"}))
        self.assertFalse(unix.exists(), "nobody listens there any more")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        socket.create_connection(("127.0.0.1", more)).close()
        agent.stop()
        self.assertFalse((self.workspace.state / "control.sock").exists())

    def test_systemd_is_told_who_serves(self):
        """As ExecReload= of a unit: who was asked returns when the new one serves, and the old one, which is the main process,
        says who is it now."""
        path = self.workspace.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(str(path))
            supervisor.settimeout(harness.WATCHDOG)

            def hear():
                while True:
                    word = supervisor.recv(1000)
                    if word == b"WATCHDOG=1":
                        continue
                    return word

            old = self.agent(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": 2_000_000, "WATCHDOG_PID": ""})
            self.assertEqual(hear(), b"READY=1")
            asked = self.new("--background")
            asked.expect(0)
            old.expect(0)
            main = hear().decode()
            self.assertRegex(main, r"^MAINPID=[1-9]\d*$")
            pid = int(main.removeprefix("MAINPID="))
            self.addCleanup(lambda: pathlib.Path(f"/proc/{pid}").exists() and os.kill(pid, signal.SIGKILL))
            self.assertEqual(hear(), b"BARRIER=1")
            self.assertEqual(hear(), b"READY=1")
            self.assertEqual(supervisor.recv(1000), b"WATCHDOG=1", "the new one feeds it")
            self.assertIn(f"process {pid}", old.stderr())
            self.assertNotEqual(pid, asked.pid)
            os.kill(pid, signal.SIGTERM)
            self.assertEqual(hear(), b"STOPPING=1")
            harness.wait_until(lambda: not (self.workspace.state / "agent.json").exists(), "it ends")

    def test_where_nobody_runs_it_starts(self):
        agent = self.new()
        agent.wait_for_line("spanring-agent ready:", stream="stderr")
        self.assertIn("there is none to replace", agent.stderr())
        agent.stop()

    def test_what_asks_and_does_not_go_on(self):
        """Somebody of the same user who says nothing, something else, or goes."""
        agent = self.agent()
        control = self.control()
        for words in ([], [b"\0\1\2"], [b'{"kind": "take", "protocol": 1}'], [b'{"kind": "hello", "protocol": 77}']):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asks:
                asks.settimeout(harness.WATCHDOG)
                asks.connect(control)
                for word in words:
                    asks.send(word)
                if words and words[0].startswith(b"{"):
                    self.assertEqual(json.loads(asks.recv(65536))["kind"], "refused")
        agent = self.replaced(agent)
        agent.stop()


if __name__ == "__main__":
    harness.main()

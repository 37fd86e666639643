# SPDX-License-Identifier: Apache-2.0
"""spanring doctor: says what is there where all is well, and names what is broken where it is not."""

import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import unittest

import agent_configuration
import harness
import roudi
from sampling_test import Roots

ROOT = os.geteuid() == 0
NOBODY = 65534


class Doctor(harness.Case):
    def examine(self, *arguments, code=0, directory=True, inside=None, env=None):
        """The checks. `inside`: a script that is run before, in a mount namespace of its own."""
        command = [str(harness.COMMAND), "--state-dir", str(self.workspace.state)]
        if directory:
            command += ["--directory", str(self.workspace.segments)]
        command += ["doctor", "--json", *(str(word) for word in arguments)]
        if inside is not None:
            command = ["unshare", "--mount", "sh", "-ec", inside + '\nexec "$@"', "sh", *command]
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               timeout=harness.WATCHDOG, env=harness.environment(**(env or {})))
        self.assertEqual(ended.returncode, code, ended.stdout + ended.stderr)
        result = json.loads(ended.stdout)
        errors = [check for check in result["checks"] if check["health"] == "error"]
        self.assertEqual(bool(errors), code == 1)
        self.assertEqual(result["verdict"] == "error", code == 1)
        for check in errors:
            self.assertTrue(check["advice"], f"it says what to do: {check}")
        return result["checks"]

    def only(self, checks, name, health=None):
        return [check["found"] for check in checks if check["check"] == name and health in (None, check["health"])]

    def error(self, checks):
        (error,) = [check for check in checks if check["health"] == "error"]
        return error

    def test_where_all_is_well(self):
        collector = self.workspace.collector().start()
        agent = self.workspace.agent("--endpoint", collector.endpoint)
        producer = self.workspace.producer("--count", 3, "--hold")
        producer.wait_for_line("ready")
        before = sorted(self.workspace.segments.iterdir())
        checks = self.examine(env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
        self.assertEqual(sorted(self.workspace.segments.iterdir()), before, "what it made is gone")
        for name in ("lock", "death", "exec", "fork", "memory"):
            self.assertEqual(len(self.only(checks, name, "ok")), 1, name)
        self.assertEqual(self.only(checks, "inotify", "ok"), ["reports a rename into place and the death of a process"])
        self.assertIn("the oldest that will do is 4.14, for MADV_WIPEONFORK", self.only(checks, "kernel")[0])
        self.assertIn(f"one serves {self.workspace.segments}", self.only(checks, "agent", "ok")[0])
        self.assertIn("1 segment of layout 4", self.only(checks, "layout", "ok")[0])
        self.assertIn(f"port {collector.port} accepts connections and takes requests", self.only(checks, "backend", "ok")[0])
        self.assertIn("new segments are made here", self.only(checks, "directory", "ok")[0])
        self.assertTrue(self.only(checks, "clock"))
        self.assertTrue(self.only(checks, "limits"))
        producer.end_input()
        producer.expect(0)
        agent.stop()
        collector.stop()

    def test_for_people(self):
        text = self.workspace.command("doctor")
        self.assertIn("the oldest that will do is", text)
        self.assertIn("→ ", text)
        self.assertRegex(text, r"\n0 errors, \d+ warnings\n$")

    def test_without_an_agent(self):
        checks = self.examine()
        self.assertIn("none serves", self.only(checks, "agent", "warning")[0])

    def test_a_backend_that_is_not_there(self):
        for env, port in (({}, 4317), ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, 4318)):
            port = harness.free_port()
            checks = self.examine(code=1, env={**env, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"})
            error = self.error(checks)
            self.assertEqual(error["check"], "backend")
            self.assertIn(f"127.0.0.1 port {port} cannot be reached: Connection refused", error["found"])

    def test_a_backend_that_does_not_answer(self):
        """Its queue is full: a connection hangs, and the doctor does not."""
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            port = deaf.getsockname()[1]
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            checks = self.examine("--patience", "100ms", code=1,
                                  env={"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"})
            self.assertIn("Connection timed out", self.error(checks)["found"])
            for filler in fillers:
                filler.close()

    def test_a_wrong_configuration(self):
        file = self.workspace.folder / "agent.yaml"
        file.write_text("exporters:\n  otlp_grpc:\n    endpiont: localhost:4317\n")
        error = self.error(self.examine("--config", file, code=1))
        self.assertEqual(error["check"], "configuration")
        self.assertIn("endpiont", error["found"])

    def tap(self, **more):
        file = agent_configuration.write(self.workspace, {"iceoryx": {"program": "/bin/cat", **more}})
        return lambda *arguments, **how: self.examine("--config", file, *arguments, **how)

    def test_a_tap_without_the_daemon_of_iceoryx(self):
        roudi.only_one_at_a_time(self)
        if roudi.is_there():
            self.skipTest("somebody's iceoryx daemon runs on this host")
        (found,) = self.only(self.tap()(), "backend", "warning")
        self.assertIn("iceoryx: the agent starts /bin/cat; iceoryx's daemon (iox-roudi) does not run", found)

    def test_a_tap_with_it(self):
        daemon = roudi.Roudi(self)
        (found,) = self.only(self.tap()(), "backend", "ok")
        self.assertIn("(iox-roudi) runs", found)
        daemon.kill()
        (found,) = self.only(self.tap()(), "backend", "warning")
        self.assertIn("does not run", found, "what a killed one left is no daemon")

    def test_a_tap_that_the_agent_would_not_start_with(self):
        error = self.error(self.tap(program="/nowhere/spanring-tap")(code=1))
        self.assertEqual(error["check"], "configuration")
        self.assertIn("/nowhere/spanring-tap: No such file or directory; this exporter needs the program spanring-tap", error["found"])
        file = self.workspace.folder / "all.yaml"
        file.write_text(json.dumps({"receivers": {"spanring": {"all_users": True}}, "exporters": {"iceoryx": {"program": "/bin/cat"}}}))
        error = self.error(self.examine("--config", file, code=1))
        self.assertIn("exporters.iceoryx: is for the agent of one user", error["found"])

    def test_a_directory_that_is_open_to_others(self):
        self.workspace.segments.chmod(0o755)
        error = self.error(self.examine(code=1))
        self.assertEqual(error["check"], "directory")
        self.assertIn("mode 0755 lets others in; tracing is off", error["found"])
        self.assertEqual(error["advice"], f"chmod 0700 {self.workspace.segments}")

    def test_a_file_in_place_of_the_directory(self):
        self.workspace.segments.rmdir()
        self.workspace.segments.write_text("")
        self.assertIn("is not a directory", self.error(self.examine(code=1))["found"])

    def test_a_path_that_is_not_absolute(self):
        error = self.error(self.examine(code=1, directory=False, env={"SPANRING_DIR": "relative"}))
        self.assertIn("SPANRING_DIR is not an absolute path", error["found"])

    def test_a_directory_that_is_not_there_and_cannot_be(self):
        error = self.error(self.examine(code=1, directory=False, env={"SPANRING_DIR": "/proc/nowhere/spanring"}))
        self.assertIn("cannot be made in /proc/nowhere", error["found"])

    def test_the_session_is_passed_over_where_it_is_not_this_users_tmpfs(self):
        checks = self.examine(directory=False, env={"XDG_RUNTIME_DIR": "/usr"})
        self.assertTrue(any("/usr/spanring" in found and "passed over" in found for found in self.only(checks, "directory")))
        self.assertTrue(any(f"/dev/shm/spanring-{os.geteuid()}" in found for found in self.only(checks, "directory", "ok")))

    def test_another_layout_and_a_damaged_segment(self):
        producer = self.workspace.producer("--count", 3)
        producer.expect(0)
        (segment,) = self.workspace.segment_files()
        future = self.workspace.segments / ("0" * 31 + "1.spr")
        damaged = self.workspace.segments / ("0" * 31 + "2.spr")
        for copy in (future, damaged):
            shutil.copy(segment, copy)
            copy.chmod(0o600)
        with open(future, "r+b") as file:
            file.seek(8)
            file.write(b"\x09\x00")
        with open(damaged, "r+b") as file:
            file.write(b"\0" * 8)
        checks = self.examine(code=1)
        error = self.error(checks)
        self.assertEqual(error["check"], "segment")
        self.assertIn("layout version 9", error["found"])
        self.assertIn(str(damaged), self.only(checks, "segment", "warning")[0])

    def test_a_small_limit_of_file_size(self):
        ended = subprocess.run(["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", harness.COMMAND, "--state-dir", self.workspace.state,
                                "--directory", self.workspace.segments, "doctor", "--json"], stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, env=harness.environment(), timeout=harness.WATCHDOG)
        checks = json.loads(ended.stdout)["checks"]
        self.assertTrue(any("RLIMIT_FSIZE" in found for found in self.only(checks, "limits", "error")), ended.stdout)

    @unittest.skipUnless(ROOT, "needs root to give a directory away")
    def test_a_directory_of_somebody_else(self):
        os.chown(self.workspace.segments, NOBODY, NOBODY)
        error = self.error(self.examine(code=1))
        self.assertIn(f"belongs to user {NOBODY}, not to 0; tracing is off", error["found"])
        self.assertIn("chown 0 ", error["advice"])

    @unittest.skipIf(ROOT, "root may write anywhere")
    def test_a_directory_that_cannot_be_written(self):
        self.workspace.segments.chmod(0o500)
        self.assertIn("nothing can be written there", self.only(self.examine(code=1), "directory", "error")[0])

    def held(self, **env):
        """A process that has a provider and goes on."""
        producer = self.workspace.producer("--count", 3, "--hold", env=env)
        producer.wait_for_line("ready")
        return producer

    def look(self, pid, *arguments, **options):
        return self.examine("--pid", pid, *arguments, **options)

    def test_a_process_of_which_all_is_well(self):
        self.workspace.agent("--exporter", "debug")
        producer = self.held()
        harness.wait_until(lambda: not self.only(self.look(producer.pid), "process", "warning"), "the agent attaches")
        checks = self.look(producer.pid)
        self.assertTrue(any("started 3, ended 3" in found for found in self.only(checks, "process", "ok")), checks)
        self.assertTrue(self.only(checks, "environment", "ok"))
        self.assertIn("of the running agent", self.only(checks, "configuration", "ok")[0])

    def holding(self, *libraries):
        """A process that has loaded these files and goes on."""
        script = "import ctypes, sys; kept = [ctypes.CDLL(name) for name in sys.argv[1:]]; print('ready', flush=True); input()"
        process = harness.Process(self.workspace, "holder", [sys.executable, "-c", script, *libraries], stdin=subprocess.PIPE,
                                  env=harness.environment(SPANRING_DIR=self.workspace.segments))
        process.wait_for_line("ready")
        return process

    def test_a_process_that_has_the_library_twice(self):
        library = harness.BUILD / "lib/libspanring.so.0"
        other = self.workspace.folder / "plugin.so"
        shutil.copy(library, other)
        (said,) = self.only(self.look(self.holding(library, other).pid, code=1), "process", "warning")
        self.assertIn("libspanring is in it 2 times", said)
        self.assertIn(str(other), said)
        self.assertEqual(self.only(self.look(self.holding(library).pid, code=1), "process", "warning"), [])

    def test_its_environment_is_looked_at_and_not_the_doctors(self):
        producer = self.held(OTEL_TRACES_SAMPLER="alwayson", SPANRING_MEMORY_LIMIT="8 Megs")
        checks = self.look(producer.pid, env={"OTEL_SDK_DISABLED": "true"})
        said = self.only(checks, "environment", "warning")
        self.assertTrue(any("OTEL_TRACES_SAMPLER is not understood: 'alwayson' is not a sampler" in found for found in said), said)
        self.assertTrue(any("SPANRING_MEMORY_LIMIT" in found for found in said), said)
        self.assertEqual(self.only(checks, "environment", "error"), [])
        listed = self.workspace.command("ps")
        self.assertIn(f"not understood {producer.pid}: OTEL_TRACES_SAMPLER: 'alwayson'", listed)
        (process,) = json.loads(self.workspace.command("ps", "--json"))["processes"]
        self.assertEqual([sentence.split(":")[0] for sentence in process["not_understood"]],
                         ["OTEL_TRACES_SAMPLER", "SPANRING_MEMORY_LIMIT"])

    def test_it_is_looked_for_where_its_environment_puts_it(self):
        elsewhere = self.workspace.folder / "elsewhere"
        elsewhere.mkdir(mode=0o700)
        producer = self.held(SPANRING_DIR=elsewhere)
        checks = self.look(producer.pid, directory=False)
        self.assertTrue(any(f"{elsewhere}: new segments are made here" in found for found in self.only(checks, "directory", "ok")))
        self.assertTrue(any("no agent has attached" in found for found in self.only(checks, "process", "warning")), checks)

    def test_a_process_that_is_switched_off(self):
        process = harness.Process(self.workspace, "sleep", ["sleep", "600"], env=harness.environment(OTEL_SDK_DISABLED="true"))
        checks = self.look(process.pid, code=1)
        self.assertEqual(self.only(checks, "environment", "error"), ["OTEL_SDK_DISABLED: 'true' switches tracing off"])
        self.assertIn("no segment of it was found", self.only(checks, "process", "error")[0])

    def test_the_environment_of_the_doctor_stands_for_that_of_a_process(self):
        error = self.error(self.examine(code=1, env={"SPANRING_DISABLED": "1"}))
        self.assertEqual(error["found"], "SPANRING_DISABLED: '1' switches tracing off")

    def test_a_sampler_that_declines_everything_and_a_rule_of_the_agent(self):
        self.workspace.agent("--exporter", "debug")
        self.workspace.command("sampling", "set", "off")
        roots = Roots(self.workspace, "shop", OTEL_TRACES_SAMPLER="always_off")
        self.assertEqual(roots.recorded(3), 0)
        checks = self.look(roots.process.pid, code=1)
        roots.end()
        self.assertIn("records no span", self.only(checks, "environment", "error")[0])
        self.assertIn("declined all 3", self.only(checks, "process", "error")[0])
        self.assertIn("a rule of the agent for all others: off", self.only(checks, "sampling", "error")[0])

    def test_a_backend_that_rejects(self):
        """It speaks HTTP and refuses every request for good."""
        class Refuse(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_error(401)

            def log_message(self, *_):
                pass
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.workspace.agent("--exporter", "otlp_http", "--endpoint", f"http://127.0.0.1:{server.server_port}")
            producer = self.held()

            def rejected():
                (process,) = json.loads(self.workspace.command("ps", "--json"))["processes"]
                return [exporter["rejected"] for exporter in process["exporters"]] == [3]
            harness.wait_until(rejected, "the backend has refused all")
            for checks in (self.look(producer.pid, code=1), self.examine(code=1)):
                self.assertIn("the backend of otlp_http rejected 3 spans, exported are 0", self.only(checks, "exports", "error")[0])
            server.shutdown()

    def test_a_backend_that_is_no_receiver_of_spans(self):
        """What listens there answers, and is something else."""
        class Page(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(401)
                self.end_headers()
                self.wfile.write(b"who are you?")

            def log_message(self, *_):
                pass
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            for protocol, said in (("http/protobuf", "401"), ("grpc", "")):
                checks = self.examine(code=1, env={"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
                                                   "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
                found = self.error(checks)["found"]
                self.assertIn("accepts connections, and does not take an empty request: ", found)
                self.assertIn(said, found)
            server.shutdown()

    def test_a_process_that_is_quarantined(self):
        """It is told, by its pid and without one."""
        self.workspace.agent("--exporter", "debug")
        scribbler = harness.Process(self.workspace, "scribbler", [harness.BUILD / "tests/integration/scribbler"],
                                    stdin=subprocess.PIPE, env=harness.environment(SPANRING_DIR=self.workspace.segments))
        harness.wait_until(lambda: any(process["state"] == "quarantined" for process in
                                       json.loads(self.workspace.command("ps", "--json"))["processes"]), "it is quarantined")
        checks = self.examine(code=1)
        self.assertIn("is quarantined, nothing of it is exported: ", self.only(checks, "process", "error")[0])
        scribbler.kill()

    def test_a_process_that_is_not_there(self):
        ended = subprocess.run([harness.COMMAND, "doctor", "--pid", "4000000"], stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, env=harness.environment(), timeout=harness.WATCHDOG)
        self.assertEqual(ended.returncode, 3)
        self.assertIn("there is no process 4000000 here", ended.stderr)

    @unittest.skipUnless(ROOT, "needs root to be two users")
    def test_a_directory_of_another_user_that_is_closed_as_it_should_be(self):
        self.workspace.folder.chmod(0o711)
        os.chown(self.workspace.segments, NOBODY - 1, NOBODY - 1)
        ended = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", harness.COMMAND,
                                "--directory", self.workspace.segments, "doctor", "--json"], stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, env=harness.environment(), timeout=harness.WATCHDOG)
        said = self.only(json.loads(ended.stdout)["checks"], "directory", "error")
        self.assertIn(f"belongs to user {NOBODY - 1}, not to {NOBODY}", said[0])

    def mount(self, options):
        """A tmpfs over the directory, in a mount namespace of the command alone."""
        return f"mount -t tmpfs -o mode=700,{options} tmpfs {self.workspace.segments}"

    def can_mount(self):
        if not ROOT or shutil.which("unshare") is None:
            self.skipTest("needs root and unshare to mount")
        tried = subprocess.run(["unshare", "--mount", "sh", "-ec", self.mount("size=1m")], capture_output=True)
        if tried.returncode != 0:
            self.skipTest("no mount namespaces here")

    def test_a_tmpfs_that_is_too_small(self):
        self.can_mount()
        checks = self.examine(code=1, inside=self.mount("size=64k"))
        self.assertIn("and a segment needs 0.4 MiB", self.only(checks, "directory", "error")[0])
        self.assertTrue(self.only(checks, "memory", "error") + self.only(checks, "growth", "error"),
                        "what it tries there fails as it would in a process")

    def test_a_tmpfs_that_is_nearly_full(self):
        self.can_mount()
        checks = self.examine(inside=self.mount("size=4m"))
        self.assertIn("a process may take 16.0 MiB", self.only(checks, "directory", "warning")[0])

    def test_a_mount_that_is_read_only(self):
        self.can_mount()
        checks = self.examine(code=1, inside=self.mount("size=32m") + f"\nmount -o remount,ro {self.workspace.segments}")
        self.assertIn("nothing can be written there", self.only(checks, "directory", "error")[0])
        self.assertIn("Read-only file system", self.only(checks, "kernel facts", "error")[0])


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""spanring doctor: says what is there where all is well, and names what is broken where it is not."""

import json
import os
import shutil
import socket
import subprocess
import unittest

import harness

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
        self.assertIn("1 segment of layout 1", self.only(checks, "layout", "ok")[0])
        self.assertIn(f"port {collector.port} accepts connections", self.only(checks, "backend", "ok")[0])
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
        self.assertIn("and a segment needs 0.5 MiB", self.only(checks, "directory", "error")[0])
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

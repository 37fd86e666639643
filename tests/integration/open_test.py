# SPDX-License-Identifier: Apache-2.0
"""spanring open: what processes that live have open, beside them while they work, and where their threads are."""

import fcntl
import json
import os
import secrets
import signal
import struct
import subprocess
import unittest

import harness

OPEN_SPANS = harness.BUILD / "tests/integration/open_spans"
# Places in a segment: docs/shared-memory.md.
INSTANCE, SEGMENT_SIZE, EXTENT_LIMIT = 56, 40, 48
HUGE_PLACES, WRITER_PAGE, EXTENT_WORDS, GROUPS, EXTENTS, SLOT = 152, 0x3000, 0x2b000, 0x14d000, 0x156000, 1216
KIND_SLOTS = 1
HAS_LIBDW = os.environ.get("SPANRING_LIBDW") == "1"
OPEN_IN_SLOT, OPEN_IN_BLOCK, OPEN_NOWHERE = 1 << 32, 1 << 32 | 3 << 24, 1 << 32 | 0xff << 24


class OpenSpans(harness.Process):
    """A process that has open what the test says."""

    def __init__(self, workspace, service, before=(), directory=None):
        super().__init__(workspace, service, [*before, OPEN_SPANS, service], stdin=subprocess.PIPE,
                         env=harness.environment(SPANRING_DIR=directory or workspace.segments))
        self.lines = 0
        self.answer()

    def answer(self):
        def found():
            lines = self.stdout().splitlines(keepends=True)
            if len(lines) > self.lines and lines[self.lines].endswith("\n"):
                return lines[self.lines].strip()
            self.popen.poll()
            assert self.popen.returncode is None, self.stderr()
            return None
        line = harness.wait_until(found, f"{self.name} answers")
        self.lines += 1
        return line

    def ask(self, what):
        self.popen.stdin.write(what.encode() + b"\n")
        self.popen.stdin.flush()
        return self.answer()

    def start(self, name, parent=""):
        return self.ask(f"start {name} {parent}")

    def end(self):
        assert self.ask("end") == "ended"


class OpenCase(harness.Case):
    def command(self, *arguments, code=0, directory=None):
        ended = subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory",
                                directory or self.workspace.segments, "open", *(str(word) for word in arguments)],
                               stdin=subprocess.DEVNULL, capture_output=True, text=True, env=harness.environment(),
                               timeout=harness.WATCHDOG)
        self.assertEqual(ended.returncode, code, ended.stdout[-2000:] + ended.stderr)
        return ended

    def look(self, *arguments):
        return json.loads(self.command("--json", *arguments).stdout)

    def names(self, *arguments):
        return [span["name"] for span in self.look(*arguments)["spans"]]

    def process(self, service="shop"):
        return OpenSpans(self.workspace, service)


class Spans(OpenCase):
    def test_each_field_of_a_span(self):
        process = self.process()
        trace, span = process.start("request").split("-")[1:3]
        child = process.start("query").split("-")[2]
        look = self.look()
        self.assertEqual([look["processes"], look["open"], look["matching"], look["changed"]], [1, 2, 2, 0])
        self.assertEqual(look["problems"], [])
        first, second = look["spans"]
        identity = {"service": "shop", "program": "open_spans", "pid": process.pid, "uid": os.geteuid(),
                    "instance": self.workspace.segment_files()[0].stem}
        self.assertEqual({key: first[key] for key in identity}, identity)
        self.assertEqual(first["thread"], process.pid)
        self.assertEqual([first["name"], first["kind"], first["trace_id"], first["span_id"]],
                         ["request", "Server", trace, span])
        self.assertEqual([first["parent_span_id"], first["parent"], first["depth"]], ["", None, 0])
        self.assertEqual(first["attributes"], {"cart.items": 3})
        self.assertEqual([first["status"], first["status_message"], first["events"], first["links"]], ["Unset", "", [], []])
        self.assertEqual(first["age_nano"], look["now_unix_nano"] - first["start_unix_nano"])
        self.assertEqual([second["name"], second["span_id"], second["parent_span_id"], second["depth"]],
                         ["query", child, span, 1])
        self.assertEqual(second["parent"], identity)

    def test_a_parent_in_another_process_and_the_oldest_first(self):
        front, back = self.process("front"), self.process("back")
        other = front.start("first")
        front.end()
        self.assertEqual(self.names(), [], "it has ended")
        root = front.start("checkout")
        back.start("stranger", other)
        back.start("pay", root)
        spans = self.look()["spans"]
        self.assertEqual([(span["name"], span["depth"]) for span in spans], [("checkout", 0), ("pay", 1), ("stranger", 0)])
        self.assertEqual(spans[1]["parent"]["pid"], front.pid)
        self.assertEqual(spans[2]["parent"], None)
        # Whatever is asked for, parents are known.
        (only,) = self.look("--service", "back", "--name", "pay")["spans"]
        self.assertEqual([only["parent"]["service"], only["depth"]], ["front", 0])
        self.assertEqual(self.names("--pid", back.pid), ["pay", "stranger"] if only["start_unix_nano"] <
                         spans[2]["start_unix_nano"] else ["stranger", "pay"])
        self.assertEqual(self.names("--limit", "1"), ["checkout"])
        self.assertIn("The oldest 1 of 3", self.command("--limit", "1").stderr)
        self.assertEqual(len(self.names("--limit", "0")), 3)

    def test_stuck_ones(self):
        process = self.process()
        process.start("request")
        self.assertEqual(self.names("--stuck", "1h"), [])
        self.assertEqual(self.names("--stuck", "1ns"), ["request"])
        self.assertIn("None of 1 open spans matches.", self.command("--stuck", "1h").stdout)
        self.assertIn("is not a duration", self.command("--stuck", "long", code=2).stderr)

    def test_unusual_ones_by_the_local_store(self):
        process = self.process()
        process.start("request")
        refused = self.command("--unusual", code=2).stderr
        self.assertIn("compares with the local store", refused)
        self.assertIn("there is no span store", refused)
        process.end()
        agent = self.workspace.agent()
        for _ in range(25):
            process.start("request")
            process.end()
        self.workspace.accounting()
        process.start("request")
        process.start("unheard-of")
        look = self.look("--unusual", "--factor", "0.000001")
        self.assertEqual([span["name"] for span in look["spans"]], ["request"])
        self.assertGreater(look["spans"][0]["usual_nano"], 0)
        self.assertIn("what is usual for them is not known", self.command("--unusual").stderr)
        self.assertEqual(self.names("--unusual", "--factor", "1e12"), [])
        agent.stop()

    def test_of_the_dead_nothing_is_shown(self):
        process, other = self.process(), self.process("other")
        process.start("request")
        other.start("goes-on")
        process.kill()
        look = self.look()
        self.assertEqual([span["name"] for span in look["spans"]], ["goes-on"])
        self.assertEqual(look["processes"], 1)
        other.kill()
        self.assertIn("No process that writes spans runs.", self.command().stdout)

    def test_nothing_is_written(self):
        process = self.process()
        process.start("request")
        (segment,) = self.workspace.segment_files()
        before = segment.read_bytes()
        self.look("--stack")
        self.assertEqual(segment.read_bytes(), before)

    def test_beside_a_process_that_never_rests(self):
        """What is shown is whole: of one span, whatever else its slot held a moment before and after."""
        process = self.process()
        process.start("stays")
        process.popen.stdin.write(b"flap 3\n")
        process.popen.stdin.flush()
        self.assertEqual(process.answer(), "flapping")
        while "flapped" not in process.stdout():
            look = self.look()
            self.assertEqual(look["problems"], [])
            names = [span["name"] for span in look["spans"]]
            self.assertEqual(names.count("stays"), 1)
            for span in look["spans"]:
                if span["name"] != "stays" and "number" in span["attributes"]:
                    self.assertEqual(span["name"], f"number {span['attributes']['number']}")

    def test_for_people(self):
        process = self.process()
        trace = process.start("request").split("-")[1]
        process.start("query")
        text = self.command().stdout
        self.assertRegex(text, r"^ +AGE  SERVICE +PID +THREAD  SPAN +TRACE +ATTRIBUTES\n")
        self.assertRegex(text, rf"shop +{process.pid} +{process.pid}  request +{trace[:12]}  cart.items=3\n")
        self.assertIn("└─ query", text)
        self.assertIn("`- query", self.command_ascii())
        text = self.command("--attributes").stdout
        self.assertIn(f"trace {trace}, span ", text)
        self.assertIn("cart.items = 3", text)
        self.assertRegex(text, rf"parent [0-9a-f]{{16}}, open in shop, pid {process.pid}")

    def command_ascii(self):
        return subprocess.run([harness.COMMAND, "--ascii", "--directory", self.workspace.segments, "open"], check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=harness.environment()).stdout


class Heartbeats(OpenCase):
    """What the agent makes of spans that are open for long."""

    def agent(self):
        configuration = self.workspace.folder / "agent.yaml"
        configuration.write_text("receivers: {spanring: {heartbeat: {open_longer_than: 1ms, period: 1s}}}\n"
                                 "exporters: {store: }\n")
        return self.workspace.agent("--config", configuration)

    def trace(self, trace):
        seen = subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments,
                               "trace", trace, "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=harness.environment(), timeout=harness.WATCHDOG)
        return {span["name"]: span for span in json.loads(seen.stdout)["spans"]} if seen.returncode == 0 else {}

    def test_the_store_has_them_until_they_end(self):
        agent = self.agent()
        process = self.process()
        trace = process.start("request").split("-")[1]
        process.start("query")
        process.end()
        harness.wait_until(lambda: "request" in self.trace(trace), "the span that is open is in the store")
        spans = self.trace(trace)
        self.assertEqual([spans["request"]["partial"], spans["query"]["partial"]], [True, False])
        self.assertEqual(spans["request"]["attributes"]["cart.items"], 3)
        process.end()
        harness.wait_until(lambda: not self.trace(trace)["request"]["partial"], "its end has come instead")
        (account,) = self.workspace.accounting()
        self.assertEqual(account["exporters"][0]["exported"], 2)
        agent.stop()


class Stacks(OpenCase):
    def test_where_a_thread_is(self):
        process = self.process()
        process.start("request")
        (thread,) = self.look("--stack")["threads"]
        self.assertEqual([thread["pid"], thread["thread"], thread["name"]], [process.pid, process.pid, "open_spans"])
        self.assertIn(thread["state"], ("sleeping", "running"))
        if not HAS_LIBDW:
            self.assertIn("without libdw", thread["problem"])
            return
        if "ptrace_scope" in thread["problem"]:
            self.skipTest(f"this kernel, or whoever confines it, lets nobody look: {thread['problem']}")
        self.assertEqual(thread["problem"], "")
        functions = [frame["function"] for frame in thread["user_frames"]]
        self.assertIn("waits_for_a_line", functions)
        self.assertLess(functions.index("waits_for_a_line"), functions.index("main"))
        self.assertGreater(thread["stopped_nano"], 0)
        self.assertIn("it was stopped for", self.command("--stack").stdout)
        process.start("it-runs-on")

    def test_each_thread_once(self):
        process = self.process()
        process.start("request")
        process.start("query")
        self.assertEqual(len(self.look("--stack")["threads"]), 1)
        self.assertRegex(self.command("--stack").stdout,
                         rf'thread {process.pid} "open_spans" of shop, pid {process.pid}: request, query\n')

    def test_a_thread_that_is_stopped_stays_so(self):
        process = self.process()
        process.start("request")
        process.send(signal.SIGSTOP)
        harness.wait_until(lambda: self.state(process) == "T", "it is stopped")
        self.assertEqual(len(self.look("--stack")["threads"]), 1)
        self.assertEqual(self.state(process), "T")
        process.send(signal.SIGCONT)
        process.start("it-runs-on")

    def state(self, process):
        with open(f"/proc/{process.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]


class Hostile(OpenCase):
    def test_names_are_inert(self):
        program = self.workspace.producer("--count", 0, "--hold", "--open", 1, "--service", "evil\x1b[31m\u202eservice")
        program.wait_for_line("ready")
        for arguments in ((), ("--attributes",), ("--json",), ("--stack",)):
            text = self.command(*arguments).stdout
            self.assertNotRegex(text, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", arguments)
        program.end_input()

    def segment(self):
        process = self.process("victim")
        process.start("held")
        return self.workspace.segment_files()[0]

    def forge(self, content, size):
        """A file like the real one, alive as long as this test, with holes where nothing is written."""
        instance = secrets.token_bytes(16)
        path = self.workspace.segments / f"{instance.hex()}.spr"
        struct.pack_into("<16s", content, INSTANCE, instance)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.addCleanup(os.close, file)
        os.ftruncate(file, size)
        os.pwrite(file, content, 0)
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqixxxx", fcntl.F_WRLCK, 0, 0, 1, 0))
        return path, file

    def head(self, segment, extents):
        with open(segment, "rb") as file:
            content = bytearray(file.read(GROUPS))
        for extent in range(extents):
            struct.pack_into("<Q", content, EXTENT_WORDS + 8 * extent, KIND_SLOTS)
        struct.pack_into("<I", content, WRITER_PAGE, extents)
        return content

    def test_a_file_that_claims_a_million_slots_and_has_none(self):
        segment = self.segment()
        content = self.head(segment, 16384)
        size = GROUPS + 16384 // 32 * 2134016
        struct.pack_into("<QI", content, SEGMENT_SIZE, size, 16384)
        struct.pack_into("<I", content, HUGE_PLACES, 0)
        self.forge(content, size)
        look = self.look()
        self.assertEqual([span["name"] for span in look["spans"]], ["held"])
        self.assertEqual(look["processes"], 2)

    def test_a_file_that_is_cut_off(self):
        segment = self.segment()
        content = self.head(segment, 4)
        path, file = self.forge(content, segment.stat().st_size)
        os.ftruncate(file, EXTENTS + 100)
        look = self.look()
        self.assertEqual([span["name"] for span in look["spans"]], ["held"])
        self.assertIn(str(path), look["problems"][0])

    def test_slots_of_noise(self):
        segment = self.segment()
        content = self.head(segment, 32)
        _, file = self.forge(content, segment.stat().st_size)
        for place in range(53):
            word = (OPEN_IN_SLOT | 0xffffff, OPEN_IN_BLOCK | 60000, OPEN_IN_SLOT | 1000, OPEN_NOWHERE)[place % 4]
            os.pwrite(file, struct.pack("<Q", word) + secrets.token_bytes(SLOT - 8), EXTENTS + place * SLOT)
        look = self.look("--limit", "0")
        self.assertIn("held", [span["name"] for span in look["spans"]])
        self.assertRegex(" ".join(look["problems"]), "slots of open spans are inconsistent")


@unittest.skipUnless(os.geteuid() == 0, "needs root, to be another user")
class Users(OpenCase):
    def setUp(self):
        super().setUp()
        self.user = 62000 + secrets.randbelow(2000)
        self.as_user = ["setpriv", f"--reuid={self.user}", f"--regid={self.user + 1}", "--clear-groups"]
        self.workspace.folder.chmod(0o711)
        if subprocess.run([*self.as_user, "test", "-x", OPEN_SPANS, "-a", "-x", harness.COMMAND]).returncode != 0:
            self.skipTest("another user has no way to the programs")

    def test_root_looks_at_the_threads_of_all(self):
        folder = self.workspace.folder / "theirs"
        folder.mkdir(mode=0o700)
        os.chown(folder, self.user, self.user + 1)
        process = OpenSpans(self.workspace, "theirs", self.as_user, folder)
        process.start("request")
        look = json.loads(self.command("--json", "--stack", directory=folder).stdout)
        self.assertEqual([(span["name"], span["uid"]) for span in look["spans"]], [("request", self.user)])
        if HAS_LIBDW:
            (thread,) = look["threads"]
            if "ptrace_scope" in thread["problem"]:
                self.skipTest(f"whoever confines root lets it not look: {thread['problem']}")
            self.assertEqual(thread["problem"], "")
            self.assertIn("waits_for_a_line", [frame["function"] for frame in thread["user_frames"]])

    def test_what_another_user_has_open_is_not_seen(self):
        process = self.process()
        process.start("request")
        seen = subprocess.run([*self.as_user, harness.COMMAND, "--directory", self.workspace.segments, "open", "--json"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=harness.environment())
        look = json.loads(seen.stdout)
        self.assertEqual([look["processes"], look["spans"]], [0, []])
        self.assertIn("Permission denied", " ".join(look["problems"]))


if __name__ == "__main__":
    harness.main()

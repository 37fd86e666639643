# SPDX-License-Identifier: Apache-2.0
"""spanring traces and trace: what processes wrote is found again in the local store, by the words that say what is searched."""

import json
import subprocess

import harness
from open_test import OpenSpans


class Search(harness.Case):
    def command(self, *arguments, code=0):
        ended = subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments,
                                *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               env=harness.environment(), timeout=harness.WATCHDOG)
        self.assertEqual(ended.returncode, code, ended.stdout[-2000:] + ended.stderr)
        return ended

    def roots(self, *words):
        return [trace["root"] for trace in json.loads(self.command("traces", "--json", *words).stdout)["traces"]]

    def setUp(self):
        super().setUp()
        agent = self.workspace.agent()
        self.addCleanup(agent.stop)
        front, back = OpenSpans(self.workspace, "front"), OpenSpans(self.workspace, "back")
        self.ids = []
        for name in ("checkout", "refund"):
            parent = front.start(name)
            self.ids.append(parent.split("-")[1])
            for _ in range(4):
                back.start(f"query-{name}", parent)
                back.end()
            if name == "refund":
                back.start("only-here", parent)
                back.end()
            front.end()
        for process in (front, back):
            process.end_input()
        self.workspace.accounting()

    def test_words_options_and_trees(self):
        self.assertEqual(self.roots(), ["refund", "checkout"])
        self.assertEqual(self.roots("service=back"), ["refund", "checkout"])
        self.assertEqual(self.roots("name=query-c*"), ["checkout"])
        self.assertEqual(self.roots("service=front", "ONLY-HERE"), [], "of two spans")
        self.assertEqual(self.roots("ONLY-HERE"), ["refund"])
        self.assertEqual(self.roots("cart.*=3", "name!~refund", "name!~only"), ["checkout"])
        self.assertEqual(self.roots("cart.items>3"), [])
        self.assertEqual(self.roots("error"), [])
        self.assertEqual(self.roots("--since", "1h", "--order", "arrival", "-n", "1"), ["refund"])
        self.assertEqual(self.roots("--until", "1h"), [])
        self.assertEqual(self.roots("--max-duration", "1ns"), [])
        self.assertIn("is neither a duration", self.command("traces", "--since", "soon", code=2).stderr)
        self.assertIn("is not a duration", self.command("traces", "duration>soon", code=2).stderr)

        def trace(*options):
            return json.loads(self.command("trace", self.ids[0], "--json", *options).stdout)["spans"]
        self.assertEqual(len(trace()), 5)
        self.assertEqual([(span["name"], span["hidden"]) for span in trace("--depth", "1")], [("checkout", 4)])
        self.assertEqual([(span["name"], span["alike"]) for span in trace("--fold")], [("checkout", 1), ("query-checkout", 4)])
        self.assertEqual(trace("--errors"), [])
        self.assertEqual(sum(span["critical_nano"] for span in trace("--critical")), trace()[0]["duration_nano"])
        self.assertIn("WAITED FOR", self.command("trace", self.ids[0], "--critical").stdout)
        compared = json.loads(self.command("trace", self.ids[0], "--compare", self.ids[1], "--json").stdout)
        self.assertEqual({(span["name"], span["sides"][0]["spans"], span["sides"][1]["spans"]) for span in compared["spans"]},
                         {("checkout", 1, 0), ("query-checkout", 4, 0), ("refund", 0, 1), ("query-refund", 0, 4),
                          ("only-here", 0, 1)})
        self.command("trace", self.ids[0], "--compare", "ffff", code=1)

        self.check_operations()
        self.check_traces_of_others()

    def check_traces_of_others(self):
        """What is written for other programs is looked at like what came from here."""
        written = self.workspace.folder / "trace.json"
        written.write_text(self.command("trace", self.ids[0], "--format", "otlp").stdout)
        other = str(self.workspace.folder / "other.db")
        self.assertIn("5 spans imported", self.command("--store", other, "import", str(written)).stdout)

        def trace(*place):
            return json.loads(self.command(*place, "trace", self.ids[0], "--json").stdout)
        self.assertEqual(trace("--store", other), trace())
        found = json.loads(self.command("--store", other, "traces", "service=back", "--json").stdout)["traces"]
        self.assertEqual([each["trace_id"] for each in found], [self.ids[0]])
        written.write_text(2 * self.command("trace", self.ids[1], "--format", "otlp").stdout + "\n")
        self.assertIn("12 spans imported", self.command("--store", other, "import", str(written)).stdout)
        self.assertEqual(len(json.loads(self.command("--store", other, "trace", self.ids[1], "--json").stdout)["spans"]), 6)
        written.write_text("no JSON")
        self.assertIn("trace.json: ", self.command("--store", other, "import", str(written), code=3).stderr)
        (self.workspace.folder / "link").symlink_to(self.workspace.state)
        for name in "spans.db", "../link/spans.db":
            self.assertIn("an agent writes this store",
                          self.command("--store", f"{self.workspace.state}/{name}", "import", str(written), code=2).stderr)
        written.chmod(0o640)
        for place, why in (written.parent, "is a directory"), (written, "is no span store"):
            self.assertIn(why, self.command("--store", str(place), "import", str(written), code=2).stderr)
        self.assertEqual(written.stat().st_mode & 0o777, 0o640, "what somebody named by mistake stays as it is")
        self.assertIn("trace.json", [each.name for each in written.parent.iterdir()])
        self.assertIn(f"{written.parent}: ",
                      self.command("--store", other, "import", str(written.parent), code=3).stderr)

        events = json.loads(self.command("trace", self.ids[0], "--format", "perfetto").stdout)["traceEvents"]
        self.assertEqual(sorted(each["name"] for each in events if each["ph"] == "X"), ["checkout"] + 4 * ["query-checkout"])
        self.assertEqual({each["args"]["name"] for each in events if each["ph"] == "M"}, {"front", "back"})
        self.assertEqual(len([each for each in events if each["ph"] == "f"]), 4, "each child is in another process")

    def check_operations(self):
        def operations(*arguments):
            listed = json.loads(self.command("ops", "--json", *arguments).stdout)
            return listed["source"], {(each["service"], each["name"]): (each["spans"], each["errors"], sum(
                bucket["count"] for bucket in each["histogram"])) for each in listed["operations"]}
        back = {("back", "query-checkout"): (4, 0, 4), ("back", "query-refund"): (4, 0, 4), ("back", "only-here"): (1, 0, 1)}
        front = {("front", "checkout"): (1, 0, 1), ("front", "refund"): (1, 0, 1)}
        # It is written a second after the spans at most.
        harness.wait_until(lambda: operations() == ("agent", {**back, **front}), "all of them are measured")
        self.assertEqual(operations("--service", "front", "--since", "1h"), ("agent", front))
        self.assertEqual(operations("--name", "only"), ("agent", {("back", "only-here"): (1, 0, 1)}))
        self.assertEqual(operations("service=back"), ("store", back))
        self.assertEqual(len(operations("--sort", "p99", "-n", "2")[1]), 2)
        self.assertIn("Of all 11 spans that the agent took in", self.command("ops").stderr)
        self.assertIn("is neither a duration", self.command("ops", "--since", "soon", code=2).stderr)


if __name__ == "__main__":
    harness.main()

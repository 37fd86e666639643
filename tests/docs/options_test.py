# SPDX-License-Identifier: Apache-2.0
"""docs/agent.md has every flag and every key that the agent has, with its values, its default and its meaning, and no other.
And what print-config prints of a sample is read again as the same."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

import usage

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(SOURCE / "tests/integration"))
from certificates import Authority  # noqa: E402

BUILD = pathlib.Path(os.environ.get("SPANRING_BUILD", SOURCE / "build")).resolve()
AGENT = BUILD / "agent/spanring-agent"
COLUMNS = ["key", "values", "default", "meaning"]


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def tables(markdown):
    """{component: {key: [values, default, meaning]}}, of the tables whose columns are those of a key."""
    found = {}
    title = rows = None
    for line in markdown.splitlines():
        if line.startswith("#"):
            title, rows = line.lstrip("# ").replace("`", ""), None
        elif not line.startswith("|"):
            rows = None
        elif cells(line) == COLUMNS:
            rows = found.setdefault(title, {})
        elif rows is not None and not line.startswith("|-"):
            key, *rest = cells(line)
            rows[key.strip("`")] = rest
    return found


def key_faults(page, there):
    """What the page says otherwise than the agent; both in Markdown."""
    said, known = tables(page), tables(there)
    faults = [f"{title}: the page has no such table" for title in known.keys() - said.keys()]
    faults += [f"{title}: the agent has no such component" for title in said.keys() - known.keys()]
    for title in said.keys() & known.keys():
        faults += [f"{title}: {key} is missing in the page" for key in known[title].keys() - said[title].keys()]
        faults += [f"{title}: the page has {key}, which does not exist" for key in said[title].keys() - known[title].keys()]
        for key in said[title].keys() & known[title].keys():
            faults += [f"{title}: {key}: {column}: the page has '{here}', the agent '{right}'"
                       for column, here, right in zip(COLUMNS[1:], said[title][key], known[title][key]) if here != right]
    return sorted(faults)


def flag_faults(page, there):
    """`there`: {flag: whether it takes an argument}."""
    table = re.search(r"^\| flag .*\n\|-.*\n((?:\|.*\n)+)", page, re.MULTILINE).group(1)
    said = {}
    for line in table.splitlines():
        for flag, argument in re.findall(r"`(--[\w-]+)( [A-Z:=]+)?`", cells(line)[0]):
            said[flag] = bool(argument)
    there = {flag: takes for flag, takes in there.items() if flag.startswith("--")}
    return sorted(f"{flag}: the page says {said.get(flag)}, the agent {there.get(flag)}" for flag in said.keys() | there.keys()
                  if said.get(flag) != there.get(flag))


def samples():
    """The configurations that somebody may copy: (name, text)."""
    for file in [SOURCE / "packaging/etc/config.yaml", *sorted((SOURCE / "packaging/etc/samples").glob("*.yaml"))]:
        yield str(file.relative_to(SOURCE)), file.read_text()
    for page in sorted((SOURCE / "docs").glob("*.md")):
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)):
            if re.match(r"(receivers|processors|exporters|connectors|extensions|service):", block):
                yield f"{page.name}, block {number}", block
            elif block.startswith("policies:\n"):
                yield f"{page.name}, block {number}", "processors:\n  tail_sampling:\n" + textwrap.indent(block, "    ")


def with_files(text, folder):
    """The text with what it names in /etc/spanring in this folder, where it is then."""
    made = folder / "etc"
    if "/etc/spanring/" in text and not made.exists():
        made.mkdir()
        Authority(made, "agent")  # agent.pem, agent-key.pem
        shutil.copy(made / "agent.pem", made / "senders-ca.pem")
        (made / "senders").write_text("ann:a-secret\n")
        (made / "client-secret").write_text("a-secret\n")
    return text.replace("/etc/spanring/", f"{made}/")


class Pages(unittest.TestCase):
    maxDiff = None
    page = (SOURCE / "docs/agent.md").read_text()

    def agent(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SPANRING_"))}
        done = subprocess.run([AGENT, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              env=environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_every_key_is_in_a_table_as_the_agent_has_it(self):
        there = self.agent("--describe-options")
        self.assertGreater(sum(map(len, tables(there).values())), 40, "the keys were not understood")
        self.assertEqual(key_faults(self.page, there), [], "spanring-agent --describe-options prints the tables as they must be")

    def test_every_flag_is_in_the_table(self):
        self.assertEqual(flag_faults(self.page, usage.of(AGENT).options), [])

    def test_a_sample_is_printed_as_a_file_that_says_the_same(self):
        names = []
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "agent.yaml"
            for name, text in samples():
                with self.subTest(name):
                    names.append(name)
                    file.write_text(with_files(text, pathlib.Path(folder)))
                    printed = self.agent("--state-dir", folder, "print-config", file)
                    file.write_text(printed)
                    again = self.agent("--state-dir", folder, "print-config", file)
                    self.assertEqual(re.sub(" +# .*", "", again), re.sub(" +# .*", "", printed))
        self.assertGreaterEqual(len(names), 20, names)


class Planted(unittest.TestCase):
    """The check checked."""

    THERE = ("#### `a.b`\n\n| key | values | default | meaning |\n|---|---|---|---|\n| `wait` | duration | `5s` | how long |\n"
             "| `size` | size | `1MiB` | how much |\n")

    def test_what_is_the_same_passes_however_it_is_aligned(self):
        self.assertEqual(key_faults(self.THERE.replace("`5s` |", "`5s`       |") + "\n| other | table |\n|--|--|\n| x | y |\n",
                                    self.THERE), [])

    def test_a_row_that_differs_is_found(self):
        for right, wrong in (("`5s`", "`6s`"), ("duration", "size"), ("how long", "how short"),
                             ("| `size` | size | `1MiB` | how much |\n", ""), ("`size`", "`sice`"),
                             ("how much |\n", "how much |\n| `more` | size | `1` | x |\n"), ("a.b", "a.c")):
            planted = self.THERE.replace(right, wrong)
            self.assertNotEqual(planted, self.THERE)
            self.assertNotEqual(key_faults(planted, self.THERE), [], wrong)
        self.assertEqual(key_faults(self.THERE.replace("`5s`", "`6s`"), self.THERE),
                         ["a.b: wait: default: the page has '`6s`', the agent '`5s`'"])

    def test_a_row_of_the_page_itself_that_differs_is_found(self):
        there = Pages.page
        self.assertEqual(key_faults(there, there), [])
        for right, wrong in (("`1GiB`", "`2GiB`"), ("`spool.fsync`", "`spool.sync`"), ("72h", "72")):
            self.assertNotEqual(key_faults(there.replace(right, wrong), there), [], wrong)

    def test_a_flag_that_differs_is_found(self):
        page = "| flag | meaning |\n|---|---|\n| `--config FILE` | x |\n| `--version`, `--help` | |\n\n"
        there = {"--config": True, "--version": False, "--help": False, "-h": False}
        self.assertEqual(flag_faults(page, there), [])
        for wrong in ({**there, "--new": False}, {**there, "--config": False}, {"--config": True, "--help": False}):
            self.assertEqual(len(flag_faults(page, wrong)), 1, wrong)


if __name__ == "__main__":
    unittest.main()

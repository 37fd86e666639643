# SPDX-License-Identifier: Apache-2.0
"""The tree itself: includes go downwards only, and no file knows the machine it was written on."""

import collections
import pathlib
import re
import subprocess
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<(spanring/[^>]+)>)', re.MULTILINE)
PUBLIC = "spanring/spanring.h"

# A folder and the folders whose headers it may include, each by the first part of an include's path.
BELOW = {
    "include": set(),
    "lib/ring": {"ring", PUBLIC},
    "lib/trace": {"ring", "trace", PUBLIC},
    "agent": {"ring", "agent", PUBLIC},
    "bindings/cpp": {"binding", PUBLIC, "own"},
    "bindings/rust": {PUBLIC, "own"},
    "bindings/go": {PUBLIC, "own"},
    "tests/abi/layout": {"ring", "own"},  # frozen copies beside the layout of today
    "tests/abi": {PUBLIC, "own"},
    "tests/integration": {PUBLIC, "own"},
    "examples": {PUBLIC, "binding", "own"},
}
SOURCES = {".h", ".hpp", ".c", ".cpp", ".go", ".rs"}


def files():
    """What is in the repository, or would be: git leaves out what is ignored."""
    listed = subprocess.run(["git", "-c", f"safe.directory={SOURCE}", "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], cwd=SOURCE, capture_output=True)
    if listed.returncode != 0:
        raise unittest.SkipTest(f"git cannot list the tree: {listed.stderr.decode()}")
    paths = [SOURCE / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def agent_folders():
    return {path.name for path in (SOURCE / "agent").iterdir() if path.is_dir()}


def kind_of(include, including):
    """Which folder an include reaches into."""
    first = include.split("/")[0]
    if include == PUBLIC:
        return PUBLIC
    if first in ("ring", "trace"):
        return first
    if first == "spanring":
        return "binding"
    if first in agent_folders() and (SOURCE / "agent" / include).exists():
        return "agent"
    if (including.parent / include).exists() or "/" not in include:
        return "own"
    return f"nowhere ({include})"


def writer_headers():
    """Headers of lib/ring that only the application's side may see."""
    text = (SOURCE / "lib/ring/meson.build").read_text()
    listed = re.search(r"ring_writer_sources\s*=\s*files\((.*?)\)", text, re.DOTALL)
    names = re.findall(r"'(\w+)\.cpp'", listed.group(1)) if listed else []
    names += [path.stem for path in (SOURCE / "lib/ring").glob("*_writer.hpp")]
    return {f"ring/{name}.hpp" for name in names}


class Includes(unittest.TestCase):
    def includes(self):
        for path in files():
            if path.suffix not in SOURCES:
                continue
            relative = path.relative_to(SOURCE).as_posix()
            folder = next((folder for folder in BELOW if relative.startswith(folder + "/")), None)
            if folder is None:
                continue
            for match in INCLUDE.finditer(path.read_text(errors="replace")):
                yield folder, relative, path, match.group(1) or match.group(2)

    def test_includes_go_downwards(self):
        counts = collections.Counter()
        upward = []
        for folder, relative, path, include in self.includes():
            kind = kind_of(include, path)
            counts[folder, kind] += 1
            if kind not in BELOW[folder]:
                upward.append(f"{relative} includes {include}")
        for (folder, kind), count in sorted(counts.items()):
            print(f"{folder:18} -> {kind:20} {count:4}")
        self.assertEqual(upward, [])
        for folder in ("lib/ring", "lib/trace", "agent"):
            self.assertGreater(counts[folder, "ring"], 10, f"{folder}: the includes were not found at all")

    def test_the_agent_knows_only_the_reader_side_of_the_ring(self):
        hidden = writer_headers()
        self.assertGreaterEqual(len(hidden), 1)
        wrong = [f"{relative} includes {include}" for folder, relative, _, include in self.includes()
                 if folder == "agent" and include in hidden]
        self.assertEqual(wrong, [])

    def test_an_upward_include_would_be_seen(self):
        """The check checked: what it must refuse, it does."""
        self.assertNotIn(kind_of("trace/provider.hpp", SOURCE / "lib/ring/layout.hpp"), BELOW["lib/ring"])
        self.assertNotIn(kind_of("trace/provider.hpp", SOURCE / "agent/main.cpp"), BELOW["agent"])
        self.assertNotIn(kind_of("batch/batch.hpp", SOURCE / "lib/ring/layout.hpp"), BELOW["lib/ring"])
        self.assertNotIn(kind_of("ring/layout.hpp", SOURCE / "tests/integration/producer.c"), BELOW["tests/integration"])
        self.assertEqual(INCLUDE.findall('#  include "trace/a.hpp"\n'), [("trace/a.hpp", "")])


class Machine(unittest.TestCase):
    # Put together here, so that this file is not its own finding.
    FOLDERS = re.compile(r"(?<![\w.~}])/(?:" + "|".join(["wo" + "rk", "ro" + "ot", "fa" + "rm"]) + r")/")
    HOSTS = re.compile("|".join([r"deb\.deb" + r"ian\.org", r"snapshot\.deb" + r"ian", r"proxy\.gol" + r"ang\.org",
                                 r"static\.cra" + r"tes\.io", r"index\.cra" + r"tes\.io", r"registry\.np" + r"mjs"]))

    def test_no_file_names_a_machine_or_a_registry(self):
        found = []
        seen = 0
        for path in files():
            data = path.read_bytes()
            if b"\0" in data[:4096]:
                continue
            seen += 1
            for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
                if self.FOLDERS.search(line) or self.HOSTS.search(line):
                    found.append(f"{path.relative_to(SOURCE)}:{number}: {line.strip()[:120]}")
        self.assertGreater(seen, 50)
        self.assertEqual(found, [])

    def test_what_it_looks_for_would_be_found(self):
        self.assertTrue(self.FOLDERS.search("cd /wo" + "rk/main"))
        self.assertTrue(self.FOLDERS.search("'/ro" + "ot/go/bin'"))
        self.assertFalse(self.FOLDERS.search("tests/wo" + "rk/x"))


if __name__ == "__main__":
    import harness
    harness.main()

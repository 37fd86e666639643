# SPDX-License-Identifier: Apache-2.0
"""The tree itself: includes go downwards only, no file is long, and none knows the machine it was written on."""

import collections
import pathlib
import re
import subprocess
import unittest

import rooms

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent


def files():
    """What is in the repository, or would be: git leaves out what is ignored."""
    listed = subprocess.run(["git", "-c", f"safe.directory={SOURCE}", "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], cwd=SOURCE, capture_output=True)
    if listed.returncode != 0:
        raise unittest.SkipTest(f"git cannot list the tree: {listed.stderr.decode()}")
    paths = [SOURCE / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def code():
    return [(path.relative_to(SOURCE).as_posix(), path.read_text(errors="replace")) for path in files()
            if path.suffix in rooms.CODE | {".go", ".rs"}]


def exists(path):
    return (SOURCE / path).is_file()


def writer_headers():
    """Headers of lib/ring that only the application's side may see."""
    text = (SOURCE / "lib/ring/meson.build").read_text()
    names = re.findall(r"'(\w+)\.cpp'", re.search(r"ring_writer_files\s*=\s*\[(.*?)\]", text, re.DOTALL).group(1))
    names += [path.stem for path in (SOURCE / "lib/ring").glob("*_writer.hpp")]
    return {f"ring/{name}.hpp" for name in names}


TYPE = re.compile(r"^(?:namespace (?P<space>[\w:]+) \{|(?:struct|class|enum class) (?P<name>\w+)(?: final)?(?: : [^;{]*)? \{)", re.M)


def types(text):
    """What a header defines outside of other types, with its namespace: spanring::agent::Batch."""
    space = ""
    for found in TYPE.finditer(text):
        if found["space"]:
            space = found["space"]
        else:
            yield f"{space}::{found['name']}"


class Types(unittest.TestCase):
    """Two of one name in one namespace are one to the linker, whoever includes which (the One Definition Rule): the compilers
    say so where they optimize at link time, and only then."""

    def test_each_has_its_name_alone(self):
        where = collections.defaultdict(list)
        for path, text in code():
            if path.startswith(("agent/", "lib/")) and path.endswith(".hpp"):
                for name in types(text):
                    where[name].append(path)
        self.assertGreater(len(where), 300, "types are not found")
        self.assertEqual({name: paths for name, paths in where.items() if len(paths) > 1}, {})

    def test_what_is_found(self):
        text = "namespace a::b {\nstruct One {\n  struct Inner {};\n};\nclass Two;\nclass Two final : public One {\nenum class E : int {\n"
        self.assertEqual(list(types(text)), ["a::b::One", "a::b::Two", "a::b::E"])


class Rooms(unittest.TestCase):
    def test_no_include_goes_upwards(self):
        tree = code()
        self.assertEqual(rooms.faults(tree, exists), [])
        counts = collections.Counter(rooms.room_of(path) for path, text in tree for _ in rooms.includes(text))
        for room in (*rooms.LIBRARY, *rooms.AGENT, rooms.MAIN):
            if room != "include":
                self.assertGreater(counts[room], 0, f"{room}: no include was found at all")

    def test_no_circle_can_be(self):
        for table in (rooms.LIBRARY, rooms.AGENT, rooms.OUTSIDE):
            self.assertEqual(rooms.order_faults(table), [])

    def test_every_row_is_a_folder_and_no_right_is_unused(self):
        used = collections.defaultdict(set)
        for path, text in code():
            for include in rooms.includes(text):
                target = rooms.target_of(include, path, exists)
                used[rooms.room_of(path)].add(target and rooms.room_of(target))
        table = {**rooms.LIBRARY, **rooms.AGENT}
        self.assertEqual([room for room in table if not (SOURCE / room).is_dir()], [])
        # base and the public header may be used by all, whether one does today or not.
        unused = {room: row - used[room] - {"agent/base", "include"} for room, row in table.items()}
        self.assertEqual({room: row for room, row in unused.items() if row}, {})

    def test_the_agent_knows_only_the_reader_side_of_the_ring(self):
        hidden = writer_headers()
        self.assertGreaterEqual(len(hidden), 5)
        wrong = [f"{path} includes {include}" for path, text in code() if path.startswith("agent/")
                 for include in rooms.includes(text) if include in hidden]
        self.assertEqual(wrong, [])


class Planted(unittest.TestCase):
    """The check checked: an include that is planted where it must not be is found, whichever room it is planted in."""

    def header_of(self, room):
        return next((path for path, _ in code() if rooms.room_of(path) == room and path.endswith((".h", ".hpp"))), None)

    def test_an_include_that_a_room_has_no_right_to_is_found(self):
        headers = {room: self.header_of(room) for room in {**rooms.LIBRARY, **rooms.AGENT}}
        planted = 0
        for room, row in {**rooms.LIBRARY, **rooms.AGENT}.items():
            for other, header in headers.items():
                if header is None or other == room or other in rooms.ROWS[room]:
                    continue
                named = next(header[len(root) + 1:] for root in rooms.ROOTS if header.startswith(root + "/"))
                self.assertEqual(len(rooms.faults([(f"{room}/planted.cpp", f'#  include "{named}"\n')], exists)), 1,
                                 f"{room} uses {other} unseen")
                planted += 1
        self.assertGreater(planted, 200)

    def test_a_folder_that_has_no_row_is_found(self):
        for path in ("agent/misc/planted.cpp", "agent/planted.cpp", "lib/planted.hpp", "lib/trace/planted.cpp",
                     "agent/export/pigeon/planted.cpp", "new/planted.c"):
            self.assertEqual(len(rooms.faults([(path, "")], exists)), 1, path)

    def test_a_header_that_is_nowhere_is_found(self):
        self.assertEqual(len(rooms.faults([("agent/drain/planted.cpp", '#include "drain/nowhere.hpp"')], exists)), 1)

    def test_a_row_that_would_close_a_circle_is_found(self):
        self.assertEqual(len(rooms.order_faults({**rooms.AGENT, "agent/base": {"agent/drain"}})), 1)
        self.assertEqual(len(rooms.order_faults({"agent/base": {"agent/nowhere"}})), 1)


class Length(unittest.TestCase):
    MOST = 500  # lines: what is longer has a second noun in it
    # One header is what every user includes, and reads from top to bottom; a release's is kept as it was; what is made of
    # other files is read there.
    LONGER = re.compile(r"include/spanring/spanring\.h|tests/abi/frozen/.*|bindings/go/internal/(libspanring|testkit)/.*")

    @classmethod
    def too_long(cls, tree):
        return [path for path, text in tree if text.count("\n") > cls.MOST and not cls.LONGER.fullmatch(path)]

    def test_no_code_file_is_longer_than_a_reader_likes(self):
        scripts = [(path.relative_to(SOURCE).as_posix(), path.read_text(errors="replace")) for path in files()
                   if path.suffix in {".css", ".js", ".lua", ".mjs", ".py", ".sh"}]
        self.assertEqual(self.too_long(code() + scripts), [])

    def test_one_that_is_longer_is_found(self):
        self.assertEqual(self.too_long([("agent/base/a.cpp", 500 * "\n"), ("agent/base/b.cpp", 501 * "\n")]),
                         ["agent/base/b.cpp"])


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

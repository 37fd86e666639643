# SPDX-License-Identifier: Apache-2.0
"""The manual pages have every option, command and function that there is, and none that there is not."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

import header
import mdoc
import usage

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("SPANRING_BUILD", SOURCE / "build")).resolve()
PAGES = SOURCE / "docs/man"
HELP = {"-h": False, "--help": False}


def options_faults(where, said, there):
    faults = [f"{where}: {name} is missing in the page" for name in there.keys() - said.keys()]
    faults += [f"{where}: the page has {name}, which does not exist" for name in said.keys() - there.keys()]
    faults += [f"{where}: {name} {'takes an' if there[name] else 'takes no'} argument"
               for name in there.keys() & said.keys() if there[name] != said[name]]
    return faults


def agent_faults(page, there):
    (options,) = [section for section in mdoc.sections(page) if section.title == "OPTIONS"]
    return options_faults("spanring-agent", options.options, there.options)


def all_usages(program, command=()):
    """{("sampling", "set"): its usage}, of the program and everything below it."""
    assert len(command) <= 2, f"{command}: the help was not understood"
    found = {command: usage.of(program, *command)}
    for names in found[command].commands:
        found.update(all_usages(program, (*command, names[0])))
    return found


def command_faults(page, usages):
    sections = {section.title: section for section in mdoc.sections(page)}
    faults = options_faults("spanring", sections["OPTIONS"].options, usages[()].options)
    said = {tuple(title.split("/")[1].split()): section for title, section in sections.items()
            if title.startswith("COMMANDS/")}
    for command in said.keys() - usages.keys():
        faults.append(f"the page has the command '{' '.join(command)}', which does not exist")
    for command, there in usages.items():
        if command == ():
            continue
        where = "spanring " + " ".join(command)
        if command not in said:
            faults.append(f"{where} is missing in the page")
            continue
        section = said[command]
        faults += options_faults(where, {**HELP, **section.options}, there.options)
        if section.arguments != there.arguments:
            faults.append(f"{where}: takes {there.arguments}, the page has {section.arguments}")
    for names in usages[()].commands:
        for alias in names[1:]:
            if f".Ic {alias}" not in "\n".join(sections["COMMANDS/" + names[0]].lines):
                faults.append(f"spanring {names[0]}: its other name {alias} is missing in the page")
    return faults


def library_faults(page, text):
    there = header.functions(text)
    said = mdoc.functions(page)
    explained = mdoc.explained(page)
    faults = [f"{name} is missing in the page" for name in there if name not in said]
    faults += [f"{name} is not explained in the page" for name in there if name not in explained]
    faults += [f"{name} is explained twice" for name in set(explained) if explained.count(name) > 1]
    faults += [f"{name} is declared as {there[name]}, the page has {said[name]}" for name in there
               if name in said and said[name] != there[name]]
    known = header.words(text)
    faults += [f"the page has {name}, which the header does not have" for name in sorted(set(re.findall(
        r"\b(?:spr|SPR)_\w+", page)) - known)]
    return faults


def variables(page):
    return {name.rstrip("*") for name in re.findall(r"^\.(?:It )?Ev (\w+\*?)", page, re.MULTILINE)}


class Pages(unittest.TestCase):
    maxDiff = None

    def page(self, name):
        return (PAGES / name).read_text()

    def test_the_agent(self):
        self.assertEqual(agent_faults(self.page("spanring-agent.8"), usage.of(BUILD / "agent/spanring-agent")), [])

    def test_the_command(self):
        self.assertEqual(command_faults(self.page("spanring.1"), all_usages(BUILD / "agent/spanring")), [])

    def test_the_library(self):
        text = (SOURCE / "include/spanring/spanring.h").read_text()
        self.assertGreater(len(header.functions(text)), 50, "the header was not understood")
        self.assertEqual(library_faults(self.page("libspanring.3"), text), [])

    def test_each_variable_is_read_somewhere(self):
        code = "\n".join(path.read_text() for folder in ("agent", "lib") for path in (SOURCE / folder).rglob("*.?pp"))
        for page in PAGES.glob("*.[138]"):
            for name in variables(page.read_text()):
                short = name.removeprefix("OTEL_EXPORTER_OTLP_").removeprefix("TRACES_")  # put together in the code
                self.assertIn(short, code, f"{page.name}: {name}")

    def test_each_variable_that_the_library_reads_is_in_its_page(self):
        code = "\n".join(path.read_text() for path in (SOURCE / "lib").rglob("*.cpp"))
        read = set(re.findall(r'"((?:OTEL|SPANRING)_\w+)"', code)) - {"OTEL_CTX"}  # the name of a mapping
        self.assertGreater(len(read), 10)
        self.assertEqual(read - variables(self.page("libspanring.3")), set())

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_each_is_formatted_without_a_warning(self):
        for page in PAGES.glob("*.[138]"):
            done = subprocess.run(["groff", "-mdoc", "-ww", "-Tascii", "-z", page], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)


class Planted(unittest.TestCase):
    """The check checked: what is left out of a page, and what a page makes up, is found."""

    AGENT = ".Sh OPTIONS\n.It Fl -config Ar FILE\n.It Fl h , Fl -help\n"
    COMMAND = (".Sh OPTIONS\n.It Fl h , Fl -help\n.Sh COMMANDS\n.Ss audit Ar ID\n.Ic accounting\n"
               ".It Fl n , Fl -limit Ar N\n.Ss sampling\n.Ss sampling set Ar RULE\n")
    LIBRARY = '.Ft int\n.Fo spr_one\n.Fa "const char *name"\n.Fc\n.It Fn spr_one\n'
    HEADER = "SPR_PUBLIC int spr_one(const char *name) SPR_NOEXCEPT;"

    def test_an_option(self):
        options = {"--config": True, **HELP}
        self.assertEqual(agent_faults(self.AGENT, usage.Usage(options, [], [])), [])
        for wrong in ({**options, "--new": False}, HELP, {**options, "--config": False}):
            self.assertEqual(len(agent_faults(self.AGENT, usage.Usage(wrong, [], []))), 1, wrong)

    def test_a_command(self):
        def usages(**changed):
            right = {(): usage.Usage(HELP, [["audit", "accounting"], ["sampling"]], []),
                     ("audit",): usage.Usage({**HELP, "-n": True, "--limit": True}, [], ["ID"]),
                     ("sampling",): usage.Usage(HELP, [["set"]], []),
                     ("sampling", "set"): usage.Usage(HELP, [], ["RULE"])}
            return {**right, **changed}

        self.assertEqual(command_faults(self.COMMAND, usages()), [])
        new = {**usages(), ("new",): usage.Usage(HELP, [], [])}
        self.assertEqual(len(command_faults(self.COMMAND, new)), 1)
        gone = {command: there for command, there in usages().items() if command != ("sampling", "set")}
        self.assertEqual(len(command_faults(self.COMMAND, gone)), 1)
        more = {**usages(), ("sampling", "set"): usage.Usage({**HELP, "--service": True}, [], ["RULE"])}
        self.assertEqual(len(command_faults(self.COMMAND, more)), 1)
        other = {**usages(), ("audit",): usage.Usage({**HELP, "-n": True, "--limit": True}, [], [])}
        self.assertEqual(len(command_faults(self.COMMAND, other)), 1)
        self.assertEqual(len(command_faults(self.COMMAND.replace(".Ic accounting\n", ""), usages())), 1)

    def test_a_function(self):
        self.assertEqual(library_faults(self.LIBRARY, self.HEADER), [])
        new = "SPR_PUBLIC int spr_two(void) SPR_NOEXCEPT;"
        self.assertEqual(len(library_faults(self.LIBRARY, self.HEADER + new)), 2)
        self.assertEqual(len(library_faults(self.LIBRARY, self.HEADER.replace("const ", ""))), 1)
        self.assertEqual(len(library_faults(self.LIBRARY + ".Dv SPR_NO_SUCH\n", self.HEADER)), 1)
        self.assertEqual(len(library_faults(self.LIBRARY.replace(".It Fn spr_one\n", ""), self.HEADER)), 1)

    def test_help_is_understood(self):
        found = usage.parse("Usage: x\n\nPositionals:\n  id ID REQUIRED    what\n\nOptions:\n  -h,--help       help\n"
                            "  -n,--limit N=20  many\n  --colour,--color WHEN:{auto,always}\n                  when\n"
                            "\nSubcommands:\n  ps          a\n  audit, accounting   b\n\nA footer.\n")
        self.assertEqual(found, usage.Usage({**HELP, "-n": True, "--limit": True, "--colour": True, "--color": True},
                                            [["ps"], ["audit", "accounting"]], ["ID"]))


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""The shells' completions against --help: each command and option of it is offered, and nothing else.

What a shell offers is asked of the shell itself; of zsh, whose completion works in a terminal alone, what is handed to its
_arguments and _describe.
"""

import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "integration"), str(HERE.parent / "docs")]
import harness  # noqa: E402
import usage  # noqa: E402

COMPLETIONS = harness.SOURCE / "packaging/completions"
PROGRAMS = {"spanring": harness.COMMAND, "spanring-agent": harness.AGENT}


def every_command(words):
    """(words of the command line, what its --help says) of a program and all that is below it."""
    found = usage.of(PROGRAMS[words[0]], *words[1:])
    yield words, found
    for name in names_of(found.commands):
        yield from every_command([*words, name])


def names_of(commands):
    return [name for names in commands for name in names]


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=harness.WATCHDOG)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stderr}")
    return done.stdout.splitlines()


def of_bash(words):
    """What bash offers for the last word. compopt works inside of a completion alone."""
    script = ('compopt() { :; }; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
              '"_${1//-/_}"; printf "%s\\n" "${COMPREPLY[@]}"')
    return set(output_of("bash", "-c", script, "bash", COMPLETIONS / f"{words[0]}.bash", *words)) - {""}


def of_fish(words):
    script = f"complete -e {words[0]}; source {COMPLETIONS / words[0]}.fish; complete -C '{' '.join(words)}'"
    return {line.split("\t")[0] for line in output_of("fish", "--no-config", "-c", script)}


# Follows the words down, and prints what the last call of _arguments or _describe got.
ZSH = """
way=("${@:2}")
_arguments() {
    got=("$@")
    state=
    if (( ${@[(I)*->argument]} )); then
        if (( $#way )); then state=argument words=($way); shift way; else state=command; fi
    fi
}
_describe() { described=("${(@P)2}"); }
fpath=($1); autoload -Uz $2; shift way; $2; print -rl -- $got -- $described
"""


def of_zsh(words):
    """({option: its specification}, [commands]) for the words of a command."""
    lines = output_of("zsh", "-f", "-c", ZSH, "zsh", COMPLETIONS, f"_{words[0]}", *words[1:])
    end = lines.index("--")
    specifications = {}
    for line in lines[:end]:
        found = re.match(r"(?:\([^)]*\)|\*)*(-[-\w]+)[=+]?\[", line)
        if found:
            specifications[found[1]] = line
    return specifications, [line.split(":")[0] for line in lines[end + 1:]]


def choices(text):
    """Of "WHEN:{auto,always,never}"."""
    found = re.search(r"{(.*?)}", text)
    return set(found[1].split(",")) if found else None


class Completions(unittest.TestCase):
    maxDiff = None

    def each(self, check):
        for program in PROGRAMS:
            for words, said in every_command([program]):
                with self.subTest(" ".join(words)):
                    check(words, said)

    def check_values(self, text, values):
        """Where the help lists them they are those; else, files apart, the help names each."""
        if choices(text):
            self.assertEqual(values, choices(text))
        elif not re.match(r" (FILE|DIR)", text):
            self.assertEqual(values - set(re.findall(r"\w+", text)), set())

    def check(self, offered):
        def one(words, said):
            self.assertEqual(offered([*words, "-"]) - {"-"}, set(said.options))
            if said.commands:
                self.assertEqual(offered([*words, ""]), set(names_of(said.commands)))
            for name, takes_value in said.options.items():
                if takes_value:
                    self.check_values(said.texts[name], offered([*words, name, ""]))

        self.each(one)

    def test_bash(self):
        self.check(of_bash)
        # As bash splits --colour=a.
        self.assertEqual(of_bash(["spanring", "--colour", "=", "a"]), {"auto", "always"})
        self.assertEqual(of_bash(["spanring-agent", "--seccomp", "="]), {"on", "off", "kill"})
        self.assertEqual(of_bash(["spanring", "--store", "ps", "trace", ""]), {"last"})

    def test_fish(self):
        self.check(of_fish)

    def check_zsh(self, words, said):
        specifications, commands = of_zsh(words)
        self.assertEqual(set(specifications), set(said.options))
        self.assertEqual(commands, names_of(said.commands))
        for name, takes_value in said.options.items():
            message = specifications[name].rpartition("]")[2]
            self.assertEqual(message != "", takes_value, name)
            values = re.search(r":\((.*)\)$", message)
            if values or choices(said.texts[name]):
                self.check_values(said.texts[name], set(values[1].split()) if values else set())

    def test_zsh(self):
        self.each(self.check_zsh)


if __name__ == "__main__":
    harness.main()

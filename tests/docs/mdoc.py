# SPDX-License-Identifier: Apache-2.0
"""What a manual page in mdoc(7) says: only as much of the language as the pages in docs/man use."""

import dataclasses
import re


@dataclasses.dataclass
class Section:
    title: str                                     # "OPTIONS", or "COMMANDS/ps" for a subsection
    arguments: list = dataclasses.field(default_factory=list)  # of the subsection's title: ["ID"]
    options: dict = dataclasses.field(default_factory=dict)    # {"--limit": True}, True: it takes an argument
    lines: list = dataclasses.field(default_factory=list)


def fields(line):
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line)]


def option(words):
    """The options of an .It line, from `Fl a , Fl -all Ar WHAT`."""
    found = {}
    names = []
    for at, word in enumerate(words[:-1]):
        if word == "Fl":
            names.append("-" + words[at + 1])
    for name in names:
        found[name] = "Ar" in words
    return found


def sections(text):
    found = []
    title = ""
    for line in text.splitlines():
        if line.startswith('.\\"'):
            continue
        words = fields(line)
        if line.startswith(".Sh "):
            title = " ".join(words[1:])
            found.append(Section(title))
        elif line.startswith(".Ss "):
            rest = words[1:]
            cut = rest.index("Ar") if "Ar" in rest else len(rest)
            found.append(Section(title + "/" + " ".join(rest[:cut]), rest[cut + 1:]))
        elif found:
            found[-1].lines.append(line)
            if line.startswith(".It Fl "):
                found[-1].options.update(option(words[1:]))
    return found


def functions(text):
    """{name: (type, [parameters])} of the .Ft, .Fo, .Fa, .Fc in the page."""
    found = {}
    result = name = None
    parameters = []
    for line in text.splitlines():
        words = fields(line)
        if line.startswith(".Ft "):
            result = " ".join(words[1:])
        elif line.startswith(".Fo "):
            name, parameters = words[1], []
        elif line.startswith(".Fa ") and name:
            parameters += words[1:]
        elif line.startswith(".Fc"):
            found[name] = (result, [] if parameters == ["void"] else parameters)
            name = None
    return found


def explained(text):
    """Functions with an item of their own."""
    return re.findall(r"^\.It Fn (\w+)$", text, re.MULTILINE)

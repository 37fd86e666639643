#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Compares what the layout program prints:
#   compare.py frozen PROGRAM FILE      with the frozen copy of a released layout (there is none yet): what is there
#                                       stays as it is; what is new must have been carved out of its reserved space
#   compare.py same PROGRAM PROGRAM     with that of another build (32-bit)
#   compare.py page PROGRAM PAGE        with the tables of docs/shared-memory.md that carry a "layout:" mark, in both
#                                       directions: no number there that the compiler does not confirm, none missing
#   compare.py skip WHY                 says why a comparison is not made, and exits 77
import os
import re
import shlex
import subprocess
import sys


def parse(text):
    layout = {}
    for line in text.splitlines():
        name, *numbers = line.split()
        if name in layout:
            sys.exit(f"{name}: twice")
        layout[name] = tuple(int(number) for number in numbers)
    return layout


def output_of(program):
    wrapper = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))  # a build for another machine
    return parse(subprocess.run([*wrapper, program], check=True, capture_output=True, text=True).stdout)


def fail(problems):
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


def show(numbers):
    if numbers is None:
        return "nothing"
    return f"offset {numbers[0]} size {numbers[1]}" if len(numbers) == 2 else str(numbers[0])


def differences(here, there, what):
    names = [*there, *(name for name in here if name not in there)]
    return [f"{name}: {show(here.get(name))}, but {show(there.get(name))} {what}"
            for name in names if here.get(name) != there.get(name)]


# A newer minor version may only add: fields out of reserved ones, constants and states under new names.
def against_frozen(now, frozen):
    def reserved(name):
        return name.rpartition(".")[2].startswith("reserved")

    problems = [f"{name}: {show(now.get(name))}, but {show(numbers)} in the released layout"
                for name, numbers in frozen.items() if now.get(name) != numbers and not reserved(name)
                and name not in ("constant.kLayoutMinor", "Counter.kCount")]
    for name, numbers in now.items():
        struct, _, _ = name.rpartition(".")
        if name in frozen or reserved(name) or len(numbers) != 2 or struct not in frozen:
            continue
        begin, end = numbers[0], numbers[0] + numbers[1]
        if not any(reserved(old) and old.startswith(struct + ".") and old_place[0] <= begin
                   and end <= old_place[0] + old_place[1] for old, old_place in frozen.items()):
            problems.append(f"{name}: new, and not in reserved space of the released layout")
    return problems


# Tables after "<!-- layout: PREFIX -->"; their columns are found by their titles: offset, size and name, or name and value.
def tables(path):
    layout, prefix, columns = {}, None, None
    with open(path, encoding="utf-8") as page:
        for number, line in enumerate(page, 1):
            if mark := re.match(r"<!-- layout: (\S+) -->", line):
                prefix, columns = mark.group(1), None
                continue
            if prefix is None or not line.startswith("|"):
                if prefix is not None and columns is not None:
                    prefix = None
                continue
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if columns is None:
                columns = [cell.lower() for cell in cells]
                continue
            if set("".join(cells)) <= set("-: "):
                continue
            row = dict(zip(columns, cells))
            # Notes in parentheses are for people.
            number_of = lambda cell: int(re.sub(r"\(.*\)", "", row[cell]).replace("`", "").replace(" ", ""), 0)
            name = re.fullmatch(r"`([\w.]+)`.*|\*whole\*", row["name"])
            if name is None:
                sys.exit(f"{path}:{number}: no `name` in {row['name']!r}")
            key = f"{prefix}.{name.group(1)}" if name.group(1) else prefix
            if key in layout:
                sys.exit(f"{path}:{number}: {key} is there twice")
            layout[key] = (number_of("value"),) if "value" in row else (number_of("offset"), number_of("size"))
    return layout


def main():
    command = sys.argv[1:]
    match command:
        case ["frozen", program, frozen]:
            with open(frozen, encoding="utf-8") as file:
                fail(against_frozen(output_of(program), parse(file.read())))
        case ["same", program, other]:
            fail(differences(output_of(program), output_of(other), "in the other build"))
        case ["page", program, page]:
            fail(differences(output_of(program), tables(page), "on the page"))
        case ["skip", why]:
            print(f"SKIP: {why}")
            sys.exit(77)
        case _:
            sys.exit("usage: compare.py frozen PROGRAM FILE | same PROGRAM PROGRAM | page PROGRAM PAGE | skip WHY")


main()

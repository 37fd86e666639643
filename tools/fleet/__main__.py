# SPDX-License-Identifier: Apache-2.0
"""tools/fleet-sim: simulates a fleet, and prints what became of its spans."""

import argparse
import dataclasses
import pathlib
import re
import sys

import figures
import outages
import parameters
import report

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/fleet.md"


def replace_tables(text, made):
    """`text` with the tables between `<!-- fleet-sim PART: begin -->` and its end replaced by those of `made`."""
    for part, table in made.items():
        begin, end = f"<!-- fleet-sim {part}: begin -->\n", f"<!-- fleet-sim {part}: end -->"
        text, count = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}\n{table}\n\n{end}", text, flags=re.DOTALL)
        if count != 1:
            raise figures.Missing(f"docs/fleet.md: {begin.strip()} is there {count} times")
    return text


def main():
    defaults = parameters.Parameters()
    parser = argparse.ArgumentParser(prog="tools/fleet-sim", description=__doc__.partition(": ")[2],
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="parameters and their defaults:\n" + "\n".join(
                                         f"  {name}={value}" for name, value in dataclasses.asdict(defaults).items()))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the fleet; may come again")
    parser.add_argument("--seed", type=int, metavar="N", help="as --set seed=N; the same seed says the same")
    parser.add_argument("--only", action="append", choices=report.PARTS, help="one part; may come again")
    parser.add_argument("--docs", action="store_true", help="writes the tables of docs/fleet.md, with the defaults")
    arguments = parser.parse_args()
    if arguments.docs and (arguments.set or arguments.seed is not None):
        parser.error("--docs writes what the defaults say: it goes without --set and --seed")
    try:
        fleet = defaults.with_values(arguments.set + ([f"seed={arguments.seed}"] if arguments.seed is not None else []))
        made = {part: report.PARTS[part](fleet) for part in arguments.only or report.PARTS}
        if arguments.docs:
            PAGE.write_text(replace_tables(PAGE.read_text(), made))
            return 0
    except (parameters.Wrong, figures.Missing) as wrong:
        parser.error(str(wrong))
    except outages.Unbalanced as wrong:
        print(f"tools/fleet-sim: the books do not come out: {wrong}", file=sys.stderr)
        return 1
    print("\n\n".join(f"## {part}\n\n{table}" for part, table in made.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

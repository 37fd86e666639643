#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The public header as a later release might have it: every struct with struct_size has new members at its end.

    grown_header.py HEADER OUTPUT

A library compiled with it is that release's: whatever takes the size of its own struct for the caller's fails there
today, not when a member is really added. A program compiled with it is that release's application.
"""
import re
import sys

GROWTH = "    uint64_t later_[4]; /* 32 bytes: kGrowth of extensible.c */\n"


def main():
    source, output = sys.argv[1:]
    text = open(source, encoding="utf-8").read()
    grown, count = re.subn(r"(typedef struct \w+ \{\n    uint32_t struct_size;.*?\n)(\} \w+;)", rf"\g<1>{GROWTH}\g<2>", text,
                           flags=re.S)
    if count == 0 or count != text.count("    uint32_t struct_size;"):
        sys.exit(f"{source}: {count} structs found that begin with struct_size, but the member is there "
                 f"{text.count('    uint32_t struct_size;')} times")
    with open(output, "w", encoding="utf-8") as file:
        file.write(grown)


main()

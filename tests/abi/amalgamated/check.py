#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What those get who take the library as one file: check.py CHECK ARGUMENT...

    sources AMALGAMATE FOLDER FILE...   it is made of these sources of the library
    embedded AMALGAMATION MAP           it compiles without a warning by each compiler, as C++17 and C++20; exports the ABI alone; needs
                                        no C++ runtime; its thread-local storage is of the model that is asked for
"""
import itertools
import os
import pathlib
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from check import VARIABLES, exported_in_map, output_of

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
MODELS = {"c++17": "initial-exec", "c++20": "global-dynamic"}


def sources(amalgamate, folder, *compiled):
    found = {os.path.basename(line) for line in output_of(amalgamate, "--sources", folder).split()}
    wanted = {os.path.basename(path) for path in compiled}
    assert len(wanted) == len(compiled), "two sources of one name"
    assert found == wanted, f"in one of them alone: {sorted(found ^ wanted)}"


def embedded(amalgamation, version_script):
    wanted = set(exported_in_map(version_script))
    compilers = [found for found in (shutil.which("g++"), shutil.which("clang++") or shutil.which("clang++-14")) if found]
    assert compilers, "no compiler"
    with tempfile.TemporaryDirectory() as folder:
        made, library = os.path.join(folder, "spanring.o"), os.path.join(folder, "embedded.so")
        for compiler, (standard, model) in itertools.product(compilers, MODELS.items()):
            output_of(compiler, f"-std={standard}", "-O1", "-fno-exceptions", "-fno-rtti", "-fPIC", f'-DSPR_TLS_MODEL="{model}"', *WARNINGS,
                      "-c", amalgamation, "-o", made)
            output_of("cc", "-shared", "-Wl,-z,defs", made, "-o", library)
            found = {line.split()[-1] for line in output_of("nm", "-D", "--defined-only", library).splitlines()}
            assert found == wanted, f"{compiler}: exported or missing: {sorted(found ^ wanted)}"
            needed = re.findall(r"\(NEEDED\).*\[(.*?)\]", output_of("readelf", "-dW", library))
            assert all(re.match(r"libc\.|ld-", name) for name in needed), needed
            rows = [row for row in output_of("readelf", "-rW", library).splitlines() if not any(name in row for name in VARIABLES)]
            initial_exec = any(re.search(r"R_\w*(TPOFF|TPREL)", row) for row in rows)
            assert initial_exec == (model == "initial-exec"), f"{compiler}: thread-local storage is not {model}"


if __name__ == "__main__":
    try:
        {"sources": sources, "embedded": embedded}[sys.argv[1]](*sys.argv[2:])
    except AssertionError as broken:
        print(f"{sys.argv[1]}: {broken}", file=sys.stderr)
        sys.exit(1)

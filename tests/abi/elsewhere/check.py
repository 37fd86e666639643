#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The library where it does not run (lib/elsewhere), as tools/amalgamate brings it: check.py CHECK AMALGAMATE ARGUMENT...

    whole AMALGAMATE MAP PROGRAM      on Linux by -DSPR_ELSEWHERE: each function of the library and of the test kit is there, without
                                      a warning of any compiler; the PROGRAM (elsewhere.c) runs with it
    cross AMALGAMATE BUILD PROGRAM INCLUDE
                                      for macOS and Windows, by zig of PyPI: both files, the PROGRAM as C99, as C11 and as C++11, and the
                                      headers for C++ of the folder INCLUDE
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from check import SKIPPED, VARIABLES, exported_in_map, output_of

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1"]
CPP = ["-std=c++17", "-fno-exceptions", "-fno-rtti"]
SOURCES = ("spanring.cpp", "spanring_test_kit.cpp")
TARGETS = ("x86_64-windows-gnu", "aarch64-windows-gnu", "x86_64-macos", "aarch64-macos")
ZIG = pathlib.Path(__file__).resolve().parent / "requirements.txt"  # zig, whose clang has headers for all of these
SYSTEMS = {"windows": "_WIN32", "macos": "__APPLE__"}


@contextlib.contextmanager
def files(amalgamate):
    """A folder with the four files, and the headers as a program includes them."""
    with tempfile.TemporaryDirectory() as made:
        made = pathlib.Path(made)
        for options in ([], ["--test-kit"]):
            output_of(amalgamate, *options, made)
        (made / "spanring").mkdir()
        shutil.copy(made / "spanring.h", made / "spanring/spanring.h")
        (made / "spanring/test_kit.h").write_text((made / "spanring_test_kit.h").read_text().replace('"spanring.h"', "<spanring/spanring.h>"))
        yield made


def whole(amalgamate, version_script, program):
    compilers = [found for found in (shutil.which("g++"), shutil.which("clang++") or shutil.which("clang++-14")) if found]
    assert compilers, "no compiler"
    with files(amalgamate) as folder:
        wanted = (set(exported_in_map(version_script)) - VARIABLES) | set(
            re.findall(r"SPR_PUBLIC [^;#]*?\b(spr_test_\w+)\(", (folder / "spanring_test_kit.h").read_text()))
        for compiler in compilers:
            objects = [folder / "library.o", folder / "test_kit.o"]
            for source, target in zip(SOURCES, objects):
                output_of(compiler, *CPP, *STRICT, "-DSPR_ELSEWHERE", "-c", folder / source, "-o", target)
            found = {line.split()[-1] for line in output_of("nm", "--defined-only", "--extern-only", *objects).splitlines()
                     if " T " in line}
            assert found == wanted, f"{compiler}: there or missing: {sorted(found ^ wanted)}"
            output_of("cc", "-std=c99", *STRICT, "-I", folder, program, *objects, "-o", folder / "program")
            assert subprocess.run([folder / "program"]).returncode == 0, "it does not what it should"


def zig_of(build):
    """Once; then nothing is asked of the registry any more."""
    environment = pathlib.Path(build) / "zig"
    python = environment / "bin/python"
    if not (environment / "complete").exists():
        shutil.rmtree(environment, ignore_errors=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if subprocess.run(["/usr/bin/python3", "-m", "venv", environment], **quiet).returncode != 0 or subprocess.run(
                [python, "-m", "pip", "install", "--quiet", "--only-binary=:all:", "--require-hashes", "--requirement", ZIG],
                **quiet).returncode != 0:
            print(f"zig cannot be had from PyPI here: nothing was compiled for {', '.join(TARGETS)}")
            sys.exit(SKIPPED)
        (environment / "complete").touch()
    return [python, "-m", "ziglang"]


def cross(amalgamate, build, program, include):
    zig = zig_of(build)
    with files(amalgamate) as folder:
        sources = [("c++", [*CPP, folder / name]) for name in SOURCES]
        sources += [("cc", [f"-std={standard}", "-I", folder, program]) for standard in ("c99", "c11")]
        sources += [("c++", ["-std=c++11", "-x", "c++", "-I", folder, program])]
        every = folder / "every_header.cpp"
        every.write_text("".join(f"#include <spanring/{path.name}>\n" for path in sorted(pathlib.Path(include).glob("spanring/*.hpp"))
                                 if path.name != "opentelemetry.hpp"))  # that needs OpenTelemetry's own headers
        sources += [("c++", ["-std=c++17", "-I", folder, "-I", include, every])]
        for target in TARGETS:
            for language, arguments in sources:
                done = subprocess.run([*zig, language, "-target", target, *STRICT, "-c", *arguments, "-o", folder / "made.o"])
                assert done.returncode == 0, f"{target}: {arguments[-1]} does not compile"
            macros = output_of(*zig, "cc", "-target", target, "-dM", "-E", "-x", "c", os.devnull)
            system = SYSTEMS[target.split("-")[1]]
            assert f"#define {system} " in macros and "__linux__" not in macros, f"{target}: not that system"


if __name__ == "__main__":
    try:
        {"whole": whole, "cross": cross}[sys.argv[1]](*sys.argv[2:])
    except AssertionError as broken:
        print(f"{sys.argv[1]}: {broken}", file=sys.stderr)
        sys.exit(1)

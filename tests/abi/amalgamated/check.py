#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What those get who take the library as one file: check.py CHECK ARGUMENT...

    sources AMALGAMATE FOLDER FILE...   it is made of these sources of the library
    embedded AMALGAMATION MAP           it compiles without a warning by each compiler, as C++17 and C++20; exports the ABI alone; needs
                                        no C++ runtime; its thread-local storage is of the model that is asked for
    plugin AMALGAMATION INCLUDE LOADER  a program of musl loads it by dlopen() and traces, where its model is global-dynamic; musl
                                        refuses the other one
"""
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from check import FOR_MUSL, SKIPPED, VARIABLES, exported_in_map, headers_of, output_of

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


def plugin(amalgamation, include, loader):
    wrapper = shutil.which("musl-gcc")
    if wrapper is None or shutil.which("g++") is None or not os.path.exists("/lib/ld-musl-x86_64.so.1"):
        print("there is no musl here (musl, musl-tools), or no g++ for its wrapper to call")
        sys.exit(SKIPPED)
    os.environ["REALGCC"] = "g++"
    own, from_glibc = headers_of([wrapper]), headers_of(["g++"])
    folders = [option for folder in [name for name in from_glibc if "c++" in name] + own for option in ("-isystem", folder)]
    kernel = [option for folder in from_glibc if folder.startswith("/usr/include") and "c++" not in folder
              for option in ("-idirafter", folder)]
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        shim, made, program = (os.path.join(folder, name) for name in ("for_musl.h", "spanring.o", "loader"))
        with open(shim, "w") as file:
            file.write(FOR_MUSL)
        os.environ["REALGCC"] = "gcc"
        output_of(wrapper, "-std=c99", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-I", include, loader, "-o", program)
        for model, wanted in (("global-dynamic", 0), ("initial-exec", 2)):
            os.environ["REALGCC"] = "g++"
            output_of(wrapper, *folders, *kernel, "-include", shim, "-std=c++17", "-O1", "-fno-exceptions", "-fno-rtti", "-fPIC",
                      f'-DSPR_TLS_MODEL="{model}"', *WARNINGS, "-c", amalgamation, "-o", made)
            os.environ["REALGCC"] = "gcc"
            library = os.path.join(folder, f"{model}.so")
            output_of(wrapper, "-shared", "-Wl,-z,defs", made, "-o", library)
            runtime = os.path.join(folder, f"of-{model}")
            os.mkdir(runtime, 0o700)
            ended = subprocess.run([program, library], stdout=subprocess.PIPE, text=True, env=dict(os.environ, SPANRING_DIR=runtime))
            assert ended.returncode == wanted, f"{model}: ended with {ended.returncode}: {ended.stdout}"
            if wanted == 2:
                assert "initial-exec" in ended.stdout, ended.stdout
            else:
                assert len(os.listdir(runtime)) == 1, "there is no segment of it"


if __name__ == "__main__":
    try:
        {"sources": sources, "embedded": embedded, "plugin": plugin}[sys.argv[1]](*sys.argv[2:])
    except AssertionError as broken:
        print(f"{sys.argv[1]}: {broken}", file=sys.stderr)
        sys.exit(1)

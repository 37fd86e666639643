#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the built library shows to the outside, one check a call: check.py CHECK ARGUMENT...

    header STANDARD SOURCE INCLUDE COMPILER...    the header alone compiles under the standard, without a warning
    declared MAP HEADER                           the header declares what the version script exports
    structs PROGRAM FROZEN                        sizes and offsets are the frozen ones
    symbols LIBRARY MAP                           exported functions are those of the version script, at their versions
    needed LIBRARY                                libc and nothing else
    size LIBRARY                                  stripped: under 200 KB
    tls LIBRARY                                   thread-local storage: initial-exec, at most 256 bytes
    nodelete LIBRARY                              dlclose() does not unload it
    static ARCHIVE SOURCE INCLUDE COMPILER...     `gcc SOURCE ARCHIVE` links without the C++ runtime, and runs
    shared LIBRARY SOURCE INCLUDE COMPILER...     the same against the shared one
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def exported_in_map(path):
    """{symbol: version node}"""
    text = re.sub(r"/\*.*?\*/", "", open(path).read(), flags=re.S)
    exported = {}
    for node, body in re.findall(r"(\S+)\s*\{(.*?)\}", text, flags=re.S):
        public = re.search(r"global:(.*?)(local:|$)", body, flags=re.S)
        for symbol in re.findall(r"(\w+);", public.group(1) if public else ""):
            exported[symbol] = node
        assert re.search(r"local:\s*\*;", body), f"{node} does not hide the rest"
    return exported


def header(standard, source, include, *compiler):
    language = "c++" if standard.startswith("c++") else "c"
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
    result = subprocess.run([*compiler, f"-std={standard}", *strict, "-I", include, "-x", language, source])
    assert result.returncode == 0, "does not compile"


def symbols(library, version_script):
    wanted = exported_in_map(version_script)
    found = {}
    for line in output_of("nm", "--dynamic", "--defined-only", "--with-symbol-versions", library).splitlines():
        kind, name = line.split()[-2:]
        symbol, _, version = name.partition("@")
        if kind == "A":  # the version node itself
            continue
        assert kind == "T", f"{name} is exported and is no function ({kind})"
        found[symbol] = version.lstrip("@")
    missing, extra = set(wanted) - set(found), set(found) - set(wanted)
    assert not missing, f"in the version script, but not exported: {sorted(missing)}"
    assert not extra, f"exported, but not in the version script: {sorted(extra)}"
    assert found == wanted, f"versions differ: {found}"
    assert wanted, "the version script exports nothing"


def declared(version_script, header):
    wanted = set(exported_in_map(version_script))
    found = set(re.findall(r"SPR_PUBLIC [^;()]*?\b(spr_\w+)\(", open(header).read()))
    assert found == wanted, f"only declared: {sorted(found - wanted)}; only exported: {sorted(wanted - found)}"


def needed(library):
    found = re.findall(r"\(NEEDED\).*\[(.*?)\]", output_of("readelf", "-dW", library))
    libc = re.compile(r"libc\.so\.6|ld-linux.*\.so\.\d+")
    assert any(name == "libc.so.6" for name in found), f"not even libc: {found}"
    assert all(libc.fullmatch(name) for name in found), f"more than libc: {found}"


def size(library):
    with tempfile.TemporaryDirectory() as folder:
        stripped = os.path.join(folder, "stripped.so")
        output_of("strip", "-o", stripped, library)
        found = os.path.getsize(stripped)
    print(f"{found} bytes stripped")
    assert found < 200_000, f"{found} bytes stripped"


def tls(library):
    segments = re.findall(r"^\s+TLS\s+(.*)$", output_of("readelf", "-lW", library), flags=re.M)
    assert len(segments) == 1, f"{len(segments)} TLS segments"
    found = int(segments[0].split()[4], 16)
    print(f"{found} bytes of thread-local storage")
    assert found <= 256, f"{found} bytes of thread-local storage"
    relocations = set(re.findall(r"R_\w*(?:TLS|DTP|TP)\w*", output_of("readelf", "-rW", library)))
    dynamic = {name for name in relocations if "DTPMOD" in name or "TLSDESC" in name}
    assert not dynamic, f"thread-local storage is not initial-exec: {dynamic}"


def nodelete(library):
    flags = re.findall(r"\(FLAGS_1\)\s+Flags: (.*)", output_of("readelf", "-dW", library))
    assert flags and "NODELETE" in flags[0], f"flags are {flags}"


def run_caller(program, environment=None):
    runtime = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    try:
        subprocess.run([program], check=True, env=dict(os.environ, SPANRING_DIR=runtime, **(environment or {})))
        segments = [name for name in os.listdir(runtime) if name.endswith(".spr")]
        assert len(segments) == 1, f"the program left {os.listdir(runtime)}"
    finally:
        shutil.rmtree(runtime)


def static(archive, source, include, *compiler):
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "caller")
        output_of(*compiler, "-std=c99", "-I", include, source, archive, "-o", program)
        libraries = re.findall(r"\(NEEDED\).*\[(.*?)\]", output_of("readelf", "-dW", program))
        assert not [name for name in libraries if "stdc++" in name or "gcc_s" in name], libraries
        run_caller(program)


def shared(library, source, include, *compiler):
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "caller")
        output_of(*compiler, "-std=c99", "-I", include, source, library, "-o", program)
        run_caller(program, {"LD_LIBRARY_PATH": os.path.dirname(os.path.abspath(library))})


def structs(program, frozen):
    if int(output_of("getconf", "LONG_BIT")) != 64:
        print("frozen for 64 bits; this is a machine of another size")
        sys.exit(SKIPPED)
    wanted = [line for line in open(frozen).read().splitlines() if line and not line.startswith("#")]
    found = output_of(program).splitlines()
    differences = sorted(set(wanted) ^ set(found))
    assert wanted == found, "differ from the frozen ABI: " + "; ".join(differences)


CHECKS = {function.__name__: function for function in
          (header, declared, structs, symbols, needed, size, tls, nodelete, static, shared)}

if __name__ == "__main__":
    check, arguments = sys.argv[1], sys.argv[2:]
    try:
        CHECKS[check](*arguments)
    except AssertionError as broken:
        print(f"{check}: {broken}", file=sys.stderr)
        sys.exit(1)

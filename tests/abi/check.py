#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the built library shows to the outside, one check a call: check.py CHECK ARGUMENT...

    header STANDARD SOURCE INCLUDE COMPILER...    the header alone compiles under the standard, without a warning
    declared MAP HEADER                           the header declares what the version script exports
    structs PROGRAM TODAY EARLIER...              sizes, offsets and numbers are those of TODAY, and what an EARLIER release had
                                                  is where it was, but that a struct may have grown
    symbols LIBRARY MAP                           exported functions are those of the version script, at their versions
    needed LIBRARY                                libc and nothing else
    size LIBRARY                                  what is loaded of it: under 216 KB, of 32 bits under 270
    tls LIBRARY                                   thread-local storage: initial-exec but for profilers' variable, at most 256 bytes
    nodelete LIBRARY                              dlclose() does not unload it
    static ARCHIVE SOURCE INCLUDE COMPILER...     `gcc SOURCE ARCHIVE` links without the C++ runtime, and runs
    shared LIBRARY SOURCE INCLUDE COMPILER...     the same against the shared one
    musl SOURCE INCLUDE LIB FILE...               LIB's FILEs by musl-gcc and SOURCE with them, linked statically, run
    program PROGRAM ARGUMENT...                   ends with 0, in a runtime directory of its own
    covers HEADER PROGRAM CLOSED                  each struct of the header is a row of PROGRAM (extensible.c) or in CLOSED
    calls MAP HEADER SOURCE                       SOURCE calls every function of the frozen HEADER, and MAP has them all
    diff FROZEN LIBRARY HEADER                    abidiff finds nothing but additions since FROZEN, and would find a break
"""
import concurrent.futures
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
ABIGAIL_NAMES = {"Advanced Micro Devices X86-64": "elf-amd-x86_64"}
VARIABLES = {"otel_thread_ctx_v1"}  # for profilers (OTEP 4947): thread-local, and in no header


# Where programs are built for another machine than this one: what Meson runs them with.
WRAPPER = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))


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
        assert kind == "T" or symbol in VARIABLES, f"{name} is exported and is not a function ({kind})"
        found[symbol] = version.lstrip("@")
    missing, extra = set(wanted) - set(found), set(found) - set(wanted)
    assert not missing, f"in the version script, but not exported: {sorted(missing)}"
    assert not extra, f"exported, but not in the version script: {sorted(extra)}"
    assert found == wanted, f"versions differ: {found}"
    assert wanted, "the version script exports nothing"


def declared(version_script, header):
    wanted = set(exported_in_map(version_script)) - VARIABLES
    found = declarations(header)
    assert found == wanted, f"only declared: {sorted(found - wanted)}; only exported: {sorted(wanted - found)}"


def needed(library):
    found = re.findall(r"\(NEEDED\).*\[(.*?)\]", output_of("readelf", "-dW", library))
    libc = re.compile(r"libc\.so\.6|ld-linux.*\.so\.\d+")
    assert any(name == "libc.so.6" for name in found), f"not even libc: {found}"
    assert all(libc.fullmatch(name) for name in found), f"more than libc: {found}"


def size(library):
    """Of what is loaded. A file of an architecture with pages of 64 KiB is longer by up to so much: what becomes read-only ends at a page's end."""
    wide = re.search(r"Class:\s+ELF64", output_of("readelf", "-hW", library)) is not None
    found = sum(int(line.split()[4], 16) for line in output_of("readelf", "-lW", library).splitlines()
                if line.split()[:1] == ["LOAD"])
    print(f"{found} bytes")
    # Until spans could be larger than an extent it was 200 KB: their places are 12 KB of code, nearly all of it cold. That extents
    # are lent to them, and that many open spans end by a way of their own, was 5 KB more.
    # Code for 32-bit x86 that may lie anywhere is a quarter larger: what it reaches, it reaches by a register that it first loads,
    # and the sixteen bytes that short texts are copied by are four moves each.
    assert found < (216_000 if wide else 270_000), f"{found} bytes"


def tls(library):
    segments = re.findall(r"^\s+TLS\s+(.*)$", output_of("readelf", "-lW", library), flags=re.M)
    assert len(segments) == 1, f"{len(segments)} TLS segments"
    found = int(segments[0].split()[4], 16)
    print(f"{found} bytes of thread-local storage")
    assert found <= 256, f"{found} bytes of thread-local storage"
    dynamic, seen = [], set()
    for line in output_of("readelf", "-rW", library).splitlines():
        for kind in re.findall(r"R_\w*(?:DTPMOD|DTPOFF|TLS_?DESC|TPOFF|TPREL)\w*", line):
            variable = next((name for name in VARIABLES if name in line), None)
            if variable is not None:
                initial_exec = "DTP" not in kind and ("TPOFF" in kind or "TPREL" in kind)
                seen.add((variable, initial_exec))
            elif "DTPMOD" in kind or "DESC" in kind:
                dynamic.append(line)
    assert not dynamic, f"thread-local storage is not initial-exec: {dynamic}"
    assert seen == {(name, False) for name in VARIABLES}, f"for profilers, not accessed by the dynamic model alone: {seen}"


def nodelete(library):
    flags = re.findall(r"\(FLAGS_1\)\s+Flags: (.*)", output_of("readelf", "-dW", library))
    assert flags and "NODELETE" in flags[0], f"flags are {flags}"


def run_caller(program, environment=None):
    runtime = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    try:
        subprocess.run([*WRAPPER, program], check=True, env=dict(os.environ, SPANRING_DIR=runtime, **(environment or {})))
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


# What a C++ library that was configured for musl would not have; Debian's is for glibc.
FOR_MUSL = """
#define __GLIBC_PREREQ(major, minor) 0
#define __locale_t locale_t
#ifdef __cplusplus
#include <bits/c++config.h>
#undef _GLIBCXX_USE_PTHREAD_COND_CLOCKWAIT
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
#undef _GLIBCXX_USE_PTHREAD_RWLOCK_CLOCKLOCK
#endif
"""


def headers_of(compiler, *arguments):
    """The folders in which a compiler looks, in their order."""
    said = subprocess.run([*compiler, *arguments, "-E", "-v", "-x", "c++", os.devnull], check=True, env=dict(os.environ, LC_ALL="C"),
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    return re.search(r"search starts here:\n((?: .*\n)+)End of", said).group(1).split()


def musl(source, include, lib, *files):
    wrapper = shutil.which("musl-gcc")
    if wrapper is None or shutil.which("g++") is None:
        print("there is no musl-gcc here (musl-tools), or no g++ for it to call")
        sys.exit(SKIPPED)
    os.environ["REALGCC"] = "g++"
    own = headers_of([wrapper])
    from_glibc = headers_of(["g++"])
    folders = [option for folder in [name for name in from_glibc if "c++" in name] + own for option in ("-isystem", folder)]
    kernel = [option for folder in from_glibc if folder.startswith("/usr/include") and "c++" not in folder
              for option in ("-idirafter", folder)]
    with tempfile.TemporaryDirectory() as folder:
        shim, archive, program = (os.path.join(folder, name) for name in ("for_musl.h", "libspanring.a", "caller"))
        with open(shim, "w") as file:
            file.write(FOR_MUSL)
        compile_ = [wrapper, *folders, *kernel, "-include", shim, "-std=c++20", "-O0", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE",
                    "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-ftls-model=initial-exec", "-I", lib, "-I", include]
        objects = [os.path.join(folder, f"{number}.o") for number in range(len(files))]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for _ in pool.map(lambda pair: output_of(*compile_, "-c", pair[0], "-o", pair[1]), zip(files, objects)):
                pass
        output_of("ar", "rcs", archive, *objects)
        os.environ["REALGCC"] = "gcc"
        output_of(wrapper, "-static", "-std=c99", "-I", include, source, archive, "-o", program)
        assert "interpreter" not in output_of("readelf", "-lW", program), "it is not static"
        run_caller(program)


def program(path, *arguments):
    runtime = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    try:
        code = subprocess.run([*WRAPPER, path, *arguments], env=dict(os.environ, SPANRING_DIR=runtime)).returncode
        assert code == 0, f"{os.path.basename(path)} ended with {code}"
    finally:
        shutil.rmtree(runtime)


def covers(header, program, closed):
    extensible, others = may_grow(header)
    rows = set(output_of(*WRAPPER, program, "--names").split())
    never = {line.split()[0] for line in open(closed).read().splitlines() if line and not line.startswith("#")}
    assert rows == extensible, f"with struct_size but no row: {sorted(extensible - rows)}; gone: {sorted(rows - extensible)}"
    assert never == others, (f"neither begins with struct_size nor is closed: {sorted(others - never)}; "
                             f"closed and not there, or with struct_size: {sorted(never - others)}")


def declarations(header):
    return set(re.findall(r"SPR_PUBLIC [^;()]*?\b(spr_\w+)\(", open(header).read()))


def calls(version_script, header, source):
    frozen, text = declarations(header), open(source).read()
    uncalled = sorted(name for name in frozen if not re.search(rf"\b{name}\(", text))
    assert not uncalled, f"not called: {uncalled}"
    gone = frozen - set(exported_in_map(version_script))
    assert not gone, f"no longer exported: {sorted(gone)}"


def may_grow(header):
    """The structs that begin with struct_size, and those that do not."""
    text = re.sub(r"/\*.*?\*/", "", open(header).read(), flags=re.S)
    # The one form in which a struct may be written there; the count catches another one.
    bodies = dict(re.findall(r"^(?:typedef )?struct (\w+) \{\n(.*?)^\}", text, flags=re.S | re.M))
    assert len(bodies) == len(re.findall(r"^(?:typedef )?struct\b[^;]*?\{", text, flags=re.M)), "a struct in another form"
    extensible = {name for name, body in bodies.items() if body.split(";")[0].split() == ["uint32_t", "struct_size"]}
    return extensible, set(bodies) - extensible


def breaks(frozen, library, extensible):
    """What abidiff reports, without new members at the end of an extensible struct."""
    # What is exported for the first time is the business of "symbols"; here it is what became of the rest.
    result = subprocess.run(["abidiff", "--leaf-changes-only", "--no-show-locs", "--no-added-syms", "--ignore-soname",
                             "--exported-interfaces-only", frozen, library], stdout=subprocess.PIPE, text=True)
    assert result.returncode & 3 == 0, f"abidiff itself failed ({result.returncode})"
    problems = [result.stdout.strip()] if result.returncode & 8 else []
    for block in re.split(r"\n(?=\S)", result.stdout) if not problems else ():
        grown = re.fullmatch(r"'struct (\w+)' changed:\n  type size changed from (\d+) to \d+ \(in bits\)\n"
                             r"  \d+ data member insertions?:\n((?:    '.*', at offset \d+ \(in bits\)\n?)+)\s*", block)
        if grown and grown[1] in extensible and all(
                int(offset) >= int(grown[2]) for offset in re.findall(r"at offset (\d+) \(in bits\)\n", grown[3] + "\n")):
            continue
        if not block.strip() or re.match(r"(Leaf changes|Changed leaf types) summary: |Removed/Changed/Added (functions|"
                                         r"variables) summary: 0 Removed, 0 Changed", block):
            continue
        problems.append(block.strip())
    assert problems or result.returncode == 0 or "changed:" in result.stdout, f"not understood: {result.stdout}"
    return problems


# Each is a break of the ABI when it is undone, which is what a library that lacks it does.
WOULD_BREAK = {
    "a function that is gone": (r"spr_span_end\b(?!_)", "spr_span_finish"),
    "a struct that is closed and grew": (r"(<class-decl name='spr_link' size-in-bits=)'576'", r"\1'512'"),
    "a member that moved": (r"layout-offset-in-bits='512'(?=[^\n]*\n\s*<var-decl name='dropped_attributes')",
                            "layout-offset-in-bits='544'"),
}


def diff(frozen, library, header):
    if shutil.which("abidiff") is None:
        print("there is no abidiff here (abigail-tools)")
        sys.exit(SKIPPED)
    if ".debug_info" not in output_of("readelf", "-SW", library):
        print("this build has no debug information for abidiff to read")
        sys.exit(SKIPPED)
    text = open(frozen).read()
    architecture = re.search(r"architecture='([^']*)'", text).group(1)
    machine = re.search(r"Machine:\s*(.*)", output_of("readelf", "-hW", library)).group(1)
    if architecture != ABIGAIL_NAMES.get(machine):
        print(f"frozen for {architecture}; this library is for {machine}")
        sys.exit(SKIPPED)
    extensible, _ = may_grow(header)
    problems = breaks(frozen, library, extensible)
    assert not problems, "\n\n".join(["breaks what was frozen:", *problems])
    with tempfile.TemporaryDirectory() as folder:
        for name, (pattern, replacement) in WOULD_BREAK.items():
            spoilt = os.path.join(folder, "spoilt.abi")
            changed, count = re.subn(pattern, replacement, text)
            assert count > 0, f"{name}: nothing to change in {frozen}"
            with open(spoilt, "w") as file:
                file.write(changed)
            assert breaks(spoilt, library, extensible), f"{name} is not found"


# Numbers that are limits: a minor release may raise them (docs/abi.md).
LIMITS = {"SPR_VALUE_DEPTH"}


def rows_of(path):
    return [line for line in open(path).read().splitlines() if line and not line.startswith("#")]


def structs(program, today, *earlier):
    if "ELF64" not in output_of("readelf", "-hW", program):
        print("frozen for 64 bits; this is a build of another size")
        sys.exit(SKIPPED)
    wanted, found = rows_of(today), output_of(*WRAPPER, program).splitlines()
    differences = sorted(set(wanted) ^ set(found))
    assert wanted == found, f"differ from {os.path.basename(today)}: " + "; ".join(differences)
    values = dict(row.rsplit(" ", 1) for row in found)
    for release in earlier:
        for name, value in (row.rsplit(" ", 1) for row in rows_of(release)):
            here = values.get(name)
            grows = name.endswith(" size") and f"{name[:-5]}.struct_size" in values or name in LIMITS
            assert here == value or (here is not None and grows and int(here) > int(value)), \
                f"{name} is {here}; in {os.path.basename(release)} it is {value}"


CHECKS = {function.__name__: function for function in
          (header, declared, structs, symbols, needed, size, tls, nodelete, static, shared, musl, program,
           covers, calls, diff)}

if __name__ == "__main__":
    check, arguments = sys.argv[1], sys.argv[2:]
    try:
        CHECKS[check](*arguments)
    except AssertionError as broken:
        print(f"{check}: {broken}", file=sys.stderr)
        sys.exit(1)

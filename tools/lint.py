# SPDX-License-Identifier: Apache-2.0
"""The form of what git knows: formatters, linters and documentation of each language. Called by tools/lint.

A check prints one line, and below it what is wrong. It changes nothing without --fix. Where its tool is missing it is
skipped. Ends with 1 where something is wrong, with 77 where nothing is but something was skipped.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

from editorconfig import EditorConfig

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = SOURCE / "build-lint"
SHOWN = 20  # lines of what is wrong


# Made by a tool, and committed: where, how, what.
AMALGAMATIONS = [("bindings/go/internal/libspanring", [], ("spanring.cpp", "spanring.h")),
                 ("bindings/go/internal/testkit", ["--test-kit"],
                  ("spanring_test_kit.cpp", "spanring_test_kit.h", "spanring.h"))]


class Skip(Exception):
    """The check cannot be made here; the text says why."""


def tool(name, *others):
    """The tool, where it and the others that it needs are there."""
    for one in (name, *others):
        if shutil.which(one) is None:
            raise Skip(f"{one} is not installed")
    return name


def output(*command, cwd=SOURCE, **environment):
    """What a command prints where it fails, else nothing."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env={**os.environ, **environment}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode == 0:
        return []
    return done.stdout.splitlines() or [f"{command[0]} ended with {done.returncode}"]


class Tree:
    """The files that git knows, or would: what is new and not ignored is checked before it is committed."""

    def __init__(self):
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=SOURCE,
                                capture_output=True, text=True)
        if listed.returncode != 0:
            raise Skip("this is not a checkout of git")
        self.files = sorted(name for name in set(listed.stdout.split("\0")) if (SOURCE / name).is_file())

    def ending(self, *ends):
        return [name for name in self.files if name.endswith(ends)]

    def scripts(self, interpreter, end):
        """By their name, or by their first line."""
        return [name for name in self.files if name.endswith(end) or "." not in name.rpartition("/")[2]
                and re.match(rb"#!\S*[/ ](env )?" + interpreter, (SOURCE / name).read_bytes()[:100])]

    def folders_of(self, name):
        """But for what needs others' packages and is built on request alone."""
        return [SOURCE / file.rpartition("/")[0] for file in self.files
                if file.rpartition("/")[2] == name and not file.startswith("bench/peers/")]


# ---- C and C++ ------------------------------------------------------------------------------------------------------

def clang_format(tree, fix):
    how = ["-i"] if fix else ["--dry-run", "--Werror"]
    names = [name for name in tree.ending(".c", ".h", ".cpp", ".hpp") if not name.startswith(tuple(folder for folder, _, _ in AMALGAMATIONS))]
    lines = output(tool("clang-format-14"), *how, *names)
    wrong = {line.partition(":")[0] for line in lines if "[-Wclang-format-violations]" in line}
    return sorted(wrong) or lines


def thread_safety(tree, _):
    """clang follows the agent's mutexes (agent/base/mutex.hpp): what one guards is touched by its holders alone. Members are
    private, so of each class its own file says all. Parses; builds nothing."""
    users = [name for name in tree.ending(".hpp", ".cpp") if name.startswith("agent/")
             and '#include "base/mutex.hpp"' in (SOURCE / name).read_text()]
    return unsafe({source if (source := name.replace(".hpp", ".cpp")) in tree.files else name for name in users})


def amalgamation(_, fix):
    """The Go module brings library and test kit as tools/amalgamate makes them: of the sources of today."""
    problems = []
    for folder, options, names in AMALGAMATIONS:
        made = SOURCE / folder if fix else BUILD / "amalgamation"
        problems += output(SOURCE / "tools/amalgamate", *options, made) or [
            f"{folder}/{name} is not what tools/amalgamate makes: tools/lint --fix amalgamation"
            for name in names if (made / name).read_bytes() != (SOURCE / folder / name).read_bytes()]
    return problems


def unsafe(sources):
    command = [tool("clang++-14"), "-std=c++20", "-fsyntax-only", "-Wthread-safety", "-Werror", "-D_GNU_SOURCE",
               "-DSPDLOG_COMPILED_LIB", "-DSPDLOG_FMT_EXTERNAL", "-Iinclude", "-Ilib", "-Iagent", "-x", "c++",
               "-Wno-pragma-once-outside-header"]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        lines = [line for found in pool.map(lambda source: output(*command, source), sorted(sources)) for line in found]
    if missing := re.search(r"fatal error: ('[^']+' file not found)", "\n".join(lines)):
        raise Skip(missing.group(1))
    return [line for line in lines if "error:" in line] or lines


# ---- All files ------------------------------------------------------------------------------------------------------

def editorconfig(tree, fix):
    rules = EditorConfig((SOURCE / ".editorconfig").read_text())
    problems = []
    for name in tree.files:
        data = (SOURCE / name).read_bytes()
        if fix and (mended := rules.mended(name, data)) != data:
            (SOURCE / name).write_bytes(mended)
            data = mended
        problems += rules.problems(name, data)
    return problems


# ---- Rust -----------------------------------------------------------------------------------------------------------

def cargo(tree, *arguments, then=(), **environment):
    """In each workspace whose versions are locked."""
    tool("cargo", f"cargo-{arguments[0]}" if arguments[0] == "clippy" else "rustdoc")
    problems, missing = [], []
    for folder in tree.folders_of("Cargo.lock"):
        fetch = ["cargo", "fetch", "--locked", "--quiet"]
        if output(*fetch, "--offline", cwd=folder) and output(*fetch, cwd=folder):
            missing.append(str(folder.relative_to(SOURCE)))
            continue
        kit = ["--features", "spanring/test-kit"] if folder == SOURCE / "bindings/rust" else []
        problems += output("cargo", *arguments, *kit, "--quiet", "--locked", "--offline", *then, cwd=folder,
                           CARGO_TARGET_DIR=str(BUILD / "cargo"), SPANRING_LIB_DIR=str(BUILD),
                           SPANRING_INCLUDE_DIR=str(SOURCE / "include"), **environment)
    if missing and not problems:
        raise Skip(f"crates cannot be fetched for {', '.join(missing)}")
    return problems


def rustfmt(tree, fix):
    return output(tool("rustfmt"), "--edition", "2021", *([] if fix else ["--check"]), *tree.ending(".rs"))


def clippy(tree, _):
    return cargo(tree, "clippy", "--all-targets", then=["--", "-D", "warnings"])


def rustdoc(tree, _):
    return cargo(tree, "doc", "--no-deps", RUSTDOCFLAGS="-D warnings")


# ---- Go -------------------------------------------------------------------------------------------------------------

def go_environment():
    """cgo links as it loads a package; a library without a symbol is enough, so nothing needs to be built before.
    -trimpath: as the tests build their programs, so that what these need is compiled once."""
    library = BUILD / "libspanring.so"
    if not library.exists():
        BUILD.mkdir(exist_ok=True)
        subprocess.run([tool("cc"), "-shared", "-x", "c", "/dev/null", "-o", library], check=True)
    return {"CGO_CFLAGS": f"-I{SOURCE / 'include'}", "GOFLAGS": "-mod=readonly -trimpath -tags=spanring_installed",
            "CGO_LDFLAGS": f"-L{BUILD} -Wl,--unresolved-symbols=ignore-all"}


def in_modules(tree, *command):
    """In each Go module that has sources and is complete: it needs no other, or the versions it needs are in its go.sum."""
    tool("go")
    environment = go_environment()
    problems, missing = [], []
    for folder in tree.folders_of("go.mod"):
        needs_others = bool(re.search(r"^\s*(require )?[\w.]+\.(?!example)\w+/\S+ v", (folder / "go.mod").read_text(), re.M))
        if folder.parent.name == "tools" or not any(folder.rglob("*.go")) or needs_others and not (folder / "go.sum").exists():
            continue
        if needs_others and output("go", "mod", "download", cwd=folder):
            missing.append(str(folder.relative_to(SOURCE)))
            continue
        cgo = {"CGO_ENABLED": "0" if needs_others else "1"}  # those are programs of the tests, in Go alone
        problems += [f"{folder.relative_to(SOURCE)}: {line}"
                     for line in output(*command, "./...", cwd=folder, **environment, **cgo)]
    if missing and not problems:
        raise Skip(f"modules cannot be downloaded, or Go is too old, for {', '.join(missing)}")
    return problems


def gofmt(tree, fix):
    done = subprocess.run([tool("gofmt"), "-l", *(["-w"] if fix else []), *tree.ending(".go")], cwd=SOURCE, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return [] if fix and done.returncode == 0 else done.stdout.splitlines()


def go_vet(tree, _):
    return in_modules(tree, "go", "vet")


def staticcheck(tree, _):
    tool("go")
    program = BUILD / "staticcheck"
    if lines := output("go", "build", "-o", program, "honnef.co/go/tools/cmd/staticcheck", cwd=SOURCE / "tools/staticcheck"):
        raise Skip(f"cannot be built: {lines[-1]}")
    return in_modules(tree, program)


# ---- Scripts --------------------------------------------------------------------------------------------------------

def shellcheck(tree, _):
    return output(tool("shellcheck"), "--external-sources", "--source-path=SCRIPTDIR", "--severity=warning", "--format=gcc",
                  *tree.scripts(rb"(ba)?sh\b", ".sh"))


def pyflakes(tree, _):
    return output(tool("pyflakes3"), *tree.scripts(rb"python3\b", ".py"))


CHECKS = {"editorconfig": editorconfig, "amalgamation": amalgamation, "clang-format": clang_format,
          "thread-safety": thread_safety, "rustfmt": rustfmt, "clippy": clippy, "rustdoc": rustdoc, "gofmt": gofmt, "go-vet": go_vet, "staticcheck": staticcheck, "shellcheck": shellcheck,
          "pyflakes": pyflakes}


def main():
    parser = argparse.ArgumentParser(prog="tools/lint", description="Checks the form of what git knows; changes nothing.")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"of {' '.join(CHECKS)}; all by default")
    parser.add_argument("--fix", action="store_true", help="let those that can rewrite files do so")
    options = parser.parse_args()
    for name in options.checks:
        if name not in CHECKS:
            parser.error(f"no check is called '{name}'; there are {' '.join(CHECKS)}")

    count = {"ok": 0, "failed": 0, "skipped": 0}
    for name in options.checks or CHECKS:
        problems, detail = [], ""
        try:
            problems = CHECKS[name](Tree(), options.fix)
            result = "failed" if problems else "ok"
        except Skip as reason:
            result, detail = "skipped", f": {reason}"
        count[result] += 1
        print(f"{result:<8} {name}{detail}")
        for line in problems[:SHOWN]:
            print(f"    {line}")
        if len(problems) > SHOWN:
            print(f"    ... and {len(problems) - SHOWN} lines more")
        sys.stdout.flush()
    print(f"{count['ok']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] else 77 if count["skipped"] else 0


if __name__ == "__main__":
    sys.exit(main())

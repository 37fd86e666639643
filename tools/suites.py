#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds, runs the suites, adds up. Called by tools/test, which has installed what is missing.

A step is one Meson suite in one build folder, as one user. What touches rights, directories or crashes runs twice when
root calls: as root, and as a user without rights. Every Meson test counts once a step; a step that cannot build, or that
has no test at all, counts as one failure, so nothing is green by being absent.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "tools"))  # for the test that reads this file as a module
from architectures import aarch64, i686, make_root  # noqa: E402

CORES = os.cpu_count() or 2
JOBS = str(CORES)

# Suites in the order in which they run, with rough minutes on two cores where nothing is built yet; how long each took the
# last time is kept in the build folder and said instead. FIRST: needs no build, and tells at once. PLAIN: of the main build.
# FURTHER: with a build of their own, or a second time. LONG: too long for every day.
FIRST = {"lint": 2}
PLAIN = {"unit": 1, "abi": 2, "model": 1, "integration": 5, "crash": 1, "fuzz": 4, "bindings": 3,
         "integrations": 1}
FURTHER = {"user": 6, "i686": 2, "aarch64": 3, "tsan": 3, "asan": 3, "minimum": 2, "instructions": 1, "compilers": 1}
LONG = {"asan-agent": 30, "tsan-agent": 30, "compilers-all": 120, "soak": 31, "packages": 15,
        "integrations-long": 1, "integration-long": 30}
SUITES = FIRST | PLAIN | FURTHER | LONG
MAIN_BUILD = 8  # minutes

# Suites that are one command: 0 is passed, 77 skipped. BUILD is the main build's folder.
COMMANDS = {
    "compilers": ["tools/compilers", "gcc-O3", "gcc-debian-lto", "clang-O0", "clang-debian"],
    "compilers-all": ["tools/compilers", "--agent"],
    "packages": ["tests/install/debian_test.py"],
    "soak": ["tools/soak", "--minutes", "30", "--build", "BUILD"],
}
# Go programs that tests send to, and the suites with these tests.
RECEIVERS = {"collector": {"integration", "integration-long", "user", "i686", "aarch64"}, "jaeger": {"integration-long"}}
AGAIN_AS_USER = ["unit", "integration", "crash"]

# Their tests mostly wait, for processes, timers and backends, and assert no duration: twice as many at a time as there are cores.
WAITING = {"integration", "crash", "unit"}

# Without debug information, a sixth of the time to compile. What needs it (abidiff, the sanitizers) asks for it.
EVERYTHING = ["-Dtests=true", "-Dbench=true", "-Dexamples=true", "-Ddebug=false"]
TESTS_ALONE = ["-Dtests=true", "-Dbench=false", "-Dexamples=false", "-Dbindings=false"]
WITHOUT_AGENT = ["-Dagent=false", *TESTS_ALONE]


@dataclasses.dataclass
class Sum:
    passed: list = dataclasses.field(default_factory=list)
    failed: list = dataclasses.field(default_factory=list)
    skipped: list = dataclasses.field(default_factory=list)


def say(text):
    print(f"== {text}", flush=True)


def run(command, **options):
    say(" ".join(shlex.quote(str(word)) for word in command))
    return subprocess.run(command, cwd=SOURCE, stdin=subprocess.DEVNULL, **options).returncode


class BuildFolder:
    def __init__(self, name, *options):
        self.path = SOURCE / name
        self.options = ["-Dwerror=true", *options]

    def configure(self):
        if not (self.path / "build.ninja").exists():
            return run(["meson", "setup", self.path, *self.options]) == 0
        changed = self.changed()
        return not changed or run(["meson", "configure", self.path, *changed]) == 0

    def changed(self):
        """The options that a folder of somebody else's, or of an earlier state of this tree, has otherwise."""
        entries = json.loads((self.path / "meson-info/intro-buildoptions.json").read_text())
        have = {f"-D{entry['name']}": str(entry["value"]).lower() for entry in entries if entry["type"] != "array"}
        wanted = dict(option.split("=", 1) for option in map(str, self.options) if option.startswith("-D"))
        return [f"{name}={value}" for name, value in wanted.items() if have.get(name, value) != value]

    def compile(self):
        return self.configure() and run(["ninja", "-C", self.path, "-j", JOBS, "--quiet"]) == 0

    def tests(self, suite):
        listed = subprocess.run(["meson", "test", "-C", self.path, "--no-rebuild", "--list", "--suite", suite],
                                cwd=SOURCE, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        # Meson leaves "project:suite / " out where all tests are of one suite, and says "No ..." where there is none.
        return [line for line in listed.stdout.splitlines() if line and not line.startswith("No ")]

    def run_suite(self, label, suite, total, wrapper=(), prefix=(), environment=None, left_out=(), without=None):
        """Builds what one suite needs, runs it, and adds what Meson's log says to `total`."""
        begin = time.monotonic()
        names = [line.rpartition(" / ")[2] for line in self.tests(suite)]
        if not names:
            total.failed.append(f"{label}: has no tests")
            return
        name = f"{label}-{wrapper[0]}" if wrapper else label  # as Meson names it
        log = self.path / "meson-logs" / f"{name}.json"
        log.unlink(missing_ok=True)
        processes = 2 * CORES if suite in WAITING else CORES
        command = [*prefix, "meson", "test", "-C", self.path, "--suite", suite, "--logbase", label,
                   "--print-errorlogs", "--num-processes", str(processes)]
        if wrapper:
            command += ["--wrapper", shlex.join(wrapper)]
        if without:
            command += ["--no-suite", without]
        if left_out:
            command += [name for name in names if name not in left_out]
        code = run(command, env={**os.environ, **(environment or {})})
        failures = len(total.failed)
        ran = 0
        if log.exists():
            for line in log.read_text().splitlines():
                ran += add_result(label, json.loads(line), total)
        if ran == 0:
            total.failed.append(f"{label}: did not run (meson test ended with {code})")
        elif code != 0 and len(total.failed) == failures:
            total.failed.append(f"{label}: meson test ended with {code}")
        say(f"{label}: {time.monotonic() - begin:.0f} s")


def add_result(label, entry, total):
    name = f"{label}: {entry['name']}"
    result = entry["result"]
    if result in ("OK", "EXPECTEDFAIL"):
        total.passed.append(name)
    elif result == "SKIP":
        total.skipped.append(name)
    else:
        total.failed.append(f"{name} ({result})")
    return 1


class UnprivilegedUser:
    """Runs test programs as nobody, with folders of its own, while Meson stays what it is and keeps its logs."""

    NAME = "nobody"

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="spanring-user-", dir="/dev/shm"))
        for folder in ("tmp", "runtime", "state", "cache", "config"):
            (self.home / folder).mkdir(mode=0o700)
        for folder in [self.home, *self.home.iterdir()]:
            shutil.chown(folder, self.NAME)

    def wrapper(self):
        names = {"HOME": "", "TMPDIR": "tmp", "XDG_RUNTIME_DIR": "runtime", "XDG_STATE_HOME": "state",
                 "XDG_CACHE_HOME": "cache", "XDG_CONFIG_HOME": "config"}
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # not root's own folders
        return ["setpriv", f"--reuid={self.NAME}", f"--regid={self.group()}", "--clear-groups", "--inh-caps=-all", "env",
                f"PATH={path}",
                *[f"{name}={self.home / folder}" for name, folder in names.items()]]

    def group(self):
        return "nogroup" if "nogroup:" in pathlib.Path("/etc/group").read_text() else self.NAME

    def prefix(self):
        """Where a folder above the tree is closed to others, the tree is laid bare in a mount namespace of its own."""
        closed = next((folder for folder in reversed(SOURCE.parents) if folder.stat().st_mode & 0o001 == 0), None)
        if closed is None:
            return []
        script = ('set -e; mount --bind "$0" /mnt; mount -t tmpfs -o mode=0755 tmpfs "$1"; mkdir -p "$0"; '
                  'mount --move /mnt "$0"; cd "$0"; shift; exec "$@"')
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, SOURCE, closed]

    def reaches(self, path):
        return subprocess.run([*self.prefix(), *self.wrapper(), "test", "-x", path], stdin=subprocess.DEVNULL).returncode == 0

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)


def as_user(suites, build, total):
    if os.geteuid() != 0:
        say("user: these suites ran without rights already")
        return
    user = UnprivilegedUser()
    try:
        if not user.reaches(build.path / "agent/spanring-agent"):
            total.skipped.append(f"user: {UnprivilegedUser.NAME} cannot be given access to {build.path}")
            return
        for suite in suites:
            build.run_suite(f"{suite}-user", suite, total, wrapper=user.wrapper(), prefix=user.prefix(),
                            without="for_any_user")
    finally:
        user.close()


def foreign(one, main_build, total):
    """The library and its unit tests for another architecture, and its segments read by the agent of the main build."""
    label = one.label
    if platform.machine() != "x86_64":
        total.skipped.append(f"{label}: this is not an x86-64 machine")
        return
    missing = [command for command in one.needs if shutil.which(command) is None]
    if missing:
        total.skipped.append(f"{label}: missing here: {', '.join(missing)}")
        return
    path = SOURCE / f"build-{label}"
    libraries = path / "libraries"
    path.mkdir(exist_ok=True)
    had = run(["tools/foreign", one.debian, libraries]) == 0
    if one.wrapper:
        make_root(path / "root")
    build = BuildFolder(f"build-{label}", *WITHOUT_AGENT, "-Dbuildtype=plain", "-Doptimization=1")
    if not had:
        build.options += ["-Dtests=false"]
    build.options += ["--cross-file", one.cross_file(build, libraries)]
    if not build.compile():
        total.failed.append(f"{label}: the library does not build")
        return
    total.passed.append(f"{label}: the library builds")
    if had:
        for name, why in [*one.left_out.items(), *one.left_out_of_tests.items()]:
            total.skipped.append(f"{label}: {name}: {why}")
        environment = {"GTEST_FILTER": "-" + ":".join(one.left_out_of_tests)} if one.left_out_of_tests else None
        for suite in ("unit", "abi"):
            build.run_suite(f"{suite}-{label}", suite, total, environment=environment, left_out=one.left_out)
    else:
        total.skipped.append(f"{label}: no libraries to link its unit tests with (see above)")
    read_by_agent(one, build, main_build, total)


def read_by_agent(one, build, main_build, total):
    tests = SOURCE / "tests/integration"
    program, producer = build.path / "producer-program", build.path / "producer"
    library = build.path / "lib"
    sources = sorted((tests / "producer").glob("*.c"))
    compiled = run([*one.c, "-std=c99", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Iinclude", *sources,
                    f"-L{library}", "-lspanring", f"-Wl,-rpath,{library}", "-lm", "-o", program])
    producer.write_text(f'#!/bin/sh\nexec {shlex.join([*one.wrapper, str(program)])} "$@"\n')
    producer.chmod(0o755)
    environment = {**os.environ, "SPANRING_BUILD": str(main_build.path), "SPANRING_PRODUCER": str(producer)}
    # Ten thousand spans are enough of an emulator.
    fields = ["Fields.test_every_field_arrives_over_http"] if one.wrapper else []
    for test, cases in (("fields_test", fields), ("producer_death_test", [])):
        code = compiled or run([sys.executable, tests / f"{test}.py", *cases], env=environment)
        place = total.passed if code == 0 else total.skipped if code == 77 else total.failed
        place.append(f"{one.label}: {test} with its producer")


def sanitizer(label, kinds, options, total, suites=("unit",)):
    # -O1 and line numbers alone, as the sanitizers' own pages advise: half of the time to compile, and reports name the line.
    build = BuildFolder(f"build-{label}", f"-Db_sanitize={kinds}", "-Db_lundef=false", "-Doptimization=1",
                        "-Ddebug=false", "-Dc_args=-g1", "-Dcpp_args=-g1", *options)
    if not build.configure():
        total.failed.append(f"{label}: cannot be configured")
        return
    for suite in suites:
        build.run_suite(f"{suite}-{label}", suite, total, environment={
            "TSAN_OPTIONS": "halt_on_error=1:detect_deadlocks=1:second_deadlock_stack=1:"
                            f"suppressions={SOURCE / 'tests/foreign.tsan'}",
            "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1",
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"})


def minimum(main_build, total):
    """The bindings with the oldest Go and Rust that the README promises; everything newer is hidden."""
    environment = {"SPANRING_HIDE_TOOLCHAINS": "1"}
    status = run(["tools/setup"], env={**os.environ, **environment})
    if status == 77:
        total.skipped.append("minimum: Debian's Go and Rust are not available here (see above)")
        return
    if status != 0:
        total.failed.append("minimum: set-up")
        return
    prefix = ["bash", "-c", '. "$0" && go version && rustc --version && exec "$@"', SOURCE / "tools/environment"]
    main_build.run_suite("bindings-minimum", "bindings", total, prefix=prefix, environment=environment)


def instructions(total):
    """The hot path, built for release, against the recorded number of its instructions. tools/bench uses the same folder."""
    build = BuildFolder("build-instructions", "-Dbuildtype=release", "-Dagent=false", "-Dtests=false", "-Dbench=true",
                        "-Dexamples=false", "-Dbindings=false", "-Dc_args=-g", "-Dcpp_args=-g")
    if not build.compile():
        total.failed.append("instructions: does not build")
        return
    build.run_suite("instructions", "instructions", total)


def lint(total):
    """Each check of tools/lint counts once."""
    say("tools/lint")
    places = {"ok": total.passed, "failed": total.failed, "skipped": total.skipped}
    checks = 0
    with subprocess.Popen(["tools/lint"], cwd=SOURCE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            result, _, check = line.partition(" ")
            if result in places:
                places[result].append(f"lint: {check.strip()}")
                checks += 1
    if checks == 0:
        total.failed.append(f"lint: did not run (ended with {process.returncode})")


def command(suite, build, total):
    words = [str(build.path) if word == "BUILD" else word for word in COMMANDS[suite]]
    code = run(words)
    place = total.passed if code == 0 else total.skipped if code == 77 else total.failed
    place.append(f"{suite}: {shlex.join(words)}")


class Plan:
    """What will be done, told at the start and at each step, with the time that it took the last time."""

    def __init__(self, suites, build):
        first = [suite for suite in suites if suite in FIRST]
        self.steps = [*first, *(["build"] if needs_main_build(suites) else []), *suites[len(first):]]
        self.file = build.path / "suites-seconds.json"
        self.seconds = {"build": 60 * MAIN_BUILD} | {suite: 60 * minutes for suite, minutes in SUITES.items()}
        self.measured = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.seconds |= self.measured

    def about(self, step):
        seconds = self.seconds[step]
        return f"{max(1, round(seconds / 60))} min" if seconds >= 60 else f"{seconds:.0f} s"

    def told(self):
        return ", ".join(f"{step} {self.measured[step]:.0f} s" for step in self.steps if step in self.measured)

    def announce(self):
        whole = max(1, round(sum(self.seconds[step] for step in self.steps) / 60))
        known = all(step in self.measured for step in self.steps)
        say(f"{len(self.steps)} step{'s' if len(self.steps) > 1 else ''}, about {whole} min "
            f"{'as the last time' if known else 'on two cores (rough; less where something is built already)'}:")
        print("   " + ", ".join(f"{step} {self.about(step)}" for step in self.steps), flush=True)

    def step(self, name, work):
        say(f"[{self.steps.index(name) + 1}/{len(self.steps)}] {name} ... about {self.about(name)}")
        begin = time.monotonic()
        result = work()
        self.measured[name] = round(time.monotonic() - begin, 1)
        if self.file.parent.exists():
            self.file.write_text(json.dumps(self.measured, indent=1) + "\n")
        return result


def needs_main_build(suites):
    return any(suite in PLAIN or suite in ("user", "i686", "aarch64", "minimum", "soak", "integration-long", "integrations-long") for suite in suites)


def main_build(build, suites, total):
    if not build.compile():
        total.failed.append(f"build: {build.path.name}")
        return False
    for name, needed_by in RECEIVERS.items():
        if needed_by & set(suites) and run(["tools/go_build", f"tests/integration/{name}", build.path / name / name]) not in (0, 77):
            total.failed.append(f"integration: {name} cannot be built")
    return True


def run_suite(suite, suites, build, total):
    if suite == "lint":
        lint(total)
    elif suite in PLAIN or suite in ("integration-long", "integrations-long"):
        build.run_suite(suite, suite, total)
    elif suite in COMMANDS:
        command(suite, build, total)
    elif suite == "user":
        as_user([one for one in AGAIN_AS_USER if one in suites] or AGAIN_AS_USER, build, total)
    elif suite == "i686":
        foreign(i686(), build, total)
    elif suite == "aarch64":
        foreign(aarch64(), build, total)
    elif suite == "tsan":
        sanitizer("tsan", "thread", WITHOUT_AGENT, total)
    elif suite == "asan":
        sanitizer("asan", "address,undefined", WITHOUT_AGENT, total)
    elif suite == "asan-agent":
        sanitizer("asan-agent", "address,undefined", TESTS_ALONE, total, suites=("unit", "hostile"))
    elif suite == "tsan-agent":
        sanitizer("tsan-agent", "thread", TESTS_ALONE, total, suites=("threads", "loaded"))
    elif suite == "minimum":
        minimum(build, total)
    elif suite == "instructions":
        instructions(total)


def run_all(suites, folder, total):
    build = BuildFolder(folder, *EVERYTHING)
    plan = Plan(suites, build)
    plan.announce()
    for step in plan.steps:
        if step == "build":
            if not plan.step(step, lambda: main_build(build, suites, total)):
                return
        else:
            plan.step(step, lambda: run_suite(step, suites, build, total))
    say(plan.told())


def chosen(words, quick):
    """In the order of SUITES, whatever the order of the words."""
    wanted = {"long": LONG, "": FIRST | PLAIN if quick else FIRST | PLAIN | FURTHER}
    names = {suite for word in words or [""] for suite in wanted.get(word, [word])}
    return [suite for suite in SUITES if suite in names]


def main():
    parser = argparse.ArgumentParser(
        prog="tools/test", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Installs what is missing, builds, tests. Says first what it will do, and how long that takes about.",
        epilog=f"""suites:
  without a build     {' '.join(FIRST)}
  of the main build   {' '.join(PLAIN)}
  with builds of their own, or a second time
                      {' '.join(FURTHER)}
  long                {' '.join(LONG)}
                      hours on two cores: the agent under AddressSanitizer, library and agent by every compiler at every
                      optimization (tools/compilers),
                      and half an hour of random kills (tools/soak)""")
    parser.add_argument("suites", nargs="*", metavar="SUITE",
                        help="one of those below; 'long': all that are too long for every day. All but these by default")
    parser.add_argument("--quick", action="store_true", help="one pass, one build: without those that have builds of their own")
    parser.add_argument("--folder", default="build", help="build folder (build)")
    options = parser.parse_args()
    for suite in options.suites:
        if suite not in SUITES and suite != "long":
            parser.error(f"no suite is called '{suite}'; there are {' '.join(SUITES)}, and 'long'")
    suites = chosen(options.suites, options.quick)

    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    begin = time.monotonic()
    total = Sum()
    run_all(suites, options.folder, total)

    say(f"{', '.join(suites)}: {time.monotonic() - begin:.0f} s")
    for kind, names in (("skipped", total.skipped), ("failed", total.failed)):
        for name in names:
            print(f"{kind}: {name}")
    print(f"{len(total.passed)} passed, {len(total.failed)} failed, {len(total.skipped)} skipped", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())

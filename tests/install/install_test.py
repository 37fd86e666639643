# SPDX-License-Identifier: Apache-2.0
"""Installs into a folder: every file is in its place, what is switched off is not there, and six lines of C and of C++ build
against it, shared and static."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402

PROGRAM = """
#include <spanring/spanring.h>
int main(void) {
    spr_provider *provider; spr_tracer *tracer; spr_span span;
    if (spr_provider_open(NULL, &provider) || spr_tracer_get(provider, "six", 3, NULL, 0, NULL, 0, &tracer)) return 1;
    return spr_span_start(tracer, "lines", 5, &span) != 1 || spr_span_set_int64(&span, "n", 1, 6) || spr_span_end(&span);
}
"""


CMAKE_PROJECT = """
cmake_minimum_required(VERSION 3.18)
project(six_lines LANGUAGES C)
find_package(spanring 0.1 REQUIRED)
add_executable(main main.c)
target_link_libraries(main PRIVATE spanring::TARGET)
"""


OTEL_PROGRAM = """
#include <spanring/opentelemetry.hpp>
#include <opentelemetry/trace/provider.h>
int main() {
    using opentelemetry::trace::Provider;
    Provider::SetTracerProvider(spanring::otel::provider());
    return Provider::GetTracerProvider()->GetTracer("six")->StartSpan("lines", {{"n", 6}})->IsRecording() ? 0 : 1;
}
"""
OTEL_PROJECT = """
cmake_minimum_required(VERSION 3.18)
project(six_lines LANGUAGES C CXX)
set(CMAKE_CXX_STANDARD 17)
find_package(opentelemetry-cpp CONFIG REQUIRED)
find_package(spanring 0.1 REQUIRED)
add_executable(main main.cpp)
target_link_libraries(main PRIVATE opentelemetry-cpp::api spanring::TARGET)
"""

# Below the prefix; LIBDIR is Meson's.
LIBRARY = {"LIBDIR/libspanring.so", "LIBDIR/libspanring.so.0", "LIBDIR/libspanring.so.0.2.0", "LIBDIR/libspanring.a",
           "LIBDIR/libspanring-test-kit.a", "LIBDIR/pkgconfig/spanring-test-kit.pc", "include/spanring/test_kit.h",
           "LIBDIR/pkgconfig/spanring.pc", "LIBDIR/cmake/spanring/spanring-config.cmake",
           "LIBDIR/cmake/spanring/spanring-config-version.cmake", "include/spanring/spanring.h", "include/spanring/tap.h", "share/spanring/libspanring.map",
           "share/man/man3/libspanring.3"}
HEADERS_OF_CPP = {path.relative_to(harness.SOURCE / "bindings/cpp").as_posix()
                  for path in (harness.SOURCE / "bindings/cpp/include").rglob("*.hpp")}
LUA = {f"share/lua/5.1/{path}" for path in ("spanring.lua", "spanring/abi.lua", "spanring/attributes.lua", "spanring/nginx.lua")}
AGENT = {"bin/spanring", "bin/spanring-agent"}
MAN = {"share/man/man1/spanring.1", "share/man/man8/spanring-agent.8"}
if (harness.BUILD / "agent/spanring-tap").exists():  # where there is iceoryx
    AGENT.add("libexec/spanring-tap")
    MAN.add("share/man/man8/spanring-tap.8")
SYSTEMD = {"lib/systemd/system/spanring-agent.service", "lib/systemd/system/spanring-agent@.service",
           "lib/systemd/user/spanring-agent.service", "lib/sysusers.d/spanring.conf", "lib/tmpfiles.d/spanring.conf"}
COMPLETIONS = {f"share/{folder}" for folder in (
    "bash-completion/completions/spanring", "bash-completion/completions/spanring-agent", "zsh/site-functions/_spanring",
    "zsh/site-functions/_spanring-agent", "fish/vendor_completions.d/spanring.fish",
    "fish/vendor_completions.d/spanring-agent.fish")}
CONFIGURATION = {"etc/spanring/config.yaml"}
SAMPLES = {f"share/spanring/samples/{name}.yaml" for name in ("development", "gateways", "program", "signals", "small", "throughput")}


def meson(*arguments):
    return subprocess.run(["meson", *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout


def installed(build, *arguments):
    """The folder into which a build was installed."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="spanring-install-"))
    meson("install", "-C", build, "--no-rebuild", "--quiet", "--destdir", root, *arguments)
    return root


def files_below(root):
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()}


class Install(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.root = installed(harness.BUILD)
        cls.addClassCleanup(shutil.rmtree, cls.root)

    def only(self, name):
        found = list(self.root.rglob(name))
        self.assertEqual(len(found), 1, f"{name} is installed {len(found)} times")
        return found[0]

    def pkg_config(self, *arguments, package="spanring"):
        path = self.only("spanring.pc")
        env = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(self.root), "PKG_CONFIG_LIBDIR": str(path.parent)}
        return subprocess.run(["pkg-config", *arguments, package], env=env, check=True, capture_output=True,
                              text=True).stdout.split()

    def compile(self, compiler, suffix, *arguments, text=PROGRAM):
        source = self.workspace.folder / f"main{suffix}"
        source.write_text(text)
        program = self.workspace.folder / "main"
        subprocess.run([*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", source, *arguments, "-o", program], check=True)
        return program

    def run_program(self, program):
        """It works: one span is in a segment of its own."""
        libraries = self.only("libspanring.so").parent
        done = subprocess.run([program], env={"SPANRING_DIR": str(self.workspace.segments), "LD_LIBRARY_PATH": str(libraries)},
                              stdin=subprocess.DEVNULL, timeout=harness.WATCHDOG)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(self.workspace.segment_files()), 1)

    def needed(self, file):
        """Shared libraries that a file asks for by itself."""
        text = subprocess.run(["readelf", "-d", file], check=True, capture_output=True, text=True).stdout
        return {line.split("[")[1].rstrip("]") for line in text.splitlines() if "(NEEDED)" in line}

    def test_everything_is_installed(self):
        options = {option["name"]: option["value"] for option in
                   json.loads(meson("introspect", harness.BUILD, "--buildoptions"))}
        wanted = LIBRARY | HEADERS_OF_CPP | AGENT | MAN | SYSTEMD | COMPLETIONS | CONFIGURATION | SAMPLES | LUA
        self.assertEqual(files_below(self.root / options["prefix"].lstrip("/")),
                         {path.replace("LIBDIR", options["libdir"]) for path in wanted})
        self.assertEqual(self.pkg_config("--modversion"), ["0.2.0"])

    def test_a_configuration_that_is_there_is_kept(self):
        root = installed(harness.BUILD, "--tags", "config")
        self.addCleanup(shutil.rmtree, root)
        (file,) = root.rglob("config.yaml")
        file.write_text("of the administrator\n")
        meson("install", "-C", harness.BUILD, "--no-rebuild", "--quiet", "--destdir", root, "--tags", "config")
        self.assertEqual(file.read_text(), "of the administrator\n")

    def test_c_with_the_shared_library(self):
        flags = self.pkg_config("--cflags", "--libs")
        program = self.compile(["gcc", "-std=c99"], ".c", *flags)
        self.assertIn("libspanring.so.0", self.needed(program))
        self.run_program(program)

    def test_the_test_kit(self):
        text = (harness.SOURCE / "tests/abi/test_kit.c").read_text()
        program = self.compile(["gcc", "-std=c99"], ".c", *self.pkg_config("--cflags", "--libs", package="spanring-test-kit"), text=text)
        subprocess.run([program], env={"LD_LIBRARY_PATH": str(self.only("libspanring.so").parent)}, check=True, timeout=harness.WATCHDOG)

    def test_the_example_of_the_readme_builds_and_runs(self):
        (example,) = re.findall(r"```c\n(.*?)```", (harness.SOURCE / "README.md").read_text(), re.DOTALL)
        self.run_program(self.compile(["gcc", "-std=c99"], ".c", *self.pkg_config("--cflags", "--libs"), text=example))

    def cmake(self, target, text=CMAKE_PROJECT):
        """What CMake makes of the six lines, or nothing and what it says."""
        if shutil.which("cmake") is None:
            self.skipTest("there is no cmake here")
        folder = self.workspace.folder
        (folder / "main.c").write_text(PROGRAM)
        (folder / "CMakeLists.txt").write_text(text.replace("TARGET", target))
        package = self.only("spanring-config.cmake").parent
        done = subprocess.run(["cmake", "-S", folder, "-B", folder / "made", f"-Dspanring_DIR={package}"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=harness.WATCHDOG)
        if done.returncode != 0:
            return None, done.stderr
        subprocess.run(["cmake", "--build", folder / "made"], check=True, stdout=subprocess.DEVNULL)
        return folder / "made/main", ""

    def test_cmake_finds_the_shared_library(self):
        program, _ = self.cmake("spanring")
        self.assertIn("libspanring.so.0", self.needed(program))
        self.run_program(program)

    def test_cmake_finds_the_static_library(self):
        program, _ = self.cmake("static")
        self.assertEqual(self.needed(program) - {name for name in self.needed(program) if name.startswith("ld-linux")}, {"libc.so.6"})
        self.run_program(program)

    def test_cmake_is_refused_a_later_version(self):
        program, said = self.cmake("spanring", CMAKE_PROJECT.replace("0.1 REQUIRED", "0.99 REQUIRED"))
        self.assertIsNone(program)
        self.assertIn("0.99", said)

    def test_cmake_finds_what_a_program_on_the_api_of_opentelemetry_needs(self):
        if not pathlib.Path("/usr/include/opentelemetry/version.h").exists():
            self.skipTest("opentelemetry-cpp-dev is not installed")
        (self.workspace.folder / "main.cpp").write_text(OTEL_PROGRAM)
        program, said = self.cmake("spanring", OTEL_PROJECT)
        self.assertEqual(said, "")
        self.assertFalse({name for name in self.needed(program) if "opentelemetry" in name})
        self.run_program(program)

    def test_cpp_with_the_shared_library(self):
        self.run_program(self.compile(["g++", "-std=c++11"], ".cpp", *self.pkg_config("--cflags", "--libs")))

    def test_c_with_the_static_library_needs_no_cpp_runtime(self):
        program = self.compile(["gcc", "-std=c99"], ".c", *self.pkg_config("--cflags"), self.only("libspanring.a"))
        self.assertEqual(self.needed(program), {"libc.so.6"})
        self.run_program(program)

    def test_the_shared_library_needs_libc_alone_and_is_small(self):
        library = self.only("libspanring.so").resolve()
        loader = {name for name in self.needed(library) if name.startswith("ld-linux")}
        self.assertEqual(self.needed(library) - loader, {"libc.so.6"})
        # By what is loaded: a file is as much longer as its linker fills pages up.
        size = subprocess.run([harness.SOURCE / "tests/abi/check.py", "size", library], capture_output=True, text=True)
        self.assertEqual(size.returncode, 0, size.stderr)

    def test_the_installed_programs_start(self):
        for name in ("bin/spanring-agent", "bin/spanring"):
            done = subprocess.run([self.only(name), "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("0.2.0", done.stdout)


class Configured(harness.Case):
    """Builds for a package, configured alone: what needs no compiler can be installed."""

    TAGS = "config,completions,man,systemd"

    def configure(self, *options):
        build = self.workspace.folder / "build"
        meson("setup", build, harness.SOURCE, "-Dbuildtype=release", "--prefix=/usr", *options)
        return build

    def install(self, build):
        root = installed(build, "--tags", self.TAGS)
        self.addCleanup(shutil.rmtree, root)
        return root

    def test_a_release_has_no_tests_and_fits_into_usr(self):
        build = self.configure("-Dsystemd_system_dir=/usr/lib/systemd/system", "-Dzsh_completions_dir=share/zsh/vendor")
        self.assertEqual(json.loads(meson("introspect", build, "--tests")), [])
        self.assertEqual(json.loads(meson("introspect", build, "--benchmarks")), [])
        targets = json.loads(meson("introspect", build, "--targets"))
        self.assertEqual({target["name"] for target in targets if target["type"] == "executable"},
                         {pathlib.PurePath(path).name for path in AGENT})
        root = self.install(build)
        self.assertEqual(files_below(root), {f"usr/{path}".replace("site-functions", "vendor") for path in
                                             SYSTEMD | COMPLETIONS | MAN | SAMPLES | {"share/man/man3/libspanring.3"}} | CONFIGURATION)
        for unit in root.rglob("*.service"):
            (command,) = re.findall(r"^ExecStart=(.*)", unit.read_text(), flags=re.M)
            self.assertEqual(command.split()[0], "/usr/bin/spanring-agent")
            self.assertIn("--config /etc/spanring/config.yaml" if "/system/" in str(unit) else "", command)

    def test_each_part_can_be_switched_off(self):
        build = self.configure(*[f"-D{option}=false" for option in ("systemd", "completions", "man", "sample_config")])
        self.assertEqual(files_below(self.install(build)), set())

    def test_the_library_alone_brings_nothing_of_the_agent(self):
        build = self.configure("-Dagent=false")
        self.assertEqual(files_below(self.install(build)), {"usr/share/man/man3/libspanring.3"})


class Needs(unittest.TestCase):
    def test_the_readme_names_what_the_tools_install_to_build(self):
        text = (harness.SOURCE / "README.md").read_text().replace("\\\n", " ")
        (named,) = re.findall(r"^ +apt-get install (.*)", text, flags=re.M)
        build = (harness.SOURCE / "tools/packages").read_text().split("\n# test\n")[0]
        self.assertEqual(set(named.split()), {line.split()[0] for line in build.splitlines() if line and line[0] != "#"})


if __name__ == "__main__":
    harness.main()

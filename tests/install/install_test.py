# SPDX-License-Identifier: Apache-2.0
"""Installs into a folder, and builds six lines of C and of C++ against what was installed, shared and static."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

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


class Install(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="spanring-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        subprocess.run(["meson", "install", "-C", harness.BUILD, "--no-rebuild", "--quiet", "--destdir", cls.root],
                       check=True, stdin=subprocess.DEVNULL)

    def only(self, name):
        found = list(self.root.rglob(name))
        self.assertEqual(len(found), 1, f"{name} is installed {len(found)} times")
        return found[0]

    def pkg_config(self, *arguments):
        path = self.only("spanring.pc")
        env = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(self.root), "PKG_CONFIG_LIBDIR": str(path.parent)}
        return subprocess.run(["pkg-config", *arguments, "spanring"], env=env, check=True, capture_output=True,
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
        for name in ("spanring.h", "libspanring.so", "libspanring.a", "libspanring.map", "spanring.pc", "bin/spanring-agent",
                     "bin/spanring"):
            self.only(name)
        self.assertEqual(self.pkg_config("--modversion"), ["0.1.0"])

    def test_c_with_the_shared_library(self):
        flags = self.pkg_config("--cflags", "--libs")
        program = self.compile(["gcc", "-std=c99"], ".c", *flags)
        self.assertIn("libspanring.so.0", self.needed(program))
        self.run_program(program)

    def test_the_example_of_the_readme_builds_and_runs(self):
        (example,) = re.findall(r"```c\n(.*?)```", (harness.SOURCE / "README.md").read_text(), re.DOTALL)
        self.run_program(self.compile(["gcc", "-std=c99"], ".c", *self.pkg_config("--cflags", "--libs"), text=example))

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
        stripped = self.workspace.folder / "stripped.so"
        subprocess.run(["strip", "-o", stripped, library], check=True)
        self.assertLess(stripped.stat().st_size, 200 * 1024)

    def test_the_installed_programs_start(self):
        for name in ("bin/spanring-agent", "bin/spanring"):
            done = subprocess.run([self.only(name), "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("0.1.0", done.stdout)


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""The crates that need no other crate, by the oldest compiler that they promise, which Debian has: for this system, where a program
runs, and for Windows, where they compile. The other crates promise the one with which `tools/test minimum` builds them.

Skipped where Debian's packages cannot be had; nothing is installed.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402

CRATES = harness.SOURCE / "bindings/rust"
PACKAGES = ("rustc", "libstd-rust-{}", "libstd-rust-dev", "libstd-rust-dev-windows")
OTHER_SYSTEM = "x86_64-pc-windows-gnu"


def promised(crate):
    return re.search(r'^rust-version = "(.*)"', (CRATES / crate / "Cargo.toml").read_text(), re.MULTILINE)[1]


def offered():
    """Debian's version of the compiler, as 1.63; None where there is none."""
    said = subprocess.run(["apt-cache", "policy", "rustc"], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    found = re.search(r"Candidate: (\d+\.\d+)\.", said.stdout)
    return found[1] if found else None


def fetched(version):
    """A folder with the packages unpacked, once."""
    folder = harness.BUILD / f"rust-{version}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "packages").mkdir(parents=True)
        names = [name.format(version) for name in PACKAGES]
        got = subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=", "download", *names], cwd=folder / "packages", capture_output=True)
        if got.returncode != 0:
            return None
        for package in (folder / "packages").iterdir():
            subprocess.run(["dpkg", "--extract", package, folder], check=True)
        shutil.rmtree(folder / "packages")
        (folder / "complete").touch()
    return folder


class OldestRust(harness.Case):
    def setUp(self):
        super().setUp()
        self.version = promised("spanring")
        if shutil.which("apt-get") is None or offered() != self.version:
            self.skipTest(f"Debian offers {offered() or 'no'} rustc here, and {self.version} is promised")
        self.compiler = fetched(self.version)
        if self.compiler is None:
            self.skipTest(f"Debian's rustc {self.version} cannot be fetched")
        self.made = self.workspace.folder / "made"
        self.made.mkdir()

    def rustc(self, *words):
        libraries = f"{self.compiler}/usr/lib/x86_64-linux-gnu"
        answer = subprocess.run([self.compiler / "usr/bin/rustc", "--sysroot", self.compiler / "usr", "--edition=2021", "-Dwarnings", *words],
                                env={**os.environ, "LD_LIBRARY_PATH": libraries}, capture_output=True, text=True)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return answer.stdout

    def crate(self, name, emit, *words):
        code = CRATES / name / "src/lib.rs"
        self.rustc("--crate-name", name.replace("-", "_"), "--crate-type=rlib", f"--emit={emit}", "--out-dir", self.made, "-L", self.made,
                   *words, code)

    def both(self, emit, *words):
        self.crate("spanring-sys", emit, *words)
        suffix = "rmeta" if emit == "metadata" else "rlib"
        self.crate("spanring", emit, "--extern", f"spanring_sys={self.made}/libspanring_sys.{suffix}", *words)

    def test_it_is_the_oldest_that_both_promise(self):
        self.assertEqual(promised("spanring-sys"), self.version)
        self.assertIn(f"rustc {self.version}.", self.rustc("--version"))

    def test_a_program_runs(self):
        self.both("link")
        library = harness.BUILD / "lib"
        program = self.made / "hello"
        self.rustc("-L", self.made, "--extern", f"spanring={self.made}/libspanring.rlib", "-L", f"native={library}", "-l", "dylib=spanring",
                   "-C", f"link-arg=-Wl,-rpath,{library}", "-o", program, harness.SOURCE / "examples/rust/hello/src/main.rs")
        said = subprocess.run([program], capture_output=True, text=True, check=True,
                              env=harness.environment(SPANRING_DIR=self.workspace.segments))
        self.assertRegex(said.stdout, "^00-[0-9a-f]{32}-")

    def test_they_compile_for_another_system(self):
        self.both("metadata", "--target", OTHER_SYSTEM, "--cfg", 'feature="test-kit"')


class Others(unittest.TestCase):
    def test_they_promise_what_is_tested(self):
        tested = re.search(r"^RUST_MINIMUM=(.*)", (harness.SOURCE / "tools/versions").read_text(), re.MULTILINE)[1]
        others = {path.parent.name for path in CRATES.glob("*/Cargo.toml")} - {"spanring-sys", "spanring"}
        self.assertEqual({promised(name) for name in others}, {tested})


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""The Rust crates as they are published (tools/crates): they package, and what packages is all that a program needs beside a
compiler; an installed library is preferred, where there is a new enough one.

Offline: bindings/rust/test.sh has fetched what they depend on.
"""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402

TARGET = harness.BUILD / "cargo-crates"
MANIFEST = """[package]
name = "user"
version = "1.0.0"
edition = "2021"

[dependencies]
spanring = {{ version = "0.2.0", features = ["test-kit"] }}

[patch.crates-io]
spanring = {{ path = "{spanring}" }}
spanring-sys = {{ path = "{sys}" }}

[workspace]
"""
WHOLE_WORKSPACES = (1, 90)  # the first Cargo that packages crates which need each other and are in no registry yet


def cargo_version():
    answer = subprocess.run(["cargo", "--version"], capture_output=True, text=True)
    return tuple(map(int, re.match(r"cargo (\d+)\.(\d+)", answer.stdout).groups()))


class Crates(harness.Case):
    def setUp(self):
        super().setUp()
        self.crates = harness.BUILD / "crates"  # in one place, so that Cargo finds again what it compiled

    def run_tool(self, *words, cwd=None, **more):
        environment = harness.environment(CARGO_TARGET_DIR=TARGET, **more)
        for name in ("CARGO_HOME", "RUSTUP_HOME", "CC", "CXX"):
            if name in os.environ:
                environment.setdefault(name, os.environ[name])
        environment.setdefault("PKG_CONFIG", "false")  # none is installed
        environment.pop("LD_LIBRARY_PATH", None)
        answer = subprocess.run([str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return answer.stdout

    def stage(self, *cargo):
        self.run_tool(sys.executable, "-B", harness.SOURCE / "tools/crates", self.crates, *cargo)

    def user(self):
        """A program of somebody who knows the crates alone."""
        folder = self.workspace.folder / "user"
        (folder / "src").mkdir(parents=True)
        (folder / "Cargo.toml").write_text(
            MANIFEST.format(spanring=self.crates / "spanring", sys=self.crates / "spanring-sys"))
        (folder / "src/main.rs").write_text((harness.SOURCE / "examples/rust/hello/src/main.rs").read_text())
        (folder / "Cargo.lock").write_text((self.crates / "Cargo.lock").read_text())
        return folder

    def pkg_config(self, version):
        """As a package for developers has it, of the library that was built here."""
        folder = self.workspace.folder / f"installed-{version}"
        folder.mkdir()
        (folder / "spanring.pc").write_text(
            f"libdir={harness.BUILD / 'lib'}\nName: spanring\nDescription: test\nVersion: {version}\nLibs: -L${{libdir}} -lspanring\n")
        return {"PKG_CONFIG": "pkg-config", "PKG_CONFIG_PATH": folder}

    def build(self, folder, *features, **variables):
        """What the program needs at run time."""
        self.run_tool("cargo", "build", "--offline", "--quiet", *features, cwd=folder, **variables)
        return re.findall(r"\(NEEDED\).*\[(.*?)\]", self.run_tool("readelf", "-dW", TARGET / "debug/user"))

    def test_they_package(self):
        if cargo_version() < WHOLE_WORKSPACES:
            self.skipTest("this Cargo packages no workspace")
        self.stage("package", "--locked", "--offline", "--quiet")
        packages = TARGET / "package"
        for name in ("spanring", "spanring-sys", "tracing-spanring", "opentelemetry-spanring", "spanring-tower"):
            (package,) = packages.glob(f"{name}-[0-9]*.crate")
            names = self.run_tool("tar", "tf", package)
            self.assertIn("/LICENSE", names)
            self.assertIn("/README.md", names)

    def test_a_program_needs_nothing_but_a_compiler(self):
        self.stage()
        needed = self.build(self.user())
        self.assertFalse([name for name in needed if "stdc++" in name or "spanring" in name], needed)
        self.assertRegex(self.run_tool(TARGET / "debug/user", SPANRING_DIR=self.workspace.segments), "^00-[0-9a-f]{32}-")
        self.assertEqual(len(list(self.workspace.segments.glob("*"))), 1)

    def test_where_the_library_does_not_run_programs_do_nothing(self):
        self.stage()
        self.build(self.user(), SPANRING_ELSEWHERE=1, **self.pkg_config("0.2.0"))
        said = self.run_tool(TARGET / "debug/user", SPANRING_DIR=self.workspace.segments)
        self.assertIn("tracing is off", said)
        self.assertIn("does not run on this system", said)
        self.assertEqual(list(self.workspace.segments.glob("*")), [])

    def test_an_installed_library_is_preferred(self):
        self.stage()
        user = self.user()
        new = self.pkg_config("0.2.0")
        self.assertIn("libspanring.so.0", self.build(user, **new))
        self.assertNotIn("libspanring.so.0", self.build(user, SPANRING_VENDORED=1, **new))
        self.assertNotIn("libspanring.so.0", self.build(user, **self.pkg_config("0.1.9")), "it is too old")


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""The Go module as `go get` brings it: all that a program needs beside a compiler; an installed library where a tag asks for
it; and where the library does not run, programs that compile and do nothing.

The module comes from a proxy of files, made of what git knows of bindings/go.
"""

import os
import pathlib
import re
import subprocess
import sys
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402

MODULE = "spanring.example/go/spanring"
VERSION = "v0.2.0"
FOLDER = harness.SOURCE / "bindings/go"
HELLO = harness.SOURCE / "examples/go/hello/main.go"
LDFLAGS = f"-L{harness.BUILD / 'lib'} -Wl,-rpath,{harness.BUILD / 'lib'}"


def module_files():
    listed = subprocess.run(["git", "-c", f"safe.directory={harness.SOURCE}", "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], cwd=FOLDER, capture_output=True, check=True)
    names = [name.decode() for name in listed.stdout.split(b"\0") if name and (FOLDER / name.decode()).is_file()]
    inner = {name.removesuffix("go.mod") for name in names if name.endswith("/go.mod")}  # modules of their own
    return [name for name in names if not any(name.startswith(folder) for folder in inner)]


def make_proxy(folder):
    """By the protocol of module proxies, as files."""
    versions = folder / MODULE / "@v"
    versions.mkdir(parents=True)
    (versions / "list").write_text(VERSION + "\n")
    (versions / f"{VERSION}.info").write_text(f'{{"Version": "{VERSION}", "Time": "2026-01-01T00:00:00Z"}}')
    (versions / f"{VERSION}.mod").write_text((FOLDER / "go.mod").read_text())
    with zipfile.ZipFile(versions / f"{VERSION}.zip", "w") as archive:
        for name in module_files():
            archive.write(FOLDER / name, f"{MODULE}@{VERSION}/{name}")


class Module(harness.Case):
    def setUp(self):
        super().setUp()
        make_proxy(self.workspace.folder / "proxy")
        self.user = self.workspace.folder / "user"
        self.user.mkdir()
        (self.user / "main.go").write_text(HELLO.read_text())
        self.go("mod", "init", "user")
        self.go("get", f"{MODULE}@{VERSION}")

    def run_tool(self, *words, **more):
        environment = harness.environment(**more)
        answer = subprocess.run([str(word) for word in words], cwd=self.user, env=environment, capture_output=True, text=True)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return answer.stdout

    def go(self, *words, trimpath=True, **more):
        # The cache of what is compiled stays: the library is compiled again where it has changed, and no more.
        kept = {name: os.environ[name] for name in ("GOCACHE", "CC", "CXX") if name in os.environ}
        return self.run_tool("go", *words, GOMODCACHE=self.workspace.folder / "modules",
                             GOFLAGS="-modcacherw" + " -trimpath" * trimpath,
                             GOPROXY=(self.workspace.folder / "proxy").as_uri(), GONOSUMDB=MODULE, GOTOOLCHAIN="local",
                             **{"CGO_ENABLED": 1, "PKG_CONFIG": "false", **kept, **more})

    def build(self, *words, **more):
        """What the program needs at run time."""
        self.go("build", "-buildvcs=false", *words, "-o", "user", **more)
        return re.findall(r"\(NEEDED\).*\[(.*?)\]", self.run_tool("readelf", "-dW", "user"))

    def hello(self):
        return self.run_tool(self.user / "user", SPANRING_DIR=self.workspace.segments)

    def segments(self):
        return len(list(self.workspace.segments.glob("*")))

    def test_a_program_needs_nothing_but_a_compiler(self):
        needed = self.build()
        self.assertIn("libc.so.6", needed)
        self.assertEqual([name for name in needed if not name.startswith(("libc.so", "ld-linux", "libpthread."))], [])
        self.assertRegex(self.hello(), "^00-[0-9a-f]{32}-")
        self.assertEqual(self.segments(), 1)
        self.go("mod", "vendor")
        self.assertEqual(self.build("-mod=vendor"), needed)

    def test_an_installed_library_is_linked_where_a_tag_asks_for_it(self):
        # Under -trimpath what is cached does not know the linker's flags: it would be linked with another build's library.
        flags = {"CGO_CFLAGS": f"-I{harness.SOURCE / 'include'}"}
        self.assertIn("libspanring.so.0", self.build("-tags=spanring_installed", trimpath=False,
                                                     CGO_LDFLAGS=LDFLAGS, **flags))
        self.assertRegex(self.hello(), "^00-[0-9a-f]{32}-")
        (self.workspace.folder / "spanring.pc").write_text(
            f"Name: spanring\nDescription: test\nVersion: 0.2.0\nCflags: {flags['CGO_CFLAGS']}\nLibs: {LDFLAGS} -lspanring\n")
        self.assertIn("libspanring.so.0", self.build("-tags=spanring_pkgconfig", trimpath=False,
                                                     PKG_CONFIG="pkg-config", PKG_CONFIG_PATH=self.workspace.folder, CGO_LDFLAGS_ALLOW="-Wl,.*"))

    def test_where_the_library_does_not_run_programs_do_nothing(self):
        for system in ("darwin", "windows"):
            with self.subTest(system):
                self.go("build", MODULE, f"{MODULE}/spanringtest", GOOS=system, CGO_ENABLED=0)
        # With a C compiler for that system: no file of C is for it.
        self.assertEqual(self.go("list", "-f", "{{.CFiles}}{{.CXXFiles}}{{.CgoFiles}}", f"{MODULE}/internal/abi", GOOS="darwin",
                                 CGO_ENABLED=1), "[][][]\n")
        self.assertEqual(self.build(CGO_ENABLED=0), [])
        self.assertIn("tracing is off: spanring: the library does not run here", self.hello())
        self.assertEqual(self.segments(), 0)


class Amalgamation(harness.Case):
    def test_it_is_made_of_the_sources_of_today(self):
        made = self.workspace.folder / "made"
        for folder, options, name in (("libspanring", [], "spanring"), ("testkit", ["--test-kit"], "spanring_test_kit")):
            subprocess.run([sys.executable, "-B", harness.SOURCE / "tools/amalgamate", *options, made], check=True)
            for file in (f"{name}.cpp", f"{name}.h", "spanring.h"):
                committed = FOLDER / "internal" / folder / file
                self.assertEqual(committed.read_bytes() == (made / file).read_bytes(), True,
                                 f"{file} is older than lib/: tools/lint --fix amalgamation")


if __name__ == "__main__":
    harness.main()

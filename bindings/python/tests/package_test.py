# SPDX-License-Identifier: Apache-2.0
"""What is installed: its files, what the extension links, its entry points, the two ways that need no line of code."""

import errno
import importlib.metadata
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile

import private_directory
import spanring
from spanring import _native

private_directory.use()
HEADERS = pathlib.Path(__file__).resolve().parents[3] / "include"
ASK = "from opentelemetry import trace; print(type(trace.get_tracer_provider()).__module__)"


# As on another system, as far as the package asks; a child says whose trace it is of.
ELSEWHERE = """
import sys
sys.platform = sys.argv[1]
import spanring
from opentelemetry import trace
from spanring.configurator import Configurator
Configurator().configure()
provider = trace.get_tracer_provider()
parent = trace.NonRecordingSpan(trace.SpanContext(7, 8, False))
span = trace.get_tracer("t").start_span("s", context=trace.set_span_in_context(parent), attributes={"a": 1})
span.set_attribute("b", 2)
span.end()
assert isinstance(provider, spanring.TracerProvider) and isinstance(span, spanring.Span)
assert provider.force_flush() and set(provider.statistics().values()) == {0}
provider.shutdown()
print(spanring.__file__, provider.state()[0], span.is_recording(), span.get_span_context().trace_id, spanring.__version__)
"""


def run(*command, **variables):
    answer = subprocess.run([sys.executable, *command], env={**os.environ, **variables}, capture_output=True, text=True)
    if answer.returncode != 0:
        raise AssertionError(answer.stderr)
    return answer.stdout.strip()


def needs(extension):
    """The libraries."""
    linked = subprocess.run(["readelf", "-dW", extension], capture_output=True, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*?)\]", linked)


class PackageTest(unittest.TestCase):
    def source_distribution(self):
        (package,) = (pathlib.Path(sys.prefix).parent / "packages").glob("spanring-*.tar.gz")
        return package

    def test_the_extension_needs_no_cpp_library(self):
        for extension in ("spanring._native", "spanring._test_kit"):
            needed = needs(importlib.util.find_spec(extension).origin)
            self.assertTrue(needed)
            self.assertEqual([name for name in needed if "stdc++" in name or "gcc_s" in name or "spanring" in name], [])

    def test_it_exports_its_beginning_and_what_the_library_has_to(self):
        listed = subprocess.run(["readelf", "--dyn-syms", "-W", _native.__file__], capture_output=True, text=True, check=True)
        exported = {line.split()[7] for line in listed.stdout.splitlines()
                    if re.search(r" (GLOBAL|WEAK) +DEFAULT +\d+ ", line)}
        self.assertIn("PyInit__native", exported)
        self.assertEqual({name for name in exported if not name.startswith(("spr_", "PyInit_", "otel_thread_ctx_"))}, set())

    def test_the_version_is_the_librarys(self):
        self.assertEqual(importlib.metadata.version("spanring"), spanring.__version__)

    def test_the_source_distribution_has_all_that_is_compiled(self):
        names = subprocess.run(["tar", "tf", self.source_distribution()], capture_output=True, text=True, check=True).stdout.split()
        here = {name.partition("/")[2] for name in names}
        self.assertLessEqual({"LICENSE", "README.md", "libspanring/spanring.cpp", "libspanring/spanring.h", "native/native.h",
                              "libspanring/spanring_test_kit.cpp", "libspanring/spanring_test_kit.h"}, here)

    def test_a_distribution_may_link_its_own_library(self):
        build = pathlib.Path(os.environ["SPANRING_BUILD"])
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "spanring.pc").write_text(
                f"Name: spanring\nDescription: test\nVersion: {spanring.__version__}\nCflags: -I{HEADERS}\nLibs: -L{build / 'lib'} -lspanring\n")
            run("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder,
                str(self.source_distribution()), SPANRING_VENDORED="0", PKG_CONFIG_PATH=folder)
            (wheel,) = pathlib.Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as file:
                extension = file.extract("spanring/_native.abi3.so", folder)
            self.assertIn("libspanring.so.0", needs(extension))

    def test_where_the_library_does_not_run_there_is_nothing_to_compile_and_nothing_is_recorded(self):
        with tempfile.TemporaryDirectory() as folder:
            run("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder,
                str(self.source_distribution()), SPANRING_ELSEWHERE="1", CC="false", CXX="false")
            (wheel,) = pathlib.Path(folder).glob("spanring-*-py3-none-any.whl")
            run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", f"{folder}/installed", str(wheel))
            for system in ("darwin", "win32"):
                with self.subTest(system):
                    said = run("-c", ELSEWHERE, system, PYTHONPATH=f"{folder}/installed")
                    self.assertEqual(said, f"{folder}/installed/spanring/__init__.py {-errno.ENOTSUP} False 7 {spanring.__version__}")

    def test_a_variable_is_enough(self):
        self.assertEqual(run("-c", ASK, OTEL_PYTHON_TRACER_PROVIDER="spanring"), "spanring.provider")

    def test_opentelemetry_instrument_configures_it(self):
        command = pathlib.Path(sys.executable).parent / "opentelemetry-instrument"
        said = run(command, sys.executable, "-c", ASK, OTEL_PYTHON_CONFIGURATOR="spanring")
        self.assertEqual(said, "spanring.provider")

    def test_it_says_why_tracing_is_off(self):
        ask = ("import spanring; p = spanring.TracerProvider(); t = p.get_tracer('t'); "
               "s = t.start_span('s', attributes={'a': 1}); s.set_attribute('b', 2); s.end(); "
               "print(p.state()[0], s.is_recording(), s.get_span_context().is_valid)")
        self.assertEqual(run("-c", ask, SPANRING_DISABLED="1"), "-125 False False")


if __name__ == "__main__":
    unittest.main()

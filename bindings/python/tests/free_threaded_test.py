# SPDX-License-Identifier: Apache-2.0
"""CPython without the interpreter's lock. Where one is there (python3.13t or a later one on PATH, or what SPANRING_FREE_THREADED_PYTHON
names), the package is built for it and threads share spans; where only headers of CPython 3.13 or later are there, the extension
is compiled against them as that build does it."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
HEADERS = PACKAGE.parents[1] / "include"
MINORS = range(13, 20)
INCLUDE = "import sysconfig; print(sysconfig.get_path('include'))"
ASK = "import sys, sysconfig; sys.exit(sysconfig.get_config_var('Py_GIL_DISABLED') != 1)"
THREADS, SPANS = 8, 2000
# Each thread sets on a span that all have, and makes children of its own; half of these are ended by another thread.
PROGRAM = f"""
import sys, threading
from opentelemetry import trace
from spanring import TracerProvider, test_kit
assert not sys._is_gil_enabled(), "an extension asked for the lock"
test_kit.begin()
provider = TracerProvider("free", memory_limit=64 << 20)
tracer = provider.get_tracer("free")
shared = tracer.start_span("shared")
given, taken = [[] for _ in range({THREADS})], threading.Barrier({THREADS})
failed = []

def work(number):
    try:
        for i in range({SPANS}):
            shared.set_attribute(f"of.{{number}}", i)
            with tracer.start_as_current_span("child", context=trace.set_span_in_context(shared), attributes={{"i": i}}) as span:
                assert trace.get_current_span() is span
            given[number].append(tracer.start_span("given"))
        taken.wait()
        for span in given[(number + 1) % {THREADS}]:
            span.end()
    except BaseException as error:
        failed.append(error)
        raise

threads = [threading.Thread(target=work, args=(number,)) for number in range({THREADS})]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
shared.end()
assert not failed and not sys._is_gil_enabled()
seen = test_kit.spans()
names = [span.name for span in seen]
assert {{name: names.count(name) for name in set(names)}} == {{"child": {THREADS * SPANS}, "given": {THREADS * SPANS}, "shared": 1}}
assert not any(span.is_open for span in seen) and test_kit.lost() == 0
(one,) = [span for span in seen if span.name == "shared"]
assert dict(one.attributes) == {{f"of.{{number}}": {SPANS} - 1 for number in range({THREADS})}}
assert all(span.is_child_of(one) for span in seen if span.name == "child")
print("whole")
"""


# As well where pyenv has it and does not show it.
PATH = os.pathsep.join([os.environ.get("PATH", ""), *map(str, pathlib.Path.home().glob(".pyenv/versions/*/bin"))])


def free_threaded():
    said = os.environ.get("SPANRING_FREE_THREADED_PYTHON")
    for name in [said] if said else [f"python3.{minor}t" for minor in MINORS]:
        found = shutil.which(name, path=PATH)
        if found and subprocess.run([found, "-c", ASK], stderr=subprocess.DEVNULL).returncode == 0:
            return found
    return None


def headers():
    for folder in PATH.split(os.pathsep):
        for python in sorted(pathlib.Path(folder or ".").glob("python3.1[3-9]")):
            said = subprocess.run([python, "-c", INCLUDE], capture_output=True, text=True).stdout.strip()
            if said and (pathlib.Path(said) / "Python.h").exists():
                return said
    return None


class FreeThreadedTest(unittest.TestCase):
    def test_threads_share_spans(self):
        python = free_threaded()
        if python is None:
            self.skipTest("no CPython without the interpreter's lock is here")
        (package,) = (pathlib.Path(sys.prefix).parent / "packages").glob("spanring-*.tar.gz")
        site = next(path for path in sys.path if path.endswith("site-packages"))
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["tar", "xf", package, "--strip-components=1"], cwd=folder, check=True)
            environment = {**os.environ, "PYTHONPATH": site, "PYTHONDONTWRITEBYTECODE": "1"}
            built = subprocess.run([python, "setup.py", "-q", "build", "--build-lib", "built"], cwd=folder, env=environment,
                                   capture_output=True, text=True)
            self.assertEqual(built.returncode, 0, built.stderr)
            ran = subprocess.run([python, "-c", PROGRAM], capture_output=True, text=True,
                                 env={**environment, "PYTHONPATH": f"{folder}/built:{site}"})
            self.assertEqual((ran.returncode, ran.stdout), (0, "whole\n"), ran.stderr)

    def test_the_extension_compiles(self):
        include = headers()
        if include is None:
            self.skipTest("no headers of CPython 3.13 or later are here")
        for source in sorted((PACKAGE / "native").glob("*.c")):
            with self.subTest(source.name):
                subprocess.run(["cc", "-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-DPy_GIL_DISABLED=1", "-isystem", include,
                                "-I", HEADERS, source], check=True)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""The extension: its own C files, and the library as the two files that tools/amalgamate makes; and the test kit, a shared object of
its own that spanring.test_kit loads. A source distribution brings both as such files (tools/wheel makes it); in spanring's own tree
they are made here, from the sources beside.

The library is C++ that needs no C++ runtime, and a C linker links it: so nothing of libstdc++ is needed to run. For distributions:
SPANRING_VENDORED=0 links the one that pkg-config finds, of this version or newer, and compiles none.

Where the library does not run, on another system than Linux, there is no extension: spanring/elsewhere.py is what the package does
there. SPANRING_ELSEWHERE=1 makes that package here, for tests.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = pathlib.Path(__file__).resolve().parent
PACKAGED = HERE / "libspanring"
TREE = HERE.parent.parent
RUNS = sys.platform == "linux" and os.environ.get("SPANRING_ELSEWHERE") != "1"
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
# One wheel for all versions from this on; that without the interpreter's lock has no limited API yet.
LIMITED = {} if FREE_THREADED else {"Py_LIMITED_API": "0x030b0000"}
# Loaded by dlopen(): of initial-exec, glibc has a small reserve for all such objects, and musl none.
MODEL = ("SPR_TLS_MODEL", '"global-dynamic"')
TEST_KIT = "spanring._test_kit"


def header():
    packaged = PACKAGED / "spanring.h"
    return packaged if packaged.exists() else TREE / "include/spanring/spanring.h"


def version():
    numbers = dict(re.findall(r"#define SPR_VERSION_(MAJOR|MINOR|PATCH) (\d+)", header().read_text(encoding="utf-8")))
    return "{MAJOR}.{MINOR}.{PATCH}".format(**numbers)


def amalgamation(folder, name, *options):
    """Where NAME.cpp and NAME.h are."""
    if (PACKAGED / f"{name}.cpp").exists():
        return PACKAGED
    subprocess.run([sys.executable, "-B", TREE / "tools/amalgamate", *options, folder], check=True)
    return pathlib.Path(folder)


def installed(question):
    program = os.environ.get("PKG_CONFIG", "pkg-config")
    return subprocess.run([program, question, f"spanring >= {version()}"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()


class Build(build_ext):
    def build_extension(self, extension):
        if extension.name == TEST_KIT:
            sources = amalgamation(pathlib.Path(self.build_temp) / "test_kit", "spanring_test_kit", "--test-kit")
            extension.extra_objects = self.compile_amalgamation(sources / "spanring_test_kit.cpp")
        elif os.environ.get("SPANRING_VENDORED") == "0":
            extension.extra_compile_args += installed("--cflags")
            extension.extra_link_args += installed("--libs")
        else:
            self.compile_library(extension)
        super().build_extension(extension)

    def compile_library(self, extension):
        sources = amalgamation(pathlib.Path(self.build_temp) / "libspanring", "spanring")
        include = pathlib.Path(self.build_temp) / "include"
        (include / "spanring").mkdir(parents=True, exist_ok=True)
        shutil.copy(sources / "spanring.h", include / "spanring")
        extension.include_dirs = [str(include)]
        extension.extra_objects = self.compile_amalgamation(sources / "spanring.cpp")

    def compile_amalgamation(self, source):
        return self.compiler.compile(
            [str(source)], output_dir=self.build_temp, macros=[MODEL], extra_postargs=[
                "-std=c++17", "-O2", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-g0"])


NATIVE = Extension(
    "spanring._native", language="c", py_limited_api=bool(LIMITED), define_macros=list(LIMITED.items()),
    sources=sorted(f"native/{path.name}" for path in (HERE / "native").glob("*.c")),
    depends=sorted(f"native/{path.name}" for path in (HERE / "native").glob("*.h")),
    extra_compile_args=["-std=c11", "-O2", "-g0", "-fvisibility=hidden"],
    # Another copy in the process, which the program itself may link, does not take its calls.
    extra_link_args=["-Wl,-Bsymbolic-functions"])

setup(
    version=version(),
    license="Apache-2.0",
    cmdclass={"build_ext": Build},
    ext_modules=[NATIVE, Extension(TEST_KIT, sources=[], py_limited_api=bool(LIMITED))] if RUNS else [],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if RUNS and not FREE_THREADED else {},
)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian packages (tools/deb), installed by dpkg: into this machine's own system as root sees it, with a layer above it that
takes every change, so that nothing of it stays. Programs are compiled and run there, an agent drains them, and what a purge leaves
is compared with what was there before.

    debian_test.py [--packages FOLDER]        those of that folder, in place of new ones

Ends with 77 where there is no dpkg, or no right to mount such a layer.
"""

import os
import pathlib
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
NAMES = ["libspanring0", "libspanring-dev", "spanring-agent", "spanring-tap", "lua-spanring", "python3-spanring"]
if platform.machine() in ("x86_64", "aarch64"):
    NAMES.append("spanring-envoy")
TIMEOUT = 300
SKIPPED = 77
LAYER = """set -e
mount -t overlay overlay -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/work {folder}/root
mount -t proc proc {folder}/root/proc
mount --bind /dev {folder}/root/dev
mount -t tmpfs tmpfs {folder}/root/run
mount -t tmpfs tmpfs {folder}/root/tmp
mkdir {folder}/root/tmp/packages {folder}/root/tmp/source
mount --bind {packages} {folder}/root/tmp/packages
mount --bind {source} {folder}/root/tmp/source
exec env HOME=/tmp chroot {folder}/root bash -euc "$1"
"""
# What dpkg, ldconfig, man-db and sysusers keep for themselves; users stay by policy.
KEPT = ("/var/lib/dpkg/", "/var/log/", "/var/cache/ldconfig/", "/etc/ld.so.cache", "/etc/passwd", "/etc/group", "/etc/shadow",
        "/etc/gshadow", "/etc/.pwd.lock", "/run/", "/tmp/", "/proc/", "/dev/", "/var/lib/systemd/", "/var/cache/man/")


class Layer:
    def __init__(self, packages):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spanring-layer-", dir="/dev/shm"))
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir()
        self.mounts = LAYER.format(folder=self.folder, packages=shlex.quote(str(packages)), source=shlex.quote(str(SOURCE)))

    def run(self, script):
        """In it, in namespaces of its own: processes that it leaves end with it."""
        return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", self.mounts, "sh", script],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT)

    def changed(self):
        """What there is in the layer above: files that are new or other than below, and marks of those that were removed."""
        upper = self.folder / "upper"
        paths = {"/" + path.relative_to(upper).as_posix() for path in upper.rglob("*") if not path.is_dir()}
        return {path for path in paths if not path.startswith(KEPT)}

    def remove(self):
        shutil.rmtree(self.folder)


class DebianTest(unittest.TestCase):
    packages = None

    @classmethod
    def setUpClass(cls):
        cls.layer = Layer(cls.packages)
        cls.addClassCleanup(cls.layer.remove)
        cls.files = sorted(path.name for path in cls.packages.glob("*.deb"))
        said = cls.layer.run("cd /tmp/packages && dpkg --install " + " ".join(cls.files))
        if said.returncode != 0:
            raise AssertionError(said.stdout)

    def inside(self, script):
        done = self.layer.run(script)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_1_there_is_one_of_each_and_dpkg_finds_it_whole(self):
        self.assertEqual(sorted(name.split("_")[0] for name in self.files), sorted(NAMES))
        self.assertEqual(self.inside("dpkg --verify " + " ".join(NAMES)), "")
        self.assertNotIn("not-installed", self.inside("dpkg-query -W -f '${Package} ${db:Status-Status}\\n' " + " ".join(NAMES)))

    def test_2_what_a_program_records_is_in_the_agents_store(self):
        said = self.inside("""
            cd /tmp
            cp source/tests/abi/caller.c .
            gcc caller.c -o caller $(pkg-config --cflags --libs spanring)
            readelf -d caller | grep -q 'libspanring.so.0'
            mkdir -m 700 segments state
            SPANRING_DIR=/tmp/segments ./caller
            spanring-agent --directory /tmp/segments --state-dir /tmp/state --exporter store 2>agent.log &
            for i in $(seq 300); do
                spanring --state-dir /tmp/state traces --json 2>/dev/null | grep -q '"span"' && break
                kill -0 $! || break
                sleep 0.1
            done
            spanring --state-dir /tmp/state traces
            kill $!
            wait $! || { cat agent.log; exit 1; }
        """)
        self.assertIn("span", said)

    def test_3_the_static_library_and_the_test_kit_link(self):
        self.inside("""
            cd /tmp
            gcc source/tests/abi/test_kit.c -o kit $(pkg-config --cflags --libs spanring-test-kit)
            ./kit
            gcc source/tests/abi/test_kit.c -o kit -l:libspanring-test-kit.a -l:libspanring.a
            ./kit
            echo '#include <spanring/spanring.hpp>' >a.cpp
            g++ -std=c++17 -c a.cpp
        """)

    def test_4_python_has_a_provider_and_links_the_library(self):
        said = self.inside("""
            cd /usr/lib/python3/dist-packages
            readelf -d spanring/_native.abi3.so | grep NEEDED
            /usr/bin/python3 -c 'import importlib.metadata as m
print(m.version("spanring"), [e.value for e in m.entry_points(group="opentelemetry_tracer_provider")])'
            ls spanring/__pycache__ | head -1
        """)
        self.assertIn("libspanring.so.0", said)
        self.assertIn("spanring:TracerProvider", said)
        self.assertIn(".pyc", said)

    def test_5_the_units_are_sound_and_start_what_is_installed(self):
        said = self.inside("""
            getent passwd spanring
            spanring-agent print-config /etc/spanring/config.yaml >/dev/null
            if command -v systemd-analyze >/dev/null; then
                systemd-analyze verify --man=no spanring-agent.service spanring-agent@games.service 2>&1 | grep -i spanring || true
            fi
        """)
        self.assertIn("/var/lib/spanring", said)
        self.assertEqual(said.strip().count("\n"), 0, said)

    @unittest.skipUnless("spanring-envoy" in NAMES, "Envoy is not released for this machine")
    def test_6_envoys_modules_need_libc_alone_and_offer_what_it_asks_for(self):
        said = self.inside("""
            cd /usr/lib/*/spanring/envoy
            for minor in 38 39 40; do
                readelf -d libspanring_envoy_1.$minor.so | sed -n 's/.*NEEDED.*\\[\\(.*\\)\\].*/needs \\1/p'
                nm -D --defined-only libspanring_envoy_1.$minor.so | grep -c ' T envoy_dynamic_module_on_tracer_'
                grep -qx "libspanring_envoy_1.$minor.so" <(ls)
            done
            dpkg --search $PWD/libspanring_envoy_1.40.so
        """)
        lines = said.split("\n")
        needed = {line for line in lines if line.startswith("needs ")}
        self.assertEqual({line for line in needed if not line.startswith(("needs libc.so.", "needs ld-linux"))}, set(), said)
        functions = [int(line) for line in lines if line.isdigit()]  # of its 16 one is the program's, and not a tracer's
        self.assertEqual(len(functions), 3, said)
        self.assertGreaterEqual(min(functions), 15, said)
        self.assertIn("spanring-envoy:", said)

    def test_7_an_upgrade_keeps_the_configuration(self):
        self.inside("echo '# mine' >>/etc/spanring/config.yaml")
        self.inside("cd /tmp/packages && dpkg --install --force-confdef " + " ".join(self.files))
        self.assertIn("# mine", self.inside("cat /etc/spanring/config.yaml"))

    def test_75_the_tap_alone_needs_iceoryx_and_the_agent_starts_it(self):
        """Without it the agent says which package it lacks."""
        needs = {name: self.inside(f"dpkg-query -W -f '${{Depends}}' {name}") for name in NAMES}
        self.assertEqual([name for name in NAMES if "iceoryx" in needs[name]], ["spanring-tap"])
        said = self.inside("""
            cd /tmp
            echo '#include <spanring/tap.h>' >a.c
            gcc -std=c99 -c a.c
            man -l /usr/share/man/man8/spanring-tap.8.gz | head -3 || true
            echo 'exporters: {iceoryx: }' >tap.yaml
            spanring-agent validate tap.yaml
            mkdir -m 700 segments state
            spanring-agent --directory /tmp/segments --state-dir /tmp/state --config tap.yaml 2>agent.log &
            for i in $(seq 300); do
                spanring --state-dir /tmp/state status 2>/dev/null | grep iox-roudi && break
                kill -0 $! || break
                sleep 0.1
            done
            kill $!
            wait $! || { cat agent.log; exit 1; }
            dpkg --remove spanring-tap >/dev/null
            spanring-agent validate tap.yaml && exit 1 || true
            spanring-agent --version
            dpkg --install packages/spanring-tap_*.deb >/dev/null
        """)
        self.assertIn("iceoryx's daemon (iox-roudi) does not run", said)
        self.assertIn("(Debian: the package spanring-tap)", said)

    def test_8_a_purge_leaves_nothing(self):
        self.inside("mkdir -p /var/lib/spanring/all && dpkg --purge " + " ".join(reversed(NAMES)))
        self.inside("test ! -e /var/lib/spanring")
        # Where the system below has one, the layer has a mark that it was removed.
        self.assertEqual(self.layer.changed() - {"/var/lib/spanring"}, set())

    def test_lintian(self):
        if shutil.which("lintian") is None:
            self.skipTest("lintian is not installed")
        done = subprocess.run(["lintian", "--fail-on", "error", *sorted(map(str, self.packages.glob("*.deb")))], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


def may_mount(folder):
    layer = Layer(folder)
    try:
        return layer.run("true").returncode == 0
    finally:
        layer.remove()


def main():
    with tempfile.TemporaryDirectory() as made:
        given = sys.argv[1:3] if sys.argv[1:2] == ["--packages"] else []
        folder = pathlib.Path(given[1] if given else made).resolve()
        del sys.argv[1:1 + len(given)]
        if os.geteuid() != 0 or shutil.which("dpkg-deb") is None or not may_mount(folder):
            print("debian_test.py: needs Debian, and the right to mount", file=sys.stderr)
            return SKIPPED
        if not given:
            subprocess.run([SOURCE / "tools/deb", folder], check=True)
        DebianTest.packages = folder
        return 0 if unittest.main(exit=False, verbosity=2).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())

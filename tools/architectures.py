# SPDX-License-Identifier: Apache-2.0
"""Architectures for which tools/test builds and runs the library, other than the machine's own."""

import dataclasses
import pathlib

SOURCE = pathlib.Path(__file__).resolve().parent.parent


@dataclasses.dataclass
class Foreign:
    """Another architecture than the machine's: its compiler, and how its programs run here."""
    label: str
    debian: str  # the architecture's name there
    triplet: str
    family: str  # Meson's
    c: list
    cpp: list
    tools: str = ""  # in front of the names of ar and strip
    needs: list = dataclasses.field(default_factory=list)  # commands
    wrapper: list = dataclasses.field(default_factory=list)
    left_out: dict = dataclasses.field(default_factory=dict)  # {test: why}
    left_out_of_tests: dict = dataclasses.field(default_factory=dict)  # {cases of GoogleTest: why}

    def cross_file(self, build, libraries):
        """Written into the build folder: Meson takes no path that is relative to the file."""
        quoted = lambda words: "[" + ", ".join(f"'{word}'" for word in words) + "]"
        text = [f"[binaries]\nc = {quoted(self.c)}\ncpp = {quoted(self.cpp)}\n"
                f"ar = '{self.tools}ar'\nstrip = '{self.tools}strip'\npkgconfig = 'pkg-config'"]
        if self.wrapper:
            text.append(f"exe_wrapper = {quoted(self.wrapper)}")
        text.append(f"[properties]\nneeds_exe_wrapper = {str(bool(self.wrapper)).lower()}\nsys_root = '{libraries}'\n"
                    f"pkg_config_libdir = '{libraries}/usr/lib/{self.triplet}/pkgconfig'")
        text.append(f"[host_machine]\nsystem = 'linux'\ncpu_family = '{self.family}'\ncpu = '{self.family}'\nendian = 'little'\n")
        file = build.path / "cross.ini"
        file.write_text("\n".join(text))
        return file


def i686():
    return Foreign("i686", "i386", "i386-linux-gnu", "x86", ["gcc", "-m32"], ["g++", "-m32"])


# qemu-user 7.2 hands no madvise() to the kernel: what is not to be inherited over fork() is, and growth asks for nothing.
NO_MADVISE = "needs madvise(), which qemu-user does not hand on"
NO_BOUND = "a bound in time, which an emulator does not keep"
NO_LIMIT = "qemu-user itself writes a file where /proc/self/maps is read, and the limit ends it"
NO_CAUSE = "qemu-user 7.2 crashes in it, of a cause that is not known; it was not tried on a real aarch64"


def aarch64():
    target = "--target=aarch64-linux-gnu"
    return Foreign(
        "aarch64", "arm64", "aarch64-linux-gnu", "aarch64", ["clang-14", target], ["clang++-14", target],
        tools="aarch64-linux-gnu-", needs=["clang-14", "aarch64-linux-gnu-ld", "qemu-aarch64"],
        wrapper=["qemu-aarch64", "-L", str(SOURCE / "build-aarch64/root")],
        left_out={"ring fork_guard": NO_MADVISE, "ring full_tmpfs": NO_MADVISE, "ring segment_memory": NO_MADVISE,
                  "ring segment_huge": NO_MADVISE, "ring segment_huge_kill": NO_MADVISE, "ring segment_lent": NO_MADVISE,
                  "trace fork": NO_MADVISE, "trace idle_slots": NO_MADVISE},
        left_out_of_tests={
            "LargeSpanTest.IsTheParentsAfterAFork": NO_MADVISE,
            "FileSizeTest.OfLessThanASegmentRefusesUntilItIsRaised": NO_LIMIT,
            "FirstSpanTest.IsTriedAgainInAChildAtOnce": NO_MADVISE,
            "FullTmpfsTest.*": NO_MADVISE,
            "PlaceTest.IsFreeInAChildAsWell": NO_MADVISE,
            "ScopeTest.GivesItsRoomBackWithItsProvider": "what qemu-user itself maps for a new place counts as the program's",
            "ScopeTest.HasOneOfThousandsAndNoMore": NO_MADVISE,
            "ScopeTest.WithoutMemoryInItsSegmentIsRefusedAtTheStartUntilThereIsSome": NO_MADVISE,
            "SegmentFileTest.AHoleThatSomebodyElseFilledIsLeftAlone": NO_MADVISE,
            "SegmentFileTest.IsFreeTheMomentItsProcessIsKilledEvenWhileAChildLives": NO_MADVISE,
            "SegmentFileTest.IsNotMappedInAChild": NO_MADVISE,
            "SegmentFileTest.TheHoleInAChildIsCoveredByScratchMemory": NO_MADVISE,
            "UnloadTest.LeavesNothingBehindInTwoThousandReopenings": NO_CAUSE,
            "ClockTest.CountsLikeTheMonotonicClock": NO_BOUND,
            "ClockTest.IsWithinTheBoundFromItsFirstReadingOn": NO_BOUND,
            "ClockTest.StaysWithinAMicrosecondOfTheWallClock": NO_BOUND})


def make_root(root):
    """What qemu puts in front of a program's paths: the other libc, and a kernel that trusts that architecture's counter."""
    clocksource = root / "sys/devices/system/clocksource/clocksource0/current_clocksource"
    clocksource.parent.mkdir(parents=True, exist_ok=True)
    clocksource.write_text("arch_sys_counter\n")
    library = root / "lib"
    if not library.is_symlink():
        library.symlink_to("/usr/aarch64-linux-gnu/lib")

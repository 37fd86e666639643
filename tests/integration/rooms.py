# SPDX-License-Identifier: Apache-2.0
"""The rooms of the tree and who may use whom. A room is a folder; what it may include, itself left out, is its row.

The rows are in order: a room uses only rooms that stand above it in its table, so there can be no circle, and tree_test.py
holds that. docs/architecture.md draws the same.
"""

import pathlib
import re

PUBLIC = "spanring/spanring.h"
CODE = {".h", ".hpp", ".c", ".cpp"}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<(spanring/[^>]+)>)', re.MULTILINE)

# The library. `ring` is both sides' of the shared memory; which files are whose: lib/ring/meson.build.
LIBRARY = {
    "include": set(),
    "lib/ring": set(),
    "lib/trace/base": {"include", "lib/ring"},
    "lib/trace/process": {"include", "lib/ring", "lib/trace/base"},
    "lib/trace/propagation": {"include", "lib/ring", "lib/trace/base", "lib/trace/process"},
    "lib/trace/span": {"include", "lib/ring", "lib/trace/base", "lib/trace/process", "lib/trace/propagation"},
    "lib/test_kit": {"include", "lib/ring"},
    "lib/elsewhere": {"include"},
}

# The agent. Never lib/trace, and of lib/ring the reader's side alone.
AGENT = {
    "agent/base": set(),
    "agent/crash": {"agent/base"},
    "agent/batch": {"agent/base", "agent/crash"},
    "agent/otlp": {"agent/base", "agent/batch"},
    "agent/span_metrics": {"agent/base", "agent/otlp"},
    "agent/processors": {"agent/base", "agent/batch", "agent/otlp"},
    "agent/sampling": {"agent/base"},
    "agent/decide": {"agent/base", "agent/batch", "agent/otlp", "agent/span_metrics", "agent/processors", "agent/sampling"},
    "agent/spool": {"agent/base", "agent/batch"},
    "agent/ledger": {"agent/base", "agent/batch"},
    "agent/segment": {"agent/base", "agent/batch", "agent/otlp", "agent/ledger"},
    "agent/directory": {"agent/base", "agent/segment"},
    "agent/accounts": {"agent/base", "agent/ledger", "agent/segment"},
    "agent/search": {"agent/base", "agent/otlp"},
    "agent/store": {"agent/base", "agent/batch", "agent/otlp", "agent/span_metrics", "agent/search"},
    "agent/presence": {"agent/base"},
    "agent/handover": {"agent/base", "agent/presence"},
    "agent/auth": {"agent/base", "agent/otlp"},
    "agent/programs": {"agent/base"},
    "agent/tap": {"agent/base"},
    "agent/export": {"agent/base", "agent/crash", "agent/batch", "agent/otlp", "agent/spool", "agent/ledger", "agent/auth"},
    "agent/export/file": {"agent/base", "agent/batch", "agent/otlp", "agent/export"},
    "agent/export/grpc": {"agent/base", "agent/batch", "agent/otlp", "agent/export"},
    "agent/export/http": {"agent/base", "agent/otlp", "agent/export"},
    "agent/export/kafka": {"agent/base", "agent/batch", "agent/otlp", "agent/export"},
    "agent/export/stream": {"agent/base", "agent/otlp", "agent/programs", "agent/export"},
    "agent/export/tap": {"agent/base", "agent/crash", "agent/batch", "agent/otlp", "agent/search", "agent/programs", "agent/tap", "agent/export",
                         "agent/export/stream"},
    "agent/drain": {"agent/base", "agent/crash", "agent/batch", "agent/otlp", "agent/span_metrics", "agent/ledger",
                    "agent/segment", "agent/directory", "agent/sampling", "agent/processors", "agent/decide"},
    "agent/receive": {"agent/base", "agent/crash", "agent/batch", "agent/otlp", "agent/span_metrics", "agent/spool",
                      "agent/ledger", "agent/auth", "agent/drain", "agent/processors", "agent/decide"},
    "agent/rights": {"agent/base", "agent/segment", "agent/directory"},
    "agent/metrics": {"agent/base", "agent/auth", "agent/batch", "agent/otlp", "agent/span_metrics", "agent/processors", "agent/decide", "agent/accounts",
                      "agent/drain", "agent/receive"},
    "agent/config": {"agent/base", "agent/otlp", "agent/auth", "agent/span_metrics", "agent/processors", "agent/decide", "agent/store", "agent/export", "agent/export/file",
                     "agent/export/grpc", "agent/export/http", "agent/export/kafka", "agent/export/stream", "agent/export/tap", "agent/receive", "agent/rights", "agent/metrics", "agent/sampling"},
    "agent/reload": {"agent/base", "agent/batch", "agent/decide", "agent/ledger", "agent/drain", "agent/receive", "agent/presence", "agent/metrics", "agent/config"},
    "agent/service": {"agent/base", "agent/batch", "agent/programs", "agent/drain", "agent/receive", "agent/rights", "agent/metrics", "agent/config", "agent/presence",
                      "agent/handover", "agent/reload"},
    "agent/command/terminal": {"agent/base"},
    "agent/command": {"agent/base", "agent/otlp", "agent/command/terminal", "agent/sampling", "agent/presence", "agent/config"},
    "agent/command/processes": {"agent/base", "agent/presence", "agent/otlp", "agent/ledger", "agent/accounts", "agent/command/terminal",
                                "agent/command"},
    "agent/command/traces": {"agent/base", "agent/batch", "agent/otlp", "agent/span_metrics", "agent/search", "agent/store",
                             "agent/receive", "agent/command/terminal", "agent/command", "agent/command/processes"},
    "agent/command/live": {"agent/base", "agent/presence", "agent/otlp", "agent/span_metrics", "agent/segment", "agent/accounts",
                           "agent/search", "agent/store", "agent/command/terminal", "agent/command", "agent/command/processes"},
    "agent/command/open": {"agent/base", "agent/batch", "agent/otlp", "agent/segment", "agent/command/terminal", "agent/command",
                           "agent/command/traces"},
    "agent/command/page": {"agent/base", "agent/presence", "agent/otlp", "agent/span_metrics", "agent/accounts", "agent/search", "agent/store",
                           "agent/receive", "agent/command", "agent/command/processes", "agent/command/traces",
                           "agent/command/open"},
    "agent/command/doctor": {"agent/base", "agent/auth", "agent/segment", "agent/accounts", "agent/sampling", "agent/presence",
                             "agent/tap", "agent/export/grpc", "agent/export/http", "agent/export/kafka", "agent/config",
                             "agent/command/terminal", "agent/command", "agent/command/processes"},
    "agent/command/flare": {"agent/base", "agent/auth", "agent/config", "agent/command", "agent/command/doctor"},
    "agent/command/dump": {"agent/base", "agent/batch", "agent/otlp", "agent/segment", "agent/accounts", "agent/store",
                           "agent/command/terminal", "agent/command", "agent/command/traces"},
}
RING_READERS = {"include", "lib/ring"}  # what any room of the agent may use as well
MAIN = "agent/main.cpp"  # puts the rooms together

# What stands around them.
OUTSIDE = {
    "bindings/cpp": {"include"},
    "bindings/rust": {"include"},
    "bindings/go": {"include"},
    "bindings/python": {"include"},
    "integrations/envoy": {"include"},
    "examples": {"include", "bindings/cpp"},
    "tests/abi/layout": {"lib/ring"},  # frozen copies beside the layout of today
    "tests/abi": {"include"},
    "tests/integration": {"include"},
}
ANYTHING = ("tests/unit", "tests/support", "tests/fuzz", "tests/crash", "tests/install", "tests/bindings",
            "tests/integrations", "bench", "tools")

ROWS = {**LIBRARY, **{room: used | RING_READERS for room, used in AGENT.items()}, **OUTSIDE}
ROOTS = ("lib", "agent", "include", "bindings/cpp/include", "integrations/envoy")  # where an include's path begins


def room_of(path):
    """The room that a file of the tree is in, by the longest folder; None where no row knows it."""
    if path == MAIN:
        return MAIN
    folder = path.rpartition("/")[0]
    while folder:
        if folder in ROWS or folder in ANYTHING:
            # A folder of a table's own stands for itself alone: agent/new and lib/trace/new are unknown, not "agent".
            if folder.split("/")[0] in ("agent", "lib") and path.rpartition("/")[0] != folder:
                return None
            return folder
        folder = folder.rpartition("/")[0]
    return None


def target_of(include, including, exists):
    """The file of the tree that an include names, or None: the file's own folder first, as a compiler looks."""
    own = (pathlib.PurePosixPath(including).parent / include).as_posix()
    for candidate in (own, *(f"{root}/{include}" for root in (*ROOTS, "tests", "bench"))):
        if exists(candidate):
            return candidate
    return None


def includes(text):
    return [quoted or public for quoted, public in INCLUDE.findall(text)]


def faults(files, exists, generated=lambda include: include.endswith(".pb.h")):
    """What is wrong in `files`, pairs of path and text: an include that its room's row does not have, or no row at all."""
    found = []
    for path, text in files:
        if pathlib.PurePosixPath(path).suffix not in CODE | {".go", ".rs"}:
            continue
        room = room_of(path)
        if room is None:
            found.append(f"{path} is in no room: give its folder a row in tests/integration/rooms.py")
            continue
        for include in includes(text):
            target = target_of(include, path, exists)
            if target is None:
                if not generated(include):
                    found.append(f"{path} includes {include}, which is nowhere")
                continue
            used = room_of(target)
            if room == MAIN or room in ANYTHING or used == room:
                continue
            if used is None or used not in ROWS[room]:
                found.append(f"{path} includes {include}, and {room} may not use {used}")
    return found


def order_faults(table):
    """Rows that use a room of their own table which stands below them, or one that does not exist."""
    seen = set()
    found = []
    for room, used in table.items():
        found += [f"{room} uses {other}, which stands below it" for other in used if other in table and other not in seen]
        found += [f"{room} uses {other}, which has no row" for other in used if other not in ROWS]
        seen.add(room)
    return found

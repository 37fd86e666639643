# SPDX-License-Identifier: Apache-2.0
"""spanring.lua in plain LuaJIT: its structs are those of the header, what it says arrives, it throws nothing, and LuaJIT's compiler
takes it."""

import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "integration"), str(HERE.parent.parent / "bindings")]
import harness  # noqa: E402
import nginx  # noqa: E402
import otlp_json  # noqa: E402
from data_test import attributes_of, event_of, link_of  # noqa: E402

ABI = nginx.LUA / "spanring/abi.lua"
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def structs():
    """{struct: [members]} of the module's declarations."""
    text = re.search(r"ffi.cdef \[\[(.*?)\]\]", ABI.read_text(), re.DOTALL).group(1)
    found = {}
    for body, name in re.findall(r"^typedef struct \w+ \{\n(.*?)^\} (\w+);", text, re.DOTALL | re.MULTILINE):
        found[name] = re.findall(r"(\w+)(?:\[\d+\])?;", body)
    found["spr_value"], found["spr_attribute"] = ["type", "reserved", "value"], ["key", "key_size", "type", "reserved", "value"]
    return found


def functions():
    return re.findall(r"^(?:int|const char \*) ?\*?(spr_\w+)\(", ABI.read_text(), re.MULTILINE)


class Lua(harness.Case):
    def setUp(self):
        nginx.skip_without_luajit()
        super().setUp()

    def run_lua(self, script, *arguments, **environment):
        environment.setdefault("SPANRING_DIR", self.workspace.segments)
        answer = subprocess.run(["luajit", script, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=harness.WATCHDOG,
                                env=harness.environment(LD_LIBRARY_PATH=harness.BUILD / "lib", LUA_PATH=f"{nginx.LUA}/?.lua;;",
                                                        **environment))
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        return answer.stdout


class Abi(Lua):
    def test_structs_are_those_of_the_header(self):
        there = structs()
        self.assertGreater(len(there), 15)
        program, source = self.workspace.folder / "layout", self.workspace.folder / "layout.c"
        source.write_text("#include <stdio.h>\n#include <spanring/spanring.h>\nint main(void) {\n" + "".join(
            f'printf("{name} %zu\\n", sizeof({name}));\n' +
            "".join(f'printf("{name}.{member} %zu\\n", offsetof({name}, {member}));\n' for member in members)
            for name, members in there.items()) + "return 0;\n}\n")
        subprocess.run(["gcc", "-I", harness.SOURCE / "include", source, "-o", program], check=True)
        script = self.workspace.folder / "layout.lua"
        script.write_text('local ffi = require "ffi"\nrequire "spanring.abi"\n' + "".join(
            f'print("{name} " .. ffi.sizeof("{name}"))\n' +
            "".join(f'print("{name}.{member} " .. ffi.offsetof("{name}", "{member}"))\n' for member in members)
            for name, members in there.items()))
        self.assertEqual(self.run_lua(script), subprocess.run([program], capture_output=True, text=True, check=True).stdout)

    def test_functions_are_those_of_the_library(self):
        self.assertGreater(len(functions()), 30)
        script = self.workspace.folder / "functions.lua"
        script.write_text('local C = require "spanring.abi".load()\n' + "".join(f"assert(C.{name})\n" for name in functions()))
        self.run_lua(script)


class Spans(Lua):
    def test_what_is_said_arrives(self):
        collector = self.workspace.collector().start()
        self.workspace.agent("--endpoint", collector.endpoint)
        sent = self.run_lua(HERE / "spans.lua").split()
        self.workspace.accounting()
        collector.stop()
        received = otlp_json.Received(collector.received).read()
        spans = {span.fields["name"]: span.fields for span in received}
        self.assertEqual(len(spans), len(received))
        (first, *_) = received
        resource = attributes_of(first.resource)
        self.assertEqual((resource["service.name"], resource["telemetry.sdk.language"], resource["deployment.environment.name"]),
                         ("lua", "lua", "test"))
        self.assertEqual((first.scope["name"], first.scope["version"], first.schema_url),
                         ("spans.lua", "1.2", "https://example.com/schema"))

        server = spans["server"]
        self.assertEqual([server["spanId"], spans["renamed"]["spanId"]], sent[1:])
        self.assertEqual((server["traceId"], server["parentSpanId"], server["kind"], server["traceState"]),
                         (TRACE, CALLER, 2, "vendor=1,other=x"))
        self.assertEqual(attributes_of(server), {
            "text": "ä", "whole": 7, "part": 0.5, "yes": True, "list": [1, "two", False, 2.5], "long": 2 ** 62, "later": "set",
            "again": 2, "double": 3.0, "mixed": ["a", 1]})
        self.assertEqual(server["status"], {"code": 2, "message": "it broke"})
        event, exception = (event_of(event) for event in server["events"])
        self.assertEqual((event["name"], event["time"], event["attributes"]), ("an event", 1700000000000000000, {"key": "value"}))
        self.assertEqual((exception["name"], exception["attributes"]), ("exception", {
            "exception.type": "LuaError", "exception.message": "it broke", "exception.stacktrace": "stack traceback: ..."}))

        client = spans["renamed"]
        self.assertEqual((client["parentSpanId"], client["kind"], client["status"]), (server["spanId"], 3, {"code": 1}))
        (link,) = (link_of(link) for link in client["links"])
        self.assertEqual((link["trace"], link["attributes"]), (TRACE, {"why": "because"}))
        whole = spans["whole"]
        self.assertEqual((whole["startTimeUnixNano"], whole["endTimeUnixNano"]), ("1700000000000000000", "1700000000000000500"))
        self.assertEqual(spans["into"]["kind"], 4)
        for i in (1, 2, 3):
            self.assertEqual(spans[f"inside {i}"]["parentSpanId"], spans[f"coroutine {i}"]["spanId"])
        self.assertNotIn("dropped", spans)

    def test_the_program_of_the_page_works(self):
        (block,) = re.findall(r"```lua\n(.*?)```", (harness.SOURCE / "docs/luajit.md").read_text(), re.DOTALL)
        program = self.workspace.folder / "page.lua"
        program.write_text(block)
        self.workspace.agent("--exporter", "debug")
        said = self.run_lua(program)
        self.assertRegex(said, "^00-[0-9a-f]{32}-[0-9a-f]{16}-03\n$")
        (process,) = self.workspace.accounting()
        self.assertEqual((process["started"], process["ended"]), (2, 2))

    def test_it_throws_nothing(self):
        self.assertIn("problem false", self.run_lua(HERE / "wrong.lua"))

    def test_it_throws_nothing_where_tracing_is_off(self):
        self.assertIn("problem true", self.run_lua(HERE / "wrong.lua", SPANRING_DISABLED="1"))

    def test_it_throws_nothing_where_the_library_is_missing(self):
        self.assertIn("problem true", self.run_lua(HERE / "wrong.lua", "named", SPANRING_LIBRARY="/nowhere"))

    def test_it_is_compiled(self):
        self.assertEqual(self.run_lua(HERE / "compiled.lua"), "loops 4 of 4, not supported 0\n")

    def test_what_is_not_compiled_would_be_seen(self):
        said = self.run_lua(HERE / "compiled.lua", "planted")
        self.assertRegex(said, "loops 4 of 5, not supported [1-9]")


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""The test kit: what was recorded is read back, and pytest finds its fixture."""

import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

import spanring
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, set_span_in_context
from spanring import test_kit

test_kit.begin()
TRACER = spanring.TracerProvider(service_name="shop").get_tracer("shop.checkout", "1.0", "https://schemas.test/s", {"team": "a"})


class TestKitTest(unittest.TestCase):
    def setUp(self):
        test_kit.clear()

    def test_what_was_set_is_read(self):
        other = SpanContext(1, 2, True, TraceFlags(1))
        with TRACER.start_as_current_span("checkout", kind=SpanKind.SERVER, links=[Link(other, {"why": "retry"})]) as span:
            span.set_attributes({"item": "book", "items": 3, "price": 1.5, "paid": True, "body": b"\0\xff", "sizes": [1, 2]})
            span.add_event("paid", {"currency": "EUR"}, 1_700_000_000_000_000_000)
            span.set_status(Status(StatusCode.ERROR, "out of paper"))
        (seen,) = test_kit.spans()
        self.assertEqual((seen.name, seen.kind, seen.is_open, seen.pid), ("checkout", SpanKind.SERVER, False, os.getpid()))
        self.assertEqual((seen.context.trace_id, seen.context.span_id), (span.get_span_context().trace_id, span.get_span_context().span_id))
        self.assertIsNone(seen.parent_span_id)
        self.assertEqual(seen.attributes, {"item": "book", "items": 3, "price": 1.5, "paid": True, "body": b"\0\xff", "sizes": [1, 2]})
        self.assertEqual((seen.status.status_code, seen.status.description), (StatusCode.ERROR, "out of paper"))
        (event,) = seen.events
        self.assertEqual((event.name, event.timestamp, event.attributes), ("paid", 1_700_000_000_000_000_000, {"currency": "EUR"}))
        (link,) = seen.links
        self.assertEqual((link.context.trace_id, link.context.span_id, link.attributes), (1, 2, {"why": "retry"}))
        self.assertEqual((seen.scope.name, seen.scope.version, seen.scope.schema_url, seen.scope.attributes),
                         ("shop.checkout", "1.0", "https://schemas.test/s", {"team": "a"}))
        self.assertEqual(seen.resource["service.name"], "shop")
        self.assertLessEqual(seen.start_time, seen.end_time)
        self.assertEqual(test_kit.lost(), 0)

    def test_what_is_open_is_seen_and_stays(self):
        outer = TRACER.start_span("outer", attributes={"step": 1})
        TRACER.start_span("inner", set_span_in_context(outer)).end()
        inner, seen = test_kit.spans()
        self.assertTrue(seen.is_open and seen.end_time is None and inner.is_child_of(seen) and not inner.is_open)
        self.assertEqual(seen.attributes, {"step": 1})
        test_kit.clear()
        self.assertEqual([span.name for span in test_kit.spans()], ["outer"])
        outer.end()
        self.assertFalse(test_kit.spans()[0].is_open)

    def test_a_child_that_was_killed_is_seen_where_it_is_asked_for(self):
        child = ("import os, signal, spanring; t = spanring.TracerProvider().get_tracer('t'); t.start_span('done').end(); "
                 "open = t.start_span('unfinished'); os.kill(os.getpid(), signal.SIGKILL)")
        subprocess.run([sys.executable, "-c", child])
        self.assertEqual(test_kit.spans(), [])
        self.assertEqual([(span.name, span.is_open) for span in test_kit.all_spans()], [("done", False), ("unfinished", True)])
        test_kit.clear()
        self.assertEqual(test_kit.all_spans(), [])

    def run_pytest(self, text):
        variables = {name: value for name, value in os.environ.items() if name != "SPANRING_DIR"}
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "test_shop.py").write_text(textwrap.dedent(text))
            done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder], cwd=folder, env=variables,
                                  capture_output=True, text=True)
        return done.returncode, done.stdout

    def test_pytest_has_a_fixture(self):
        code, said = self.run_pytest("""
            import spanring
            TRACER = spanring.TracerProvider().get_tracer("shop")

            def test_one(spanring_test_kit):
                TRACER.start_span("one").end()
                assert [span.name for span in spanring_test_kit.spans()] == ["one"]

            def test_two(spanring_test_kit):
                assert spanring_test_kit.spans() == []
        """)
        self.assertEqual(code, 0, said)
        self.assertIn("2 passed", said)

    def test_the_fixture_says_what_to_do_where_it_comes_too_late(self):
        with tempfile.TemporaryDirectory() as segments:
            os.chmod(segments, 0o700)
            code, said = self.run_pytest(f"""
                import os, spanring
                os.environ["SPANRING_DIR"] = {segments!r}
                spanring.TracerProvider().get_tracer("shop").start_span("early").end()

                def test_late(spanring_test_kit):
                    pass
            """)
        self.assertNotEqual(code, 0)
        self.assertIn("call spanring.test_kit.begin() in conftest.py", said)


if __name__ == "__main__":
    unittest.main()

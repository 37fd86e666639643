# SPDX-License-Identifier: Apache-2.0
"""Tracers and spans by themselves, without an agent: what they are to OpenTelemetry's API, and that no argument breaks them.
What arrives of them: tests/bindings/opentelemetry_python_test.py."""

import asyncio
import collections
import contextvars
import enum
import gc
import os
import sys
import threading
import types
import unittest
import weakref

import private_directory
import spanring
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context

private_directory.use()
PROVIDER = spanring.TracerProvider(service_name="test", resource_attributes={"list": [1, "two"]})
TRACER = PROVIDER.get_tracer("span_test", "1.0", "https://schemas.test/s", {"a": [1, None, {"b": b"\xff"}]})
THREADS = 3


def counted(name):
    return PROVIDER.statistics()[name]


def at_once(function):
    """What it gives in each of some threads."""
    barrier = threading.Barrier(THREADS)
    given = []

    def use():
        barrier.wait()
        given.append(function())

    threads = [threading.Thread(target=use) for _ in range(THREADS)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)
    return given


def remote(flags=1, **state):
    return trace.SpanContext(0x0af7651916cd43dd8448eb211c80319c, 0xb7ad6b7169203331, True, trace.TraceFlags(flags),
                             trace.TraceState(list(state.items())))


def below(span_context):
    return trace.set_span_in_context(trace.NonRecordingSpan(span_context), Context())


class SpanTest(unittest.TestCase):
    def test_it_is_a_span_of_the_api(self):
        span = TRACER.start_span("name", kind=trace.SpanKind.CLIENT)
        self.assertIsInstance(span, trace.Span)
        self.assertIsInstance(TRACER, trace.Tracer)
        self.assertIsInstance(PROVIDER, trace.TracerProvider)
        self.assertEqual((span.name, span.kind), ("name", trace.SpanKind.CLIENT))
        self.assertTrue(span.is_recording())
        self.assertTrue(span.get_span_context().is_valid)
        self.assertIs(span.get_span_context(), span.get_span_context())
        span.update_name("another")
        self.assertEqual(span.name, "another")
        span.end()
        span.update_name("too late")
        self.assertEqual(span.name, "another")
        self.assertFalse(span.is_recording())
        self.assertIn("another", repr(span))

    def test_a_child_has_the_trace_of_its_parent(self):
        parent = TRACER.start_span("parent", context=below(remote(a="1", b="2")))
        context = parent.get_span_context()
        self.assertEqual(context.trace_id, remote().trace_id)
        self.assertFalse(context.is_remote)
        self.assertEqual(context.trace_state.to_header(), "a=1,b=2")
        child = TRACER.start_span("child", context=trace.set_span_in_context(parent))
        self.assertEqual(child.get_span_context().trace_id, context.trace_id)
        self.assertEqual(child.get_span_context().trace_state.to_header(), "a=1,b=2")
        self.assertNotEqual(child.get_span_context().span_id, context.span_id)
        parent.end()
        child.end()

    def test_one_that_is_not_sampled_has_a_context_and_passes_it_on(self):
        before = counted("unsampled")
        span = TRACER.start_span("no", context=below(remote(flags=0, a="1")))
        self.assertFalse(span.is_recording())
        context = span.get_span_context()
        self.assertEqual((context.trace_id, context.trace_flags & 1), (remote().trace_id, 0))
        self.assertEqual(context.trace_state.to_header(), "a=1")
        span.record_exception(ValueError())
        span.end()
        self.assertEqual(counted("unsampled"), before + 1)

    def test_a_context_that_does_not_say_whether_it_is_remote_is_not(self):
        local = trace.SpanContext(1, 2, None)
        span = TRACER.start_span("child", context=below(local), links=[trace.Link(local)])
        span.add_link(local)
        self.assertEqual(span.get_span_context().trace_id, 1)
        span.end()

    def test_arguments_are_those_of_the_api(self):
        for wrong in (lambda: TRACER.start_span(), lambda: TRACER.start_span("n", nothing=1),
                      lambda: TRACER.start_span("n", name="n"), lambda: TRACER.start_span(*"123456789"),
                      lambda: TRACER.start_as_current_span(), lambda: TRACER.start_span("n").add_event()):
            with self.assertRaises(TypeError):
                wrong()
        with TRACER.start_as_current_span("n", None, trace.SpanKind.SERVER, {"a": 1}, (), None, True, True, True) as span:
            span.set_attribute(key="a", value=1)
            span.add_event(name="e", attributes={"a": 1}, timestamp=5)
            span.add_link(context=remote(), attributes=None)
            span.set_status(status=trace.StatusCode.ERROR, description="d")
            span.set_status(trace.Status(trace.StatusCode.OK))
        span.end(end_time=7)

    def test_no_value_breaks_it(self):
        itself = []
        itself += [itself, itself]
        deep = ()
        for _ in range(1000):
            deep = (deep,)

        class Text(str, enum.Enum):
            A = "a"

        values = [None, True, -2**63, 2**64, 2**100_000, float("nan"), "\ud800", b"\x00", object(), itself, deep, [0] * 100_000,
                  range(5), {1: 2, "": 3}, collections.OrderedDict(a=1), types.MappingProxyType({"a": 1}), Text.A, {1, 2}, 1j]
        span = TRACER.start_span("\ud800", attributes={"value": values, 5: 6})
        for value in values:
            span.set_attribute("one", value)
            span.set_attributes({"one": value})
            span.add_event("e", {"one": value}, timestamp="no time")
        span.set_attribute("", 1)
        span.set_attribute(None, 1)
        span.set_status("no status")
        span.end("no time")
        self.assertFalse(span.is_recording())

    def test_what_has_no_room_is_counted(self):
        span = TRACER.start_span("none yet")
        before = counted("refused_data")
        span.set_attributes(dict.fromkeys(map(str, range(70_000)), 1))
        self.assertEqual(counted("refused_data"), before + 70_000 - 128)
        full = TRACER.start_span("full", attributes=dict.fromkeys(map(str, range(70_000)), 1))
        self.assertEqual(counted("refused_data"), before + 2 * (70_000 - 128))
        for too_long in ([0] * 100_000, {"in": [0] * 100_000}, dict.fromkeys(map(str, range(70_000)))):
            before = counted("refused_data")
            other = TRACER.start_span("too long", attributes={"a": too_long, "b": 1})
            other.set_attribute("c", too_long)
            self.assertEqual(counted("refused_data"), before + 2)
            other.end()
        span.end()
        full.end()

    def test_what_a_value_raises_is_the_callers(self):
        class Broken:
            def __str__(self):
                raise ZeroDivisionError

        span = TRACER.start_span("broken")
        with self.assertRaises(ZeroDivisionError):
            span.set_attribute("a", [1, {"b": Broken()}])
        with self.assertRaises(ZeroDivisionError):
            TRACER.start_span("broken", attributes={"a": Broken()})
        self.assertTrue(span.is_recording())
        span.end()

    def test_a_value_may_empty_the_mapping_that_it_is_in(self):
        class Thief:
            def __str__(self):
                mapping.clear()
                gc.collect()
                return "gone"

        mapping = {"a" * 100: Thief(), "b" * 100: "c" * 100}
        TRACER.start_span("robbed", attributes=mapping).end()
        self.assertEqual(mapping, {})

    def test_one_that_nobody_ends_ends_as_it_is_collected(self):
        before = counted("ended")
        span = TRACER.start_span("forgotten")
        del span
        gc.collect()
        self.assertEqual(counted("ended"), before + 1)

    def test_a_cycle_through_one_is_collected_and_it_ends(self):
        class Owner:
            pass

        before = counted("ended")
        owner = Owner()
        owner.span = TRACER.start_span(owner)  # by its name
        owner.other = TRACER.start_span("other")
        owner.other.update_name((owner.other,))
        gone = weakref.ref(owner)
        del owner
        gc.collect()
        self.assertIsNone(gone())
        self.assertEqual(counted("ended"), before + 2)

    def test_all_threads_get_the_same_context(self):
        for _ in range(50):
            span = TRACER.start_span("shared")
            self.assertEqual(len(set(map(id, at_once(span.get_span_context)))), 1)
            span.end()

    def test_many_threads_may_use_one(self):
        span = TRACER.start_span("shared")

        def use():
            for i in range(2000):
                span.set_attribute(f"k{i % 20}", i)
                span.update_name(f"n{i}")
                span.get_span_context()

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        span.end()
        self.assertRegex(span.name, "^n")


class CurrentSpanTest(unittest.TestCase):
    def test_a_block_has_its_span_and_the_next_one_its_parent(self):
        with TRACER.start_as_current_span("outer") as outer:
            self.assertIs(trace.get_current_span(), outer)
            with TRACER.start_as_current_span("inner") as inner:
                self.assertIs(trace.get_current_span(), inner)
                self.assertEqual(inner.get_span_context().trace_id, outer.get_span_context().trace_id)
            self.assertIs(trace.get_current_span(), outer)
            self.assertFalse(inner.is_recording())
        self.assertIs(trace.get_current_span(), trace.INVALID_SPAN)

    def test_it_may_outlive_its_block(self):
        with TRACER.start_as_current_span("goes on", end_on_exit=False) as span:
            pass
        self.assertTrue(span.is_recording())
        with trace.use_span(span, end_on_exit=True):
            self.assertIs(trace.get_current_span(), span)
        self.assertFalse(span.is_recording())

    def test_an_exception_leaves_it_as_it_came(self):
        for error in (KeyError("k"), GeneratorExit(), SystemExit(3)):
            with self.assertRaises(type(error)):
                with TRACER.start_as_current_span("fails") as span:
                    raise error
            self.assertFalse(span.is_recording())
            self.assertIs(trace.get_current_span(), trace.INVALID_SPAN)

    def test_a_block_is_entered_once_at_a_time(self):
        block = TRACER.start_as_current_span("once")
        with block:
            with self.assertRaises(RuntimeError):
                block.__enter__()
        with block as span:
            self.assertTrue(span.is_recording())

    def test_of_threads_that_enter_a_block_one_does(self):
        def enter():
            try:
                return block.__enter__()
            except RuntimeError:
                return None

        before = counted("started")
        for _ in range(50):
            block = TRACER.start_as_current_span("once")
            self.assertEqual(at_once(enter).count(None), THREADS - 1)
        self.assertEqual(counted("started"), before + 50)

    def test_a_block_that_could_not_start_its_span_may_be_entered_again(self):
        class Late:
            def __str__(self):
                return block.__enter__().name  # it is not entered yet

        block = TRACER.start_as_current_span("n", attributes={"late": Late()})
        for _ in range(2):
            with self.assertRaisesRegex(RuntimeError, "current already"):
                block.__enter__()
        self.assertIs(trace.get_current_span(), trace.INVALID_SPAN)

    def test_a_cycle_through_a_block_is_collected_and_its_span_ends(self):
        class Request:
            pass

        def enter():
            request = Request()
            request.block = TRACER.start_as_current_span("held", attributes={"request": request})
            request.span = request.block.__enter__()
            return weakref.ref(request)

        before = counted("ended")
        gone = contextvars.copy_context().run(enter)
        gc.collect()
        self.assertIsNone(gone())
        self.assertEqual(counted("ended"), before + 1)

    def test_it_decorates_functions(self):
        depths = []

        @TRACER.start_as_current_span("decorated")
        def fall(depth):
            """Falls."""
            depths.append(trace.get_current_span())
            return fall(depth - 1) if depth else "down"

        self.assertEqual(fall(2), "down")
        self.assertEqual(fall.__doc__, "Falls.")
        self.assertEqual(len({span.get_span_context().span_id for span in depths}), 3)
        self.assertEqual(len({span.get_span_context().trace_id for span in depths}), 1)

    def test_it_decorates_coroutines_and_tasks_do_not_mix(self):
        @TRACER.start_as_current_span("task")
        async def task(number):
            own = trace.get_current_span()
            with TRACER.start_as_current_span("step") as step:
                for _ in range(3):
                    await asyncio.sleep(0)
                    self.assertIs(trace.get_current_span(), step)
            self.assertIs(trace.get_current_span(), own)
            self.assertTrue(own.is_recording())
            return own

        async def main():
            with TRACER.start_as_current_span("main") as span:
                spans = await asyncio.gather(*(task(number) for number in range(20)))
                self.assertIs(trace.get_current_span(), span)
                return span, spans

        span, spans = asyncio.run(main())
        self.assertEqual({one.get_span_context().trace_id for one in spans}, {span.get_span_context().trace_id})
        self.assertEqual(len({one.get_span_context().span_id for one in spans}), 20)

    def test_a_context_may_be_run_elsewhere(self):
        with TRACER.start_as_current_span("here") as span:
            there = contextvars.copy_context()
            self.assertIs(there.run(trace.get_current_span), span)
            found = []
            thread = threading.Thread(target=lambda: found.append(there.run(trace.get_current_span)))
            thread.start()
            thread.join()
            self.assertEqual(found, [span])

    def test_an_attached_context_is_the_parent(self):
        token = contexts.attach(below(remote()))
        with TRACER.start_as_current_span("below") as span:
            self.assertEqual(span.get_span_context().trace_id, remote().trace_id)
        contexts.detach(token)


class ProviderTest(unittest.TestCase):
    def test_a_child_after_fork_goes_on(self):
        with TRACER.start_as_current_span("parent") as span:
            child = os.fork()
            if child == 0:
                fine = not span.is_recording()
                with TRACER.start_as_current_span("child") as own:
                    fine = fine and own.is_recording()
                    fine = fine and own.get_span_context().trace_id == span.get_span_context().trace_id
                os._exit(0 if fine else 1)
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            self.assertTrue(span.is_recording())

    def test_after_shutdown_spans_do_nothing(self):
        provider = spanring.TracerProvider()
        tracer = provider.get_tracer("t")
        tracer.start_span("s").end()
        self.assertFalse(provider.force_flush(1), "there is no agent")
        provider.shutdown(1)
        span = tracer.start_span("s", context=below(remote()))
        self.assertFalse(span.is_recording())
        self.assertEqual(span.get_span_context().span_id, remote().span_id)

    def test_a_scope_may_be_of_anything(self):
        for scope in (("x", 1), ("\ud800", "\ud800", "\ud800"), (None, None, None), ("x", b"1", 5)):
            self.assertTrue(PROVIDER.get_tracer(*scope).start_span("s").is_recording())

    def test_scopes_beyond_the_room_share_one(self):
        provider = spanring.TracerProvider()
        with self.assertNoLogs("spanring.provider"):
            for i in range(8190):
                tracer = provider.get_tracer(f"scope {i}")
        for attributes, tries in ((None, 1), ({"a": 1}, 2)):
            with self.assertLogs("spanring.provider", "WARNING") as logs:
                tracer = provider.get_tracer("one more", attributes=attributes)
            self.assertEqual(len(logs.records), tries)
            self.assertTrue(tracer.start_span("s").is_recording())
        provider.shutdown(0)


if __name__ == "__main__":
    unittest.main()
